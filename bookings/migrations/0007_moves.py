from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the history keeps of a move; old rows are checked without a lock that others wait for."""

    atomic = False
    dependencies = [
        ("bookings", "0006_day_total"),
    ]

    operations = [
        migrations.AddField(
            model_name="historyentry",
            name="from_ends_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="from: end"),
        ),
        migrations.AddField(
            model_name="historyentry",
            name="from_starts_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="from: start"),
        ),
        migrations.AddField(
            model_name="historyentry",
            name="reason",
            field=models.CharField(
                blank=True, db_default="", max_length=300, verbose_name="reason"
            ),
        ),
        migrations.AddField(
            model_name="historyentry",
            name="to_ends_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="to: end"),
        ),
        migrations.AddField(
            model_name="historyentry",
            name="to_starts_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="to: start"),
        ),
        migrations.AlterField(
            model_name="historyentry",
            name="what",
            field=models.CharField(
                choices=[
                    ("booked", "booked"),
                    ("rescheduled", "moved"),
                    ("cancelled", "cancelled"),
                ],
                max_length=20,
                verbose_name="what happened",
            ),
        ),
        AddConstraintNotValid(
            model_name="historyentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("from_ends_at__isnull", False),
                        ("from_starts_at__isnull", False),
                        ("to_ends_at__isnull", False),
                        ("to_starts_at__isnull", False),
                        ("what", "rescheduled"),
                    ),
                    models.Q(
                        models.Q(("what", "rescheduled"), _negated=True),
                        ("from_ends_at__isnull", True),
                        ("from_starts_at__isnull", True),
                        ("reason", ""),
                        ("to_ends_at__isnull", True),
                        ("to_starts_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="history_spans_of_a_move",
            ),
        ),
        ValidateConstraint(model_name="historyentry", name="history_spans_of_a_move"),
    ]
