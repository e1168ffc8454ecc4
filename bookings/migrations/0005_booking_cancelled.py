from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Cancellations by when they happened, without a lock that bookings would wait for."""

    atomic = False
    dependencies = [("bookings", "0004_named_fields")]

    operations = [
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                fields=["cancelled_at"],
                condition=models.Q(("cancelled_at__isnull", False)),
                name="booking_cancelled",
            ),
        )
    ]
