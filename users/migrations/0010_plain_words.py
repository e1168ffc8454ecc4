"""Texts of forms alone: labels, hints and choices. It changes nothing in the database."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0009_booking_mode"),
    ]

    operations = [
        migrations.AlterField(
            model_name="clinic",
            name="book_ahead_days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: no limit.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(366)],
                verbose_name="how far ahead patients can book (days)",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="book_notice_minutes",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="0: patients can book until the appointment starts.",
                validators=[django.core.validators.MaxValueValidator(20160)],
                verbose_name="minimum notice to book (minutes)",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="booking_mode",
            field=models.CharField(
                choices=[
                    ("look", "see free times and call"),
                    ("request", "request a time, which the clinic confirms"),
                    ("book", "book a time"),
                ],
                db_default="book",
                default="book",
                max_length=7,
                verbose_name="patients may",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="cancel_notice_hours",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="0: patients can cancel until the appointment starts.",
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="minimum notice to cancel (hours)",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="country",
            field=models.CharField(
                blank=True,
                help_text="Used to suggest public holidays as closures.",
                max_length=2,
                verbose_name="country",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="move_notice_hours",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="0: patients can reschedule until the appointment starts.",
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="minimum notice to reschedule (hours)",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="request_hours",
            field=models.PositiveSmallIntegerField(
                db_default=48,
                default=48,
                help_text="After that, or when the appointment would start, the time is free again.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(336),
                ],
                verbose_name="hours to answer a request",
            ),
        ),
        migrations.AlterField(
            model_name="clinic",
            name="subdivision",
            field=models.CharField(
                blank=True,
                help_text="For regional public holidays: the code of the state, province or canton.",
                max_length=40,
                verbose_name="region code",
            ),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="book_ahead_days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: same as the clinic.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(366)],
                verbose_name="how far ahead patients can book (days)",
            ),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="book_notice_minutes",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: same as the clinic.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(20160)],
                verbose_name="minimum notice to book (minutes)",
            ),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="cancel_notice_hours",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: same as the clinic.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="minimum notice to cancel (hours)",
            ),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="move_notice_hours",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: same as the clinic.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="minimum notice to reschedule (hours)",
            ),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="refused_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="rejected at"),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="refused_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="rejected by",
            ),
        ),
        migrations.AlterField(
            model_name="doctorprofile",
            name="video_room_url",
            field=models.URLField(
                blank=True,
                help_text="where patients join a video appointment",
                max_length=300,
                verbose_name="video room",
            ),
        ),
    ]
