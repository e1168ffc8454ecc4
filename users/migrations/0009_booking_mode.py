import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """How much patients may do by themselves; a clinic has a handful of rows."""

    dependencies = [
        ("users", "0008_windows"),
    ]

    operations = [
        migrations.AddField(
            model_name="clinic",
            name="booking_mode",
            field=models.CharField(
                choices=[
                    ("look", "look at free times, and call"),
                    ("request", "request a time, which the clinic confirms"),
                    ("book", "book a time"),
                ],
                db_default="book",
                default="book",
                max_length=7,
                verbose_name="patients may",
            ),
        ),
        migrations.AddField(
            model_name="clinic",
            name="request_hours",
            field=models.PositiveSmallIntegerField(
                db_default=48,
                default=48,
                help_text="Afterwards, or when the visit would begin, the time is free again.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(336),
                ],
                verbose_name="hours to answer a request",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinic",
            constraint=models.CheckConstraint(
                condition=models.Q(("booking_mode__in", ["look", "request", "book"])),
                name="clinic_booking_mode_known",
            ),
        ),
    ]
