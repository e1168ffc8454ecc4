"""The promise that lists walk indexes, asked of the planner over 100,000 slots."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from availability.finding import finding, listing
from availability.finding.finding import DoctorSearch
from availability.hours.actions import preview
from availability.hours.closures import closing
from availability.hours.models import Closure
from users.models import DoctorProfile
from users.tests.factories import make_clinic, make_specialty

DOCTORS, EACH = 200, 500
# Rows straight from PostgreSQL: through the ORM this would take a minute.
FILL = """
SET LOCAL statement_timeout = 0;
INSERT INTO users_user (password, is_superuser, username, first_name, last_name, email, is_staff,
    is_active, date_joined, role, time_zone, language)
  SELECT '', false, 'plan' || n, '', '', '', false, true, now(), 'doctor', '', 'en'
  FROM generate_series(1, %(doctors)s) n;
INSERT INTO users_doctorprofile (user_id, name, specialty_id, bio, languages, photo,
    video_room_url, approved_at)
  SELECT id, 'Dr. ' || md5(username), %(specialty)s, '', '{}', '', '', now()
  FROM users_user WHERE username LIKE 'plan%%';
INSERT INTO users_patientprofile (name, phone) SELECT 'Patient ' || n, ''
  FROM generate_series(1, 1000) n;
-- The two GiST indexes are built anew for every row: not what is asked here.
ALTER TABLE availability_timeslot DROP CONSTRAINT slot_no_overlap_per_doctor;
ALTER TABLE bookings_booking DROP CONSTRAINT booking_patient_in_one_place;
INSERT INTO availability_timeslot (doctor_id, clinic_id, starts_at, ends_at, kind, published_at)
  SELECT d.id, %(clinic)s, at, at + interval '20 minutes',
    CASE WHEN n %% 97 = 0 THEN 'video' ELSE 'in_person' END, at - interval '100 days'
  FROM generate_series(0, %(each)s - 1) n, users_doctorprofile d,
    LATERAL (SELECT date_trunc('day', now()) + (n / 20 - 10) * interval '1 day'
      + (24 + n %% 20) * interval '20 minutes' AS at) times;
INSERT INTO bookings_booking (reference, slot_id, patient_id, booked_by_id, starts_at, ends_at,
    sequence, created_at, cancel_reason)
  SELECT lpad(to_hex(s.id), 8, '0'), s.id, p.first + s.id %% 1000, d.user_id, s.starts_at,
    s.ends_at, 0, now(), ''
  FROM availability_timeslot s JOIN users_doctorprofile d ON d.id = s.doctor_id,
    (SELECT min(id) AS first FROM users_patientprofile) p
  WHERE s.id %% 3 = 0;
-- A year of holidays of 200 clinics, one of them during the slots; of each doctor five times off,
-- of which two repeat.
INSERT INTO users_clinic (name, address, time_zone, country, subdivision, phone,
    booking_mode, request_hours)
  SELECT 'Plan ' || n, '', 'Europe/Berlin', '', '', '', 'book', 24 FROM generate_series(2, 200) n;
INSERT INTO availability_closure (clinic_id, name, starts_on, ends_on, starts, ends)
  SELECT id, 'Holiday ' || n, day, day, '13:00', '14:00'
  FROM users_clinic, generate_series(0, 19) n, LATERAL (SELECT current_date + 5 + n * 17 AS day) d;
INSERT INTO availability_timeoff (doctor_id, starts_on, ends_on, starts, ends, repeats)
  SELECT id, day, day, '14:00', '15:00',
    CASE n WHEN 0 THEN 'weekly' WHEN 1 THEN 'yearly' ELSE '' END
  FROM users_doctorprofile, generate_series(0, 4) n,
    LATERAL (SELECT current_date - 50 + n * 70 AS day) d;
ANALYZE;
"""


@pytest.fixture
def many_slots(db):
    clinic, specialty = make_clinic(), make_specialty()
    with connection.cursor() as cursor:
        numbers = {"doctors": DOCTORS, "each": EACH, "clinic": clinic.pk, "specialty": specialty.pk}
        cursor.execute(FILL % numbers)
    return specialty


def plans_of(ask):
    """The plan of every query that `ask` makes, with what each of its nodes really did."""
    queries = []

    def note(execute, sql, parameters, many, context):
        queries.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        ask()
    with connection.cursor() as cursor:
        for sql, parameters in queries:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
            [answer] = cursor.fetchone()
            yield (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]


def nodes_of(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes_of(child)


@pytest.mark.slow  # to make the rows takes seconds
def test_lists_walk_indexes_over_a_hundred_thousand_slots(many_slots):
    now = timezone.now()
    doctor = DoctorProfile.objects.prefetch_related("clinics").first()
    cursor = (now + timedelta(days=1), doctor.pk)
    day = (now + timedelta(days=3)).date()
    shut = Closure(clinic=doctor.slots.all()[0].clinic, starts_on=day, ends_on=day)
    # What is asked, and the most slots that it may look at: a page's worth, everybody's day, or
    # one doctor's slots, which the planner may well read through by either index.
    questions = {
        "home": (lambda: finding.directory(DoctorSearch(), now=now), 3_000),
        "home, next page": (
            lambda: finding.directory(DoctorSearch(), after=cursor, now=now),
            3_000,
        ),
        "specialty": (
            lambda: finding.directory(DoctorSearch(specialty=many_slots), now=now),
            3_000,
        ),
        "name": (lambda: finding.directory(DoctorSearch(name="abc"), now=now), 3_000),
        "kind": (lambda: finding.directory(DoctorSearch(kind="video"), now=now), 3_000),
        "day": (lambda: finding.directory(DoctorSearch(day=day), now=now), 20_000),
        "doctor's days": (lambda: finding.strip(doctor, now=now), 2_000),
        "doctor's day": (lambda: finding.day_of(doctor, day), EACH),
        "next free": (lambda: finding.next_open(doctor, now=now), 200),
        "own slots": (lambda: listing.own_slots(doctor, now=now), 200),
        "publishing": (lambda: preview(doctor=doctor, now=now), EACH),
        # Everybody's day, three times: counted, and the two lists of what stays.
        "closing a clinic": (lambda: closing([shut], shut.clinic, now=now), 60_000),
        "own past slots": (lambda: listing.own_slots(doctor, past=True, now=now), 200),
    }
    read = {}
    for name, (ask, _most) in questions.items():
        nodes = [node for plan in plans_of(ask) for node in nodes_of(plan)]
        slots = [node for node in nodes if node.get("Relation Name") == "availability_timeslot"]
        assert slots, name
        assert [n for n in slots if n["Node Type"] == "Seq Scan"] == [], name
        read[name] = sum(
            (n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"]
            for n in slots
        )
    assert {n: rows for n, rows in read.items() if rows > questions[n][1]} == {}
