-- The row writes of one booking, as in bookings.actions.book_slot: two row locks, the booking, its
-- history entry and its job. Ids of slots and patients are consecutive.
\set n :n + 1
\set number :client_id * :each + :n - 1
\set slot :first_slot + :number
\set patient :first_patient + :number % :patients
BEGIN;
SELECT id FROM availability_timeslot WHERE id = :slot FOR UPDATE;
SELECT id FROM users_patientprofile WHERE id = :patient FOR NO KEY UPDATE;
INSERT INTO bookings_booking (reference, slot_id, patient_id, booked_by_id, starts_at, ends_at, sequence, created_at, cancel_reason) SELECT upper(substr(md5(random()::text), 1, 8)), s.id, p.id, p.user_id, s.starts_at, s.ends_at, 0, now(), '' FROM availability_timeslot s, users_patientprofile p WHERE s.id = :slot AND p.id = :patient RETURNING id AS booking, booked_by_id AS person \gset
INSERT INTO bookings_historyentry (booking_id, at, by_id, what) VALUES (:booking, now(), :person, 'booked');
SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[('bookings', 'bookings.jobs.tell_about_booking', 0, NULL, NULL, jsonb_build_object('booking_id', :booking::int), NULL)::procrastinate_job_to_defer_v1]));
COMMIT;
