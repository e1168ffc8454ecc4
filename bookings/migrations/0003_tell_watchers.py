"""Each booking and cancellation is told to the live process as a change of the doctor's slots."""

from django.db import migrations

# The job that every change of a booking defers raises a NOTIFY in the same transaction already,
# so that this one adds no wait to the commit.
TELL = """
CREATE FUNCTION hms_tell_of_booking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hms_changes', 'doctor-' || doctor_id)
    FROM availability_timeslot WHERE id IN (OLD.slot_id, NEW.slot_id);
  RETURN NULL;
END $$;
CREATE TRIGGER booking_tells_watchers
  AFTER INSERT OR UPDATE OR DELETE ON bookings_booking
  FOR EACH ROW EXECUTE FUNCTION hms_tell_of_booking();
"""
SILENCE = """
DROP TRIGGER booking_tells_watchers ON bookings_booking;
DROP FUNCTION hms_tell_of_booking();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0002_span_is_the_slots"),
        ("availability", "0004_tell_watchers"),
    ]

    operations = [migrations.RunSQL(TELL, SILENCE)]
