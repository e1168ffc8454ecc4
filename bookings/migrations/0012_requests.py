import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    """Requests that hold a slot until somebody answers or time does.

    Old rows are checked without a lock that others wait for. There is a way back while no
    request has lapsed: a cancellation by nobody did not exist before.
    """

    atomic = False
    dependencies = [
        ("availability", "0011_slots_from_hours_checked"),
        ("bookings", "0011_outcome_totals"),
        ("users", "0009_booking_mode"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="request_expires_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="of a request that was never confirmed; it holds the slot until then",
                null=True,
                verbose_name="answer by",
            ),
        ),
        migrations.AlterField(
            model_name="historyentry",
            name="by",
            field=models.ForeignKey(
                help_text="nobody, where time decided",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by whom",
            ),
        ),
        migrations.AlterField(
            model_name="historyentry",
            name="what",
            field=models.CharField(
                choices=[
                    ("booked", "booked"),
                    ("requested", "requested"),
                    ("confirmed", "confirmed"),
                    ("declined", "declined"),
                    ("expired", "not answered in time"),
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
        AddConstraintNotValid(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cancel_reason", ""),
                        ("cancelled_at__isnull", True),
                        ("cancelled_by__isnull", True),
                    ),
                    models.Q(
                        ("cancelled_at__isnull", False),
                        models.Q(
                            ("cancelled_by__isnull", False),
                            ("request_expires_at__isnull", False),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="booking_cancelled_by_somebody_or_in_time",
            ),
        ),
        ValidateConstraint(model_name="booking", name="booking_cancelled_by_somebody_or_in_time"),
        AddConstraintNotValid(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", ""), ("request_expires_at__isnull", True), _connector="OR"
                ),
                name="booking_outcome_of_a_confirmed_one",
            ),
        ),
        ValidateConstraint(model_name="booking", name="booking_outcome_of_a_confirmed_one"),
        AddConstraintNotValid(
            model_name="historyentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("by__isnull", False), ("what", "expired"), _connector="OR"),
                name="history_by_somebody_or_time",
            ),
        ),
        ValidateConstraint(model_name="historyentry", name="history_by_somebody_or_time"),
        migrations.RemoveConstraint(
            model_name="booking",
            name="booking_cancelled_at_and_by_together",
        ),
    ]
