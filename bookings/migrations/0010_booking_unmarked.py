from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Finds the visits of which nobody has said yet what became of them."""

    atomic = False
    dependencies = [
        ("bookings", "0009_outcome"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("cancelled_at__isnull", True), ("outcome", "")),
                fields=["ends_at"],
                name="booking_unmarked",
            ),
        ),
    ]
