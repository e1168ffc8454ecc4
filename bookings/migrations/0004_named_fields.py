import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import hms.lib.ids


class Migration(migrations.Migration):
    """Names for people to read, in their own language; no SQL."""

    dependencies = [
        ("availability", "0005_named_fields"),
        ("bookings", "0003_tell_watchers"),
        ("users", "0006_named_fields"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="booking",
            name="booked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="booked by",
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="cancel_reason",
            field=models.CharField(
                blank=True, editable=False, max_length=300, verbose_name="cancel reason"
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="cancelled_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="cancelled at"
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="cancelled_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="cancelled by",
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="created_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, editable=False, verbose_name="created at"
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="ends_at",
            field=models.DateTimeField(editable=False, verbose_name="ends at"),
        ),
        migrations.AlterField(
            model_name="booking",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="bookings",
                to="users.patientprofile",
                verbose_name="patient",
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="reference",
            field=models.CharField(
                default=hms.lib.ids.new_reference,
                editable=False,
                max_length=8,
                unique=True,
                verbose_name="reference",
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="sequence",
            field=models.PositiveIntegerField(
                default=0,
                editable=False,
                help_text="raised with every change that people are told of",
                verbose_name="sequence",
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="slot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="bookings",
                to="availability.timeslot",
                verbose_name="slot",
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="starts_at",
            field=models.DateTimeField(editable=False, verbose_name="starts at"),
        ),
        migrations.AlterField(
            model_name="historyentry",
            name="at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="time"),
        ),
        migrations.AlterField(
            model_name="historyentry",
            name="booking",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="history",
                to="bookings.booking",
                verbose_name="booking",
            ),
        ),
        migrations.AlterField(
            model_name="historyentry",
            name="by",
            field=models.ForeignKey(
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
                choices=[("booked", "booked"), ("cancelled", "cancelled")],
                max_length=20,
                verbose_name="what happened",
            ),
        ),
    ]
