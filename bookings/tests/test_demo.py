"""The demo data: whole, repeatable, and only where it can do no harm."""

from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from PIL import Image
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.job_names import PUBLISH_DOCTOR
from availability.models import TimeSlot
from bookings.demo.accounts import ACCOUNTS, PASSWORD
from bookings.demo.portraits import portrait
from bookings.models import Booking, HistoryEntry
from notifications.models import Email
from users.groups import MAY, appointment_desk
from users.models import Clinic, DoctorProfile, Specialty, User
from users.photos.renditions import SIDES, TYPES
from users.tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_pictures(settings, tmp_path, monkeypatch):
    """Drawing them is half of the work, and one test looks at them."""
    settings.MEDIA_ROOT = tmp_path
    sizes = {(side, kind): b"picture" for side in SIDES for kind in TYPES}
    monkeypatch.setattr("bookings.demo.build.portrait", lambda name: b"drawing")
    monkeypatch.setattr("bookings.demo.build.renditions", lambda upload, size: sizes)


def test_portrait_is_the_same_square_for_the_same_name():
    with Image.open(BytesIO(portrait("Dr. Ada"))) as image:
        assert (image.format, image.size) == ("PNG", (512, 512))
    assert portrait("Dr. Ada") == portrait("Dr. Ada") != portrait("Dr. Bo")


def demo_data(**options) -> str:
    out = StringIO()
    call_command("demo_data", stdout=out, **options)
    return out.getvalue()


def rows() -> dict[str, int]:
    models = (User, TimeSlot, Booking, HistoryEntry, Email, Clinic, Specialty)
    return {model.__name__: model.objects.count() for model in models}


def test_demo_data_has_what_a_tour_needs_and_sends_nothing():
    telling = ProcrastinateJob.objects.exclude(task_name=PUBLISH_DOCTOR)
    jobs = telling.count()
    demo_data()
    now = timezone.now()

    assert Specialty.objects.count() == 6
    assert Clinic.objects.values("time_zone").distinct().count() == 2
    assert DoctorProfile.objects.approved().count() == 12
    assert DoctorProfile.objects.waiting().count() == 1
    assert 0 < DoctorProfile.objects.exclude(photo="").count() < 12
    guest = User.objects.get(username="patient").patient_profile
    assert guest.bookings.live().filter(ends_at__gt=now).exists()
    assert guest.bookings.live().filter(ends_at__lte=now).exists()
    assert guest.bookings.filter(cancelled_at__isnull=False).exists()
    assert User.objects.filter(username="staff", is_staff=True, is_superuser=False).exists()
    assert set(Email.objects.values_list("state", flat=True)) == {"sent"}
    assert telling.count() == jobs


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-28 23:30",  # the night when Berlin's clocks go forward
        "2026-11-25 10:30",
        *(
            pytest.param(more, marks=pytest.mark.slow)
            for more in (
                "2026-03-29 22:10",  # Sunday, ten past midnight in Berlin
                "2026-11-01 03:00",  # Sunday
                "2026-11-25 22:55",  # five to midnight in Berlin
            )
        ),
    ],
)
def test_demo_day_has_every_state_at_any_hour(time_machine, moment):
    time_machine.move_to(f"{moment}:00+00:00", tick=False)
    demo_data()
    now = timezone.now()
    near = TimeSlot.objects.filter(
        doctor__user__username="doctor",
        starts_at__gt=now - timedelta(hours=24),
        starts_at__lt=now + timedelta(hours=26),
    )

    assert near.open().exists()
    assert near.offered().filter(ends_at__lt=now).exists()
    assert near.filter(bookings__cancelled_at__isnull=True, bookings__isnull=False).exists()
    assert near.filter(withdrawn_at__isnull=False).exists()


def test_demo_data_again_changes_nothing(time_machine):
    time_machine.move_to("2026-03-04 10:00:00+00:00", tick=False)
    demo_data()
    before = rows()

    assert demo_data() == "0 accounts, 0 slots, 0 bookings.\n"
    assert rows() == before


def test_demo_data_a_week_later_adds_days_and_keeps_peoples_changes(time_machine):
    time_machine.move_to("2026-03-04 10:00:00+00:00", tick=False)
    demo_data()
    before = rows()
    User.objects.filter(username="doctor").update(email="mine@example.org")
    time_machine.shift(timedelta(days=7))
    demo_data()

    assert rows()["User"] == before["User"]
    assert rows()["TimeSlot"] > before["TimeSlot"]
    assert User.objects.get(username="doctor").email == "mine@example.org"


def test_demo_data_if_empty_leaves_a_used_system_alone():
    make_user()
    before = rows()
    demo_data(if_empty=True)

    assert rows() == before


def test_demo_data_refuses_a_real_site(settings):
    settings.SITE_URL = "https://clinic.example"
    with pytest.raises(CommandError, match="published password"):
        demo_data()
    assert not User.objects.exists()

    demo_data(force=True)
    assert User.objects.exists()


def test_demo_accounts_can_log_in():
    demo_data()
    for _, username, email in ACCOUNTS:
        for login in (username, email):
            client = Client()
            client.post("/users/login/", {"login": login, "password": PASSWORD})
            assert client.get("/users/profile/").status_code == 200
    # The last one is staff.
    assert client.get("/admin/users/doctorprofile/?approval=waiting").status_code == 200
    assert client.get("/admin/auth/group/").status_code == 403


def test_demo_accounts_are_printed_without_a_hospital():
    assert demo_data(accounts=True).splitlines()[0] == f"patient: patient / {PASSWORD}"
    assert not User.objects.exists()


def test_demo_password_meets_the_rules():
    from django.contrib.auth.password_validation import validate_password

    validate_password(PASSWORD)


def test_appointment_desk_has_every_permission_it_names():
    group = appointment_desk()

    assert group.permissions.count() == sum(len(verbs) for verbs in MAY.values())


def test_appointment_desk_command_takes_people_in():
    make_user(username="robin", role="")
    out = StringIO()
    call_command("appointment_desk", "robin", stdout=out)

    assert User.objects.get(username="robin").has_perm("users.approve_doctorprofile")
    with pytest.raises(CommandError):
        call_command("appointment_desk", "nobody")
