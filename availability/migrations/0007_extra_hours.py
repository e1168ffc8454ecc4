import datetime

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("availability", "0006_weekly_hours"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExtraHours",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "doctor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)s",
                        to="users.doctorprofile",
                        verbose_name="doctor",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="users.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("in_person", "in person"), ("video", "video")],
                        default="in_person",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "length",
                    models.PositiveSmallIntegerField(
                        default=20, verbose_name="length of a slot, in minutes"
                    ),
                ),
                (
                    "pause",
                    models.PositiveSmallIntegerField(
                        default=0, verbose_name="pause between slots, in minutes"
                    ),
                ),
                (
                    "published_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="when it was last turned into slots",
                        null=True,
                        verbose_name="published at",
                    ),
                ),
                (
                    "withdrawn_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="since then it never held; kept for the slots that it made",
                        null=True,
                        verbose_name="withdrawn at",
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("starts", models.TimeField(verbose_name="from")),
                ("ends", models.TimeField(verbose_name="to")),
            ],
            options={
                "verbose_name": "extra hours",
                "verbose_name_plural": "extra hours",
                "indexes": [
                    models.Index(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=["doctor", "day"],
                        name="extrahours_by_doctor",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["in_person", "video"])),
                        name="extrahours_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("length__gte", 5), ("length__lte", 480)),
                        name="extrahours_length_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pause__lte", 240)), name="extrahours_pause_possible"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends__gt", models.F("starts")),
                            ("ends", datetime.time(0, 0)),
                            _connector="OR",
                        ),
                        name="extrahours_in_order",
                    ),
                ],
            },
        ),
    ]
