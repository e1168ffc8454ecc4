"""Write the rows for the measurements, with the Django settings of the measured stack.

python -m bench.seed people DOCTORS PATIENTS   prints ids and sessions as JSON
python -m bench.seed slots COUNT               adds free slots, prints the first one's id
python -m bench.seed bookings                  prints the number of live bookings
python -m bench.seed publish                   publishes a year of hours, prints the seconds as JSON
"""

import json
import secrets
import sys
import time
from datetime import time as clock
from datetime import timedelta

import django
from django.utils import timezone

SLOT_MINUTES = 30


def people(doctors: int, patients: int) -> dict[str, object]:
    """Create doctors and patients; returns ids and the session of each patient."""
    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.hashers import make_password
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session

    from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User

    def accounts(role: str, count: int) -> list[User]:
        users = [
            User(
                username=f"bench-{role}-{number}",
                email=f"bench-{role}-{number}@bench.example",
                password=make_password(None),
                role=role,
            )
            for number in range(count)
        ]
        return User.objects.bulk_create(users)

    def session(user: User) -> Session:
        values = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        return Session(
            session_key=secrets.token_hex(16),
            session_data=SessionStore().encode(values),
            expire_date=timezone.now() + timedelta(hours=6),
        )

    specialty = Specialty.objects.create(name="Bench medicine", slug="bench")
    clinic = Clinic.objects.create(name="Bench", address="1 Bench Row", time_zone="Europe/Berlin")
    profiles = DoctorProfile.objects.bulk_create(
        DoctorProfile(
            user=user, name=f"Dr {user.username}", specialty=specialty, approved_at=timezone.now()
        )
        for user in accounts("doctor", doctors)
    )
    clinic.doctors.set(profiles)
    users = accounts("patient", patients)
    patient_profiles = PatientProfile.objects.bulk_create(
        PatientProfile(user=user, name=user.username) for user in users
    )
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users
    )
    sessions = Session.objects.bulk_create(session(user) for user in users)
    return {
        "doctors": [profile.pk for profile in profiles],
        "first_patient": patient_profiles[0].pk,
        "sessions": [one.session_key for one in sessions],
    }


def slots(count: int) -> int:
    """Add free slots to the doctors in turn, so that consecutive ids are different doctors'.

    Returns the id of the first one; no slots overlap.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH doctor AS (
                SELECT id, row_number() OVER (ORDER BY id) - 1 AS place,
                       count(*) OVER () AS doctors
                FROM users_doctorprofile
            ), had AS (SELECT count(*) AS slots FROM availability_timeslot)
            INSERT INTO availability_timeslot
                (doctor_id, clinic_id, starts_at, ends_at, kind, published_at)
            SELECT doctor.id, (SELECT min(id) FROM users_clinic), start,
                   start + make_interval(mins => %(minutes)s), 'in_person', now()
            FROM had, generate_series(had.slots, had.slots + %(count)s - 1) AS number,
                 LATERAL (SELECT * FROM doctor WHERE place = number %% doctors) AS doctor,
                 LATERAL (SELECT date_trunc('day', now()) + interval '1 day'
                     + make_interval(mins => %(minutes)s * (number / doctors)::int) AS start) AS t
            ORDER BY number
            RETURNING id
            """,
            {"count": count, "minutes": SLOT_MINUTES},
        )
        first = int(cursor.fetchone()[0])
        cursor.execute("ANALYZE")
    return first


def publish() -> dict[str, float]:
    """Publish a year of a new doctor's weekly hours in slots of 20 minutes and time it.

    The hours are Monday to Friday, 8 to 12 and 13 to 17. Returns the number of slots and the
    seconds of publishing, of publishing again without changes, and of the bare INSERT.
    """
    from django.conf import settings

    from availability.hours import actions
    from availability.hours.models import WeeklyHours
    from users.models import Clinic, DoctorProfile, User

    settings.PUBLISH_WEEKS = 52
    by = User.objects.create(username="bench-publisher", role="doctor")
    doctor = DoctorProfile.objects.create(user=by, approved_at=timezone.now())
    clinic = Clinic.objects.get(name="Bench")
    clinic.doctors.add(doctor)
    day = timezone.now().date()
    hours = WeeklyHours(
        doctor=doctor, clinic=clinic, weekdays=[0, 1, 2, 3, 4], valid_from=day, anchor=day
    )
    intervals = ((clock(8), clock(12)), (clock(13), clock(17)))
    began = time.perf_counter()
    plan = actions.save_weekly_hours(hours=hours, intervals=intervals, by=by)
    published = time.perf_counter()
    actions.publish_hours(doctor=doctor)
    again = time.perf_counter()
    colleague = User.objects.create(username="bench-colleague", role="doctor")
    other = DoctorProfile.objects.create(user=colleague, approved_at=timezone.now())
    before = time.perf_counter()
    _write_alone(doctor.pk, other.pk)
    written = time.perf_counter()
    return {
        "slots": len(plan.appear),
        "seconds": published - began,
        "seconds_for_nothing": again - published,
        "seconds_of_writing_alone": written - before,
    }


def _write_alone(doctor_id: int, other_id: int) -> None:
    """Copy the slots to another doctor by one statement, to time PostgreSQL alone."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO availability_timeslot
                (doctor_id, clinic_id, starts_at, ends_at, kind, published_at)
            SELECT %s, clinic_id, starts_at, ends_at, kind, published_at
            FROM availability_timeslot WHERE doctor_id = %s
            """,
            [other_id, doctor_id],
        )


def main() -> None:
    django.setup()
    match sys.argv[1:]:
        case ["people", doctors, patients]:
            print(json.dumps(people(int(doctors), int(patients))))
        case ["slots", count]:
            print(slots(int(count)))
        case ["publish"]:
            print(json.dumps(publish()))
        case ["bookings"]:
            from bookings.models import Booking

            print(Booking.objects.live().count())
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
