import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("availability", "0005_named_fields"),
        ("users", "0007_clinic_country"),
    ]

    operations = [
        migrations.CreateModel(
            name="WeeklyHours",
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
                (
                    "weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        help_text="0 is Monday",
                        size=None,
                        verbose_name="days",
                    ),
                ),
                ("valid_from", models.DateField(verbose_name="valid from")),
                (
                    "valid_until",
                    models.DateField(blank=True, null=True, verbose_name="valid until"),
                ),
                (
                    "every",
                    models.PositiveSmallIntegerField(default=1, verbose_name="every n-th week"),
                ),
                (
                    "anchor",
                    models.DateField(
                        help_text="a day of a week in which they hold", verbose_name="counted from"
                    ),
                ),
            ],
            options={
                "verbose_name": "weekly hours",
                "verbose_name_plural": "weekly hours",
                "indexes": [
                    models.Index(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=["doctor", "valid_until"],
                        name="weeklyhours_by_doctor",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["in_person", "video"])),
                        name="weeklyhours_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("length__gte", 5), ("length__lte", 480)),
                        name="weeklyhours_length_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pause__lte", 240)), name="weeklyhours_pause_possible"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("weekdays__contained_by", [0, 1, 2, 3, 4, 5, 6]),
                            ("weekdays__len__gte", 1),
                        ),
                        name="weeklyhours_weekdays_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True),
                            ("valid_until__gte", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="weeklyhours_end_after_they_begin",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("every__gte", 1), ("every__lte", 8)),
                        name="weeklyhours_every_possible",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WeeklyInterval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "hours",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="intervals",
                        to="availability.weeklyhours",
                        verbose_name="weekly hours",
                    ),
                ),
                ("starts", models.TimeField(verbose_name="from")),
                ("ends", models.TimeField(verbose_name="to")),
            ],
            options={
                "ordering": ["starts"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends__gt", models.F("starts")),
                            ("ends", datetime.time(0, 0)),
                            _connector="OR",
                        ),
                        name="weeklyinterval_in_order",
                    ),
                    models.UniqueConstraint(fields=("hours", "starts"), name="weeklyinterval_once"),
                ],
                "indexes": [],
            },
        ),
    ]
