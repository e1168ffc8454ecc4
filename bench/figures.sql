-- A hospital's year: %(doctors)s doctors with %(each)s slots a day at the three existing clinics,
-- from a year ago to a month ahead. Seven of ten slots are booked, and one booking of ten is
-- cancelled. The caller drops constraints, triggers and indexes before.
SET LOCAL statement_timeout = 0;
INSERT INTO users_user (password, is_superuser, username, first_name, last_name, email, is_staff,
    is_active, date_joined, role, time_zone, language)
  SELECT '', false, role || n, '', '', '', role = '', true, now(), role, '', 'en'
  FROM (VALUES ('doctor', %(doctors)s), ('patient', %(patients)s), ('', 5)) kind (role, many),
    generate_series(1, many) n;
INSERT INTO users_doctorprofile (user_id, name, specialty_id, bio, languages, photo,
    video_room_url, approved_at)
  SELECT id, 'Dr. ' || md5(username), (SELECT min(id) FROM users_specialty), '', '{}', '', '', now()
  FROM users_user WHERE role = 'doctor';
INSERT INTO users_patientprofile (name, phone, user_id)
  SELECT 'Patient ' || id, '', id FROM users_user WHERE role = 'patient';
INSERT INTO availability_timeslot (doctor_id, clinic_id, starts_at, ends_at, kind, published_at,
    withdrawn_at)
  SELECT d.id, (SELECT min(id) FROM users_clinic) + d.id %% 3, at, at + interval '30 minutes',
    CASE WHEN n %% 23 = 0 THEN 'video' ELSE 'in_person' END, at - interval '60 days',
    CASE WHEN hashint8(day * 7919 + n * 311 + d.id) %% 40 = 0 THEN at - interval '61 minutes' END
  FROM generate_series(-366, 31) day, generate_series(0, %(each)s - 1) n, users_doctorprofile d,
    LATERAL (SELECT date_trunc('day', now()) + day * interval '1 day' + interval '8 hours'
      + n * interval '30 minutes' AS at) times
  ORDER BY day, d.id;
CREATE TEMP TABLE made ON COMMIT DROP AS
  SELECT s.id AS slot_id, s.starts_at, s.ends_at, s.doctor_id, random() AS chance,
    s.starts_at - interval '1 hour' - interval '40 days' * power(random(), 3) AS at
  FROM availability_timeslot s, generate_series(1, 2) again
  WHERE s.withdrawn_at IS NULL
    AND (hashint8(s.id * 2 + again) & 1023) < CASE again WHEN 1 THEN 717 ELSE 72 END;
DELETE FROM made WHERE at > now();
INSERT INTO bookings_booking (reference, slot_id, patient_id, booked_by_id, starts_at, ends_at,
    sequence, created_at, cancel_reason, outcome, cancelled_at, cancelled_by_id)
  SELECT lpad(to_hex(row_number() OVER (ORDER BY at)), 8, '0'), slot_id, p.id, p.user_id,
    starts_at, ends_at, 0, at, '',
    CASE WHEN gone OR ends_at > now() OR m.slot_id %% 50 = 0 THEN ''
      WHEN m.slot_id %% 20 = 0 THEN 'no_show' ELSE 'completed' END,
    CASE WHEN gone THEN least(at + (starts_at - at) * chance, now()) END,
    CASE WHEN gone THEN CASE WHEN chance < 0.6 THEN p.user_id WHEN chance < 0.8 THEN d.user_id
      ELSE staff.id END END
  FROM (SELECT *, row_number() OVER (PARTITION BY slot_id ORDER BY at) > 1 OR chance < 0.02 AS gone
        FROM made) m
  JOIN users_doctorprofile d ON d.id = m.doctor_id
  JOIN users_patientprofile p ON p.id = (SELECT min(id) FROM users_patientprofile)
    + (hashint8(m.slot_id) & 2147483647) %% %(patients)s,
  (SELECT min(id) AS id FROM users_user WHERE is_staff) staff
  ORDER BY at;
INSERT INTO notifications_email (action, "to", language, about, sequence, data, sealed, urgent,
    message_id, state, attempts, last_answer, created_at, queued_at, sent_at)
  SELECT 'BOOKING_CONFIRMATION', 'bench' || side || '@bench.example', 'en',
    'booking:' || reference, 0, '{}', '', false, gen_random_uuid(), state, 1, '', created_at,
    created_at, CASE WHEN state = 'sent' THEN created_at END
  FROM bookings_booking, generate_series(1, 2) side,
    LATERAL (SELECT CASE WHEN id %% 500 = 0 THEN 'failed' WHEN id %% 77 = 0 THEN 'dropped'
      ELSE 'sent' END AS state) states
  ORDER BY created_at;
INSERT INTO calendar_integration_calendarevent (user_id, about, event_id, sequence, wanted,
    ends_at, shown, state, attempts, last_answer, updated_at)
  SELECT d.user_id, 'booking:' || reference, reference, 0, '{}', b.ends_at, true,
    CASE WHEN b.id %% 900 = 0 THEN 'failed' WHEN cancelled_at IS NULL THEN 'synced'
      ELSE 'removed' END, 1, '', coalesce(cancelled_at, created_at)
  FROM bookings_booking b JOIN availability_timeslot s ON s.id = b.slot_id
  JOIN users_doctorprofile d ON d.id = s.doctor_id
  ORDER BY b.created_at;
