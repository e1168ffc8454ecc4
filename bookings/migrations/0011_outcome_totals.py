from django.db import migrations, models


class Migration(migrations.Migration):
    """One more kind of total; a longer text in a column rewrites no row."""

    dependencies = [
        ("bookings", "0010_booking_unmarked"),
    ]

    operations = [
        migrations.AlterField(
            model_name="daytotal",
            name="detail",
            field=models.CharField(
                blank=True,
                help_text="who cancelled, whether it was taken, how many days ahead, or the outcome",
                max_length=10,
                verbose_name="detail",
            ),
        ),
        migrations.AlterField(
            model_name="daytotal",
            name="what",
            field=models.CharField(
                choices=[
                    ("booked", "bookings made"),
                    ("cancelled", "bookings cancelled"),
                    ("published", "slots that were not withdrawn"),
                    ("ahead", "visits by how many days ahead they were booked"),
                    ("outcome", "visits by what became of them"),
                ],
                max_length=10,
                verbose_name="what happened",
            ),
        ),
    ]
