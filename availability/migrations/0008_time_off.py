import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("availability", "0007_extra_hours"),
    ]

    operations = [
        migrations.CreateModel(
            name="TimeOff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_on", models.DateField(verbose_name="first day")),
                ("ends_on", models.DateField(verbose_name="last day")),
                ("starts", models.TimeField(blank=True, null=True, verbose_name="from")),
                ("ends", models.TimeField(blank=True, null=True, verbose_name="to")),
                (
                    "doctor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="timeoff",
                        to="users.doctorprofile",
                        verbose_name="doctor",
                    ),
                ),
                (
                    "repeats",
                    models.CharField(
                        blank=True,
                        choices=[("weekly", "every week"), ("yearly", "every year")],
                        max_length=6,
                        verbose_name="repeats",
                    ),
                ),
                (
                    "repeats_until",
                    models.DateField(blank=True, null=True, verbose_name="repeats until"),
                ),
            ],
            options={
                "verbose_name": "time off",
                "verbose_name_plural": "times off",
                "indexes": [models.Index(fields=["doctor", "ends_on"], name="timeoff_by_doctor")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                        name="timeoff_days_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ends__isnull", True), ("starts__isnull", True)),
                            models.Q(
                                ("ends__isnull", False),
                                ("starts__isnull", False),
                                models.Q(
                                    ("ends__gt", models.F("starts")),
                                    ("ends", datetime.time(0, 0)),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="timeoff_times_together_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("repeats__in", ["", "weekly", "yearly"])),
                        name="timeoff_repeats_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("repeats_until__isnull", True),
                            models.Q(
                                models.Q(("repeats", ""), _negated=True),
                                ("repeats_until__gte", models.F("starts_on")),
                            ),
                            _connector="OR",
                        ),
                        name="timeoff_until_needs_repeats",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("repeats", "weekly"), _negated=True),
                            (
                                "ends_on__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("starts_on"),
                                    "+",
                                    models.Value(datetime.timedelta(days=6)),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="timeoff_weekly_within_a_week",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("repeats", "yearly"), _negated=True),
                            (
                                "ends_on__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("starts_on"),
                                    "+",
                                    models.Value(datetime.timedelta(days=364)),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="timeoff_yearly_within_a_year",
                    ),
                ],
            },
        ),
    ]
