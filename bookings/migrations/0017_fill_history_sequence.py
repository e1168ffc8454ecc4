from typing import Any

from django.db import migrations

# Bookings in one statement: well below a second, and only history entries are locked, which
# nothing else updates.
BATCH = 5000

# Each of these raised the booking's sequence by one; the other entries did not.
FILL = """
UPDATE bookings_historyentry AS entry
SET sequence = counted.sequence
FROM (
    SELECT
        id,
        count(*) FILTER (
            WHERE what IN ('confirmed', 'declined', 'expired', 'rescheduled', 'cancelled')
        ) OVER (PARTITION BY booking_id ORDER BY at, id) AS sequence
    FROM bookings_historyentry
    WHERE booking_id >= %(start)s AND booking_id < %(end)s
) AS counted
WHERE entry.id = counted.id AND entry.sequence IS NULL
"""


def fill(_apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT min(booking_id), max(booking_id) FROM bookings_historyentry")
        first, last = cursor.fetchone()
        if first is None:
            return
        for start in range(first, last + 1, BATCH):
            cursor.execute(FILL, {"start": start, "end": start + BATCH})


class Migration(migrations.Migration):
    """Not atomic: each batch is a transaction of its own. Running it again changes nothing."""

    atomic = False
    dependencies = [("bookings", "0016_history_sequence")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
