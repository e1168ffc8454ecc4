"""People and times put on the running stack without a page, where how they came is not the point.

One Django process for all tests, because each costs seconds to start: `Backstage` asks it, and it
answers with one of the verbs below. They go through the actions, as the pages do.
"""

import json
import os
import secrets
import subprocess
import sys
import traceback
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page

from bookings.demo.accounts import DOMAIN
from hms.dev.layout import ROOT
from hms.dev.stack.running import RunningStack

IN_A_WEEK = date.today() + timedelta(days=7)  # noqa: DTZ011 -- any day that is ahead everywhere
# The demo's clerk, who may do what the appointment desk may, and no more.
DESK = {"name": "the desk", "email": f"staff@{DOMAIN}"}


class Backstage:
    """Asks the process; its answers are what the verbs of the same name return."""

    def __init__(self, stack: RunningStack) -> None:
        self._url = stack.url
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.browser.backstage"),
            cwd=ROOT,
            env={**stack._env, **stack.settings(), "DJANGO_SETTINGS_MODULE": "hms.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.communicate(timeout=20)

    def doctor(self, name: str, *, free_at: str = "", booking_mode: str = "") -> dict[str, str]:
        """An approved doctor of the first clinic, or of a new one where patients may do just that,
        perhaps with twenty minutes free in a week at each of these times."""
        return self._ask("doctor", name=name, free_at=free_at, booking_mode=booking_mode)

    def patient(self, name: str) -> dict[str, str]:
        return self._ask("patient", name=name)

    def weekly_hours(self, doctor: dict[str, str], starts: str, ends: str) -> None:
        """Published from today on, on every day between these times, twenty minutes a slot."""
        self._ask("weekly_hours", doctor=doctor["email"], starts=starts, ends=ends)

    def past_visit(self, doctor: dict[str, str], patient: dict[str, str]) -> dict[str, str]:
        """Theirs, two days ago, of which nobody said yet how it went."""
        return self.visits(doctor, patient, days=-2)

    def visits(
        self, doctor: dict[str, str], patient: dict[str, str], *, days: int, number: int = 1
    ) -> dict[str, str]:
        """Some of theirs, one after the other from so many days ahead on, of which nobody was told;
        the reference of the last."""
        who = {"doctor": doctor["email"], "patient": patient["email"]}
        return self._ask("visits", **who, days=str(days), number=str(number))

    def sign_in(self, page: Page, person: dict[str, str]) -> None:
        """Let the page's browser be this person's, as if they had logged in there."""
        cookie = self._ask("session", email=person["email"])
        page.context.add_cookies([{**cookie, "url": self._url}])

    def _ask(self, verb: str, **given: str) -> dict[str, str]:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([verb, given]), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer


# --- what follows runs in the process ----------------------------------------------------------


def doctor(name: str, free_at: str, booking_mode: str) -> dict[str, str]:
    from django.utils import timezone

    from availability.actions import publish_slot
    from users import actions
    from users.models import Clinic, Specialty, User

    user = _account(name, "doctor")
    profile, clinic = user.doctor_profile, Clinic.objects.earliest("pk")
    if booking_mode:
        clinic = Clinic.objects.create(
            name=f"Clinic of {name}",
            address="Example Road 1",
            phone="+49 30 5550123",
            time_zone=clinic.time_zone,
            booking_mode=booking_mode,
        )
    # Not through approve_doctor: its mail would be one more in everybody's way.
    profile.approved_at = timezone.now()
    profile.approved_by = User.objects.get(username="staff")
    profile.save()
    actions.update_doctor(
        doctor=profile,
        name=name,
        specialty=Specialty.objects.earliest("pk"),
        clinics=[clinic],
        bio="",
        languages=["en"],
        video_room_url="",
    )
    for clock in free_at.split():
        hour, minute = map(int, clock.split(":"))
        zone = ZoneInfo(clinic.time_zone)
        starts_at = datetime(
            IN_A_WEEK.year, IN_A_WEEK.month, IN_A_WEEK.day, hour, minute, 0, 0, zone
        )
        publish_slot(
            doctor=profile,
            clinic=clinic,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=20),
            kind="in_person",
            by=user,
        )
    return {"name": name, "email": user.email}


def patient(name: str) -> dict[str, str]:
    return {"name": name, "email": _account(name, "patient").email}


def weekly_hours(doctor: str, starts: str, ends: str) -> dict[str, str]:
    from django.utils import timezone

    from availability.hours.actions import save_weekly_hours
    from availability.hours.models import WeeklyHours
    from hms.lib.clock import local
    from users.models import User

    profile = User.objects.get(email=doctor).doctor_profile
    clinic = profile.clinics.get()
    today = local(timezone.now(), clinic.time_zone).date()
    hours = WeeklyHours(
        doctor=profile, clinic=clinic, weekdays=[*range(7)], valid_from=today, anchor=today
    )
    part = (time.fromisoformat(starts), time.fromisoformat(ends))
    save_weekly_hours(hours=hours, intervals=[part], by=profile.user)
    return {}


def visits(doctor: str, patient: str, days: str, number: str) -> dict[str, str]:
    from django.utils import timezone

    from availability.models import TimeSlot
    from bookings.models import Booking, HistoryEntry
    from users.models import User

    profile = User.objects.get(email=doctor).doctor_profile
    person = User.objects.get(email=patient)
    first = timezone.now() + timedelta(days=int(days))
    length, published = timedelta(minutes=20), timezone.now() - timedelta(days=9)
    for place in range(int(number)):
        starts_at = first + place * length
        span = {"starts_at": starts_at, "ends_at": starts_at + length}
        # Rows, because nobody can book what is past, and mails about the others would be in
        # everybody's way.
        slot = TimeSlot.objects.create(
            doctor=profile, clinic=profile.clinics.get(), published_at=published, **span
        )
        booking = Booking.objects.create(
            slot=slot,
            patient=person.patient_profile,
            booked_by=person,
            created_at=published,
            **span,
        )
        HistoryEntry.objects.create(
            booking=booking, what=HistoryEntry.What.BOOKED, by=person, at=published
        )
    return {"reference": booking.reference}


def session(email: str) -> dict[str, str]:
    """The cookie of a fresh session of that account."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import login
    from django.http import HttpRequest

    from users.models import User

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    login(request, User.objects.get(email=email), backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.save()
    return {"name": settings.SESSION_COOKIE_NAME, "value": request.session.session_key}


@cache
def _password() -> str:
    """One hash for all of them: it is slow on purpose."""
    from django.contrib.auth.hashers import make_password

    from tests.browser.people import PASSWORD

    return make_password(PASSWORD)


def _account(name: str, account_type: str) -> Any:
    from users import actions
    from users.models import User

    word = f"{account_type}-{secrets.token_hex(4)}"
    user = User.objects.create_user(word, f"{word}@journey.example")
    user.password = _password()
    user.save(update_fields=["password"])
    user.trust_email()
    actions.set_up_account(user=user, name=name, account_type=account_type)
    return user


VERBS: dict[str, Callable[..., dict[str, str]]] = {
    verb.__name__: verb for verb in (doctor, patient, weekly_hours, visits, session)
}


def serve() -> None:
    """Answer one line of JSON with one, until there are no more."""
    import django
    from django.db import close_old_connections

    # Whatever else writes to the standard output must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    for line in sys.stdin:
        # The database may have been killed since.
        close_old_connections()
        verb, given = json.loads(line)
        try:
            answer = VERBS[verb](**given)
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve()
