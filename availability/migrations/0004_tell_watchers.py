"""Each change of a doctor's slots is told to the live process, whoever made it and however."""

from django.db import migrations

# Only "doctor N changed": no person, no time. Several changes of one doctor in a transaction are
# one word, because PostgreSQL drops a NOTIFY that says the same again.
TELL = """
CREATE FUNCTION hms_tell_of_slot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hms_changes', 'doctor-' || doctor)
    FROM unnest(ARRAY[OLD.doctor_id, NEW.doctor_id]) AS doctor WHERE doctor IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER slot_tells_watchers
  AFTER INSERT OR UPDATE OR DELETE ON availability_timeslot
  FOR EACH ROW EXECUTE FUNCTION hms_tell_of_slot();
"""
SILENCE = """
DROP TRIGGER slot_tells_watchers ON availability_timeslot;
DROP FUNCTION hms_tell_of_slot();
"""


class Migration(migrations.Migration):
    dependencies = [("availability", "0003_video_slots_by_doctor")]

    operations = [migrations.RunSQL(TELL, SILENCE)]
