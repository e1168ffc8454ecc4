import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """What made a slot, and who withdrew it; no row is read while the table is locked."""

    dependencies = [
        ("availability", "0009_closures"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="timeslot",
            name="withdrawn_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                help_text="nobody when publishing did it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="withdrawn by",
            ),
        ),
        migrations.AddField(
            model_name="timeslot",
            name="weekly_hours",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slots",
                to="availability.weeklyhours",
                verbose_name="weekly hours",
            ),
        ),
        migrations.AddField(
            model_name="timeslot",
            name="extra_hours",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slots",
                to="availability.extrahours",
                verbose_name="extra hours",
            ),
        ),
        AddConstraintNotValid(
            model_name="timeslot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("weekly_hours__isnull", True),
                    ("extra_hours__isnull", True),
                    _connector="OR",
                ),
                name="slot_made_by_one",
            ),
        ),
        AddConstraintNotValid(
            model_name="timeslot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("withdrawn_by__isnull", True),
                    ("withdrawn_at__isnull", False),
                    _connector="OR",
                ),
                name="slot_withdrawn_by_needs_at",
            ),
        ),
    ]
