from django.db import migrations


class Migration(migrations.Migration):
    """The booking's copy of the span is the slot's, and follows it when the slot moves."""

    dependencies = [("bookings", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""
            ALTER TABLE bookings_booking
            ADD CONSTRAINT booking_span_is_the_slots
            FOREIGN KEY (slot_id, starts_at, ends_at)
            REFERENCES availability_timeslot (id, starts_at, ends_at)
            ON UPDATE CASCADE
            """,
            reverse_sql="ALTER TABLE bookings_booking DROP CONSTRAINT booking_span_is_the_slots",
        )
    ]
