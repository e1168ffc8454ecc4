import datetime

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("availability", "0008_time_off"),
    ]

    operations = [
        migrations.CreateModel(
            name="Closure",
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
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="closures",
                        to="users.clinic",
                        verbose_name="clinic",
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="reason")),
            ],
            options={
                "verbose_name": "closure",
                "verbose_name_plural": "closures",
                "indexes": [models.Index(fields=["clinic", "ends_on"], name="closure_by_clinic")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                        name="closure_days_in_order",
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
                        name="closure_times_together_in_order",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "starts_on", "ends_on", "name"), name="closure_once"
                    ),
                ],
            },
        ),
    ]
