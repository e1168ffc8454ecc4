from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Finds the requests that wait for an answer, and those that waited too long."""

    atomic = False
    dependencies = [
        ("bookings", "0012_requests"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                condition=models.Q(
                    ("cancelled_at__isnull", True), ("request_expires_at__isnull", False)
                ),
                fields=["request_expires_at"],
                name="booking_requested",
            ),
        ),
    ]
