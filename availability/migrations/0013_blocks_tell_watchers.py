"""Open pages hear of time off and closures as they do of slots: they take times out of the offer."""

from django.db import migrations

# Of a closure hear the doctors who have slots at the clinic on its days, or the day beside them:
# its zone is not asked.
TELL = """
CREATE FUNCTION hms_tell_of_closure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hms_changes', 'doctor-' || doctor_id) FROM (
    SELECT DISTINCT doctor_id FROM availability_timeslot
    WHERE clinic_id IN (OLD.clinic_id, NEW.clinic_id) AND withdrawn_at IS NULL
      AND starts_at > now()
      AND starts_at >= least(OLD.starts_on, NEW.starts_on) - interval '2 days'
      AND starts_at < greatest(OLD.ends_on, NEW.ends_on) + interval '3 days'
  ) doctors;
  RETURN NULL;
END $$;
CREATE TRIGGER closure_tells_watchers
  AFTER INSERT OR UPDATE OR DELETE ON availability_closure
  FOR EACH ROW EXECUTE FUNCTION hms_tell_of_closure();
CREATE TRIGGER time_off_tells_watchers
  AFTER INSERT OR UPDATE OR DELETE ON availability_timeoff
  FOR EACH ROW EXECUTE FUNCTION hms_tell_of_slot();
"""
SILENCE = """
DROP TRIGGER time_off_tells_watchers ON availability_timeoff;
DROP TRIGGER closure_tells_watchers ON availability_closure;
DROP FUNCTION hms_tell_of_closure();
"""


class Migration(migrations.Migration):
    dependencies = [("availability", "0012_blocks")]

    operations = [migrations.RunSQL(TELL, SILENCE)]
