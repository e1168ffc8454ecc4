import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0007_clinic_country"),
    ]

    operations = [
        migrations.AddField(
            model_name="clinic",
            name="book_ahead_days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Patients book no earlier than this before the visit. Empty: no limit.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(366)],
                verbose_name="booking: furthest ahead, days",
            ),
        ),
        migrations.AddField(
            model_name="clinic",
            name="book_notice_minutes",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Patients book no later than this before the visit. 0: until it starts.",
                validators=[django.core.validators.MaxValueValidator(20160)],
                verbose_name="booking: least notice, minutes",
            ),
        ),
        migrations.AddField(
            model_name="clinic",
            name="cancel_notice_hours",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Patients cancel a visit no later than this before it. 0: until it starts.",
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="cancelling: least notice, hours",
            ),
        ),
        migrations.AddField(
            model_name="clinic",
            name="move_notice_hours",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Patients move a visit no later than this before it. 0: until it starts.",
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="moving: least notice, hours",
            ),
        ),
        migrations.AddField(
            model_name="doctorprofile",
            name="book_ahead_days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: as the clinic has it.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(366)],
                verbose_name="booking: furthest ahead, days",
            ),
        ),
        migrations.AddField(
            model_name="doctorprofile",
            name="book_notice_minutes",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: as the clinic has it.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(20160)],
                verbose_name="booking: least notice, minutes",
            ),
        ),
        migrations.AddField(
            model_name="doctorprofile",
            name="cancel_notice_hours",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: as the clinic has it.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="cancelling: least notice, hours",
            ),
        ),
        migrations.AddField(
            model_name="doctorprofile",
            name="move_notice_hours",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: as the clinic has it.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(336)],
                verbose_name="moving: least notice, hours",
            ),
        ),
    ]
