"""Whether a closure, or time off, shares time with a slot: asked by every query over free slots."""

from django.db import migrations

# The same as start_of() and end_of() in availability.spans: a time that the clocks jump over gives
# the moment of the jump. AT TIME ZONE gives the second of two equal times.
MOMENT = """
CREATE FUNCTION hms_moment(wall timestamp, zone text, second boolean) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  moment timestamptz := wall AT TIME ZONE zone;
  before timestamptz;
BEGIN
  IF moment AT TIME ZONE zone <> wall THEN
    LOOP
      wall := wall - interval '1 minute';
      moment := wall AT TIME ZONE zone;
      EXIT WHEN moment AT TIME ZONE zone = wall;
    END LOOP;
    RETURN moment + interval '1 minute';
  END IF;
  IF second THEN
    RETURN moment;
  END IF;
  -- With the offset of three hours ago: no clock is put back further.
  before := moment - interval '3 hours';
  before := (wall - ((before AT TIME ZONE zone) - (before AT TIME ZONE 'UTC'))) AT TIME ZONE 'UTC';
  IF before < moment AND before AT TIME ZONE zone = wall THEN
    RETURN before;
  END IF;
  RETURN moment;
END $$
"""
# The same as Off in availability.hours.timetable.
BLOCKS = """
CREATE FUNCTION hms_blocks(
  starts_on date, ends_on date, starts time, ends time, repeats text, repeats_until date,
  zone text, slot_starts timestamptz, slot_ends timestamptz
) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  day date := (slot_starts AT TIME ZONE zone)::date;
  last_day date := ((slot_ends - interval '1 microsecond') AT TIME ZONE zone)::date;
  length integer := ends_on - starts_on;
  first date;
  covered boolean;
  block_starts timestamptz;
  block_ends timestamptz;
BEGIN
  WHILE day <= last_day LOOP
    covered := false;
    IF repeats = 'weekly' THEN
      -- It lasts a week at most, so only the latest repetition can reach this day.
      first := day - (day - starts_on) % 7;
      covered := day >= starts_on AND day - first <= length
        AND (repeats_until IS NULL OR first <= repeats_until);
    ELSIF repeats = 'yearly' THEN
      -- It lasts less than a year, so again only the latest one can. 29 February repeats in leap
      -- years alone.
      first := starts_on + date_part('year', age(day, starts_on))::integer * interval '1 year';
      covered := day >= starts_on AND day - first <= length
        AND date_part('day', first) = date_part('day', starts_on)
        AND (repeats_until IS NULL OR first <= repeats_until);
    ELSE
      covered := day BETWEEN starts_on AND ends_on;
    END IF;
    IF covered AND starts IS NULL THEN
      RETURN true;
    END IF;
    IF covered THEN
      block_starts := hms_moment(day + starts, zone, false);
      IF ends = '00:00' THEN
        block_ends := hms_moment((day + 1)::timestamp, zone, false);
      ELSE
        block_ends := hms_moment(day + ends, zone, true);
      END IF;
      -- A block may lie whole within the time that the clocks jump over.
      IF block_starts < block_ends AND block_starts < slot_ends AND block_ends > slot_starts THEN
        RETURN true;
      END IF;
    END IF;
    day := day + 1;
  END LOOP;
  RETURN false;
END $$
"""
# No zone's date is further than a day from the date in UTC: the days find the few rows to look at
# closely, by closure_by_clinic and timeoff_by_doctor.
FIRST_DAY = "((slot_starts AT TIME ZONE 'UTC')::date - 1)"
LAST_DAY = "((slot_ends AT TIME ZONE 'UTC')::date + 1)"
IN_CLOSURE = f"""EXISTS (
    SELECT FROM availability_closure
    WHERE clinic_id = clinic AND ends_on >= {FIRST_DAY} AND starts_on <= {LAST_DAY}
      AND hms_blocks(starts_on, ends_on, starts, ends, '', NULL, zone, slot_starts, slot_ends)
  )"""
IN_TIME_OFF = f"""EXISTS (
    SELECT FROM availability_timeoff
    WHERE doctor_id = doctor AND (ends_on >= {FIRST_DAY} OR repeats <> '')
      AND starts_on <= {LAST_DAY}
      AND hms_blocks(
        starts_on, ends_on, starts, ends, repeats, repeats_until, zone, slot_starts, slot_ends
      )
  )"""
OF_SLOT = "clinic bigint, doctor bigint, zone text, slot_starts timestamptz, slot_ends timestamptz"
BLOCKED_BY = f"""
CREATE FUNCTION hms_blocked_by({OF_SLOT}) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN CASE WHEN {IN_CLOSURE} THEN 'closure' WHEN {IN_TIME_OFF} THEN 'time_off' ELSE '' END;
END $$
"""
# Opaque on purpose, with a guess of its own: hms_blocked_by() = '' would be taken for rare, and
# NOT EXISTS for a join, and either makes PostgreSQL read all slots where a few are looked for.
# Without the setting it would plan anew for each slot.
IS_UNBLOCKED = f"""
CREATE FUNCTION hms_is_unblocked({OF_SLOT}) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 20
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN NOT ({IN_CLOSURE} OR {IN_TIME_OFF});
END $$
"""
DROP_BLOCKS = (
    "DROP FUNCTION hms_blocks(date, date, time, time, text, date, text, timestamptz, timestamptz)"
)
TYPES = "(bigint, bigint, text, timestamptz, timestamptz)"


class Migration(migrations.Migration):
    dependencies = [("availability", "0011_slots_from_hours_checked")]

    operations = [
        migrations.RunSQL(MOMENT, "DROP FUNCTION hms_moment(timestamp, text, boolean)"),
        migrations.RunSQL(BLOCKS, DROP_BLOCKS),
        migrations.RunSQL(BLOCKED_BY, f"DROP FUNCTION hms_blocked_by{TYPES}"),
        migrations.RunSQL(IS_UNBLOCKED, f"DROP FUNCTION hms_is_unblocked{TYPES}"),
    ]
