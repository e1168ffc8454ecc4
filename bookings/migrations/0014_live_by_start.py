from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Finds the visits of some days, for the staff's figures."""

    atomic = False
    dependencies = [
        ("bookings", "0013_booking_requested"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("cancelled_at__isnull", True)),
                fields=["starts_at"],
                name="booking_live_by_start",
            ),
        ),
    ]
