from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    """What became of a visit; old rows are checked without a lock that others wait for."""

    atomic = False
    dependencies = [
        ("bookings", "0008_windows"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "not marked"),
                    ("checked_in", "checked in"),
                    ("completed", "completed"),
                    ("no_show", "missed"),
                ],
                db_default="",
                default="",
                editable=False,
                max_length=10,
                verbose_name="outcome",
            ),
        ),
        AddConstraintNotValid(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", ""),
                    models.Q(
                        ("cancelled_at__isnull", True),
                        ("outcome__in", ["checked_in", "completed", "no_show"]),
                    ),
                    _connector="OR",
                ),
                name="booking_outcome_of_a_live_one",
            ),
        ),
        ValidateConstraint(model_name="booking", name="booking_outcome_of_a_live_one"),
        migrations.AlterField(
            model_name="historyentry",
            name="what",
            field=models.CharField(
                choices=[
                    ("booked", "booked"),
                    ("rescheduled", "moved"),
                    ("cancelled", "cancelled"),
                    ("checked_in", "checked in"),
                    ("completed", "completed"),
                    ("no_show", "missed"),
                    ("unmarked", "mark taken back"),
                ],
                max_length=20,
                verbose_name="what happened",
            ),
        ),
    ]
