from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    """Reads every slot, while people go on booking them."""

    atomic = False

    dependencies = [("availability", "0010_slots_from_hours")]

    operations = [
        ValidateConstraint(model_name="timeslot", name="slot_made_by_one"),
        ValidateConstraint(model_name="timeslot", name="slot_withdrawn_by_needs_at"),
        AddIndexConcurrently(
            model_name="timeslot",
            index=models.Index(
                condition=models.Q(("withdrawn_by__isnull", False)),
                fields=["doctor", "starts_at"],
                name="slot_taken_out_by_hand",
            ),
        ),
    ]
