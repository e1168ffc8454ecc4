import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0005_booking_cancelled"),
        ("users", "0006_named_fields"),
    ]

    operations = [
        migrations.CreateModel(
            name="DayTotal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("booked", "bookings made"),
                            ("cancelled", "bookings cancelled"),
                            ("published", "slots that were not withdrawn"),
                            ("ahead", "visits by how many days ahead they were booked"),
                        ],
                        max_length=10,
                        verbose_name="what happened",
                    ),
                ),
                ("day", models.DateField(help_text="on the clinic’s clock", verbose_name="day")),
                (
                    "detail",
                    models.CharField(
                        blank=True,
                        help_text="who cancelled, whether it was taken, or how many days ahead",
                        max_length=8,
                        verbose_name="detail",
                    ),
                ),
                ("count", models.PositiveIntegerField(verbose_name="count")),
                ("seconds", models.PositiveBigIntegerField(default=0, verbose_name="seconds")),
                (
                    "clinic",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="users.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "doctor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="users.doctorprofile",
                        verbose_name="doctor",
                    ),
                ),
            ],
            options={
                "verbose_name": "total of a day",
                "verbose_name_plural": "totals of days",
                "indexes": [models.Index(fields=["what", "day"], name="day_total_by_day")],
            },
        ),
    ]
