from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0007_moves"),
    ]

    operations = [
        migrations.AddField(
            model_name="historyentry",
            name="outside_windows",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="done by the doctor or staff when the patient could no longer, or not yet",
                verbose_name="outside the patients’ times",
            ),
        ),
    ]
