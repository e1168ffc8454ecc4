import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Names for people to read, in their own language; no SQL."""

    dependencies = [
        ("availability", "0004_tell_watchers"),
        ("users", "0006_named_fields"),
    ]

    operations = [
        migrations.AlterField(
            model_name="timeslot",
            name="clinic",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slots",
                to="users.clinic",
                verbose_name="clinic",
            ),
        ),
        migrations.AlterField(
            model_name="timeslot",
            name="doctor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slots",
                to="users.doctorprofile",
                verbose_name="doctor",
            ),
        ),
        migrations.AlterField(
            model_name="timeslot",
            name="published_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                editable=False,
                help_text="when these times were set",
                verbose_name="published at",
            ),
        ),
        migrations.AlterField(
            model_name="timeslot",
            name="withdrawn_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="withdrawn at"
            ),
        ),
    ]
