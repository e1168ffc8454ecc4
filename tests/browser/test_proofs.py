"""What needs every page open, in one walk: a page costs more to open than to look at.

Each is opened once for every kind of reader, held against axe in all sizes and themes, and, for
its first reader, photographed (.hms/report/pictures/index.html) and asked which rules of the
stylesheets it uses. What the walk leaves is then judged as a whole.
"""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import resolve
from playwright.sync_api import Page, expect

from hms.dev.checks.screenshots import PAGES, SUBMIT, THEMES, WIDTHS, Shot, take, write_index
from hms.dev.layout import LOCAL_FOLDER, ROOT
from tests.browser.accessibility import BY_LOOKS, DESK, PHONE, violations
from tests.browser.people import PASSWORD, new_address
from tests.browser.stylesheet import Usage
from tests.browser.test_html import check
from tests.browser.test_pages import first_reader, refused
from tests.browser.walk import NewWalk, Walk, frame, sideways
from tests.test_authorisation import SIGN_IN_PAGES, TABLE

pytestmark = pytest.mark.slow

PICTURES = LOCAL_FOLDER / "report" / "pictures"
# What answers 200 and is no page of its own, each with what it is.
NO_PAGES = {
    "doctors/<int:doctor_id>/times/": "a part of the doctor's page",
    "bookings/<reference:reference>/sent/": "a part of the visit's page",
    "bookings/<reference:reference>/calendar.ics": "a calendar's file",
    "dashboard/patient/next.json": "what a device keeps",
    "manifest.webmanifest": "the installed app's card",
    "service-worker.js": "a script",
    "healthz": "for machines",
    "readyz": "for machines",
    "account_email_verification_sent": "comes with a sign-up alone: the journeys sign up",
    "account_confirm_login_code": "comes with a code that was asked for, which nobody can here",
    "account_set_password": "for an account without one, which there is not",
}
# The same of the admin's pages of our models; a row's history and its deletion look like others.
NO_DESK_PAGES = {
    "bookings_booking_export": "a file",
    "notifications_email_add": "nobody writes one by hand",
    "bookings_call_add": "comes with a change of a booking",
    "users_user_add": "a superuser's alone, whom the demo has not",
    "auth_user_password_change": "a superuser's alone",
    "users_doctorprofile_add": "a doctor comes with the account",
    "availability_closure_change": "the demo has none",
    "calendar_integration_googleaccount_add": "comes from Google",
    "calendar_integration_googleaccount_change": "the demo has none",
    "calendar_integration_calendarevent_add": "comes with a booking",
    "calendar_integration_calendarevent_change": "the demo has none",
    "calendar_integration_revocation_changelist": "a superuser's alone",
    "calendar_integration_revocation_add": "comes with a disconnected account",
    "calendar_integration_revocation_change": "a superuser's alone",
}
ALIKE = ("_history", "_delete")
# Rules for what the demo's pages never come to show, each with when they do.
ELSEWHERE = {
    "hms.css .week-calendar .fc-event-mirror": "while one drags in the week's calendar",
    "hms.css .week-calendar .week-event--in-the-way": "while one drags over another slot",
    "hms.css .week-calendar .week-gap": "on the day when a clinic's clock is changed",
    "hms.css .week-event__words .zone": "for a doctor of clinics in two zones",
    "hms.css .fc-timegrid-event-short .week-event__words .week-slot__state": "a slot of minutes",
    "admin-desk.css .desk-waiting--none": "when nothing waits for the desk",
    "admin-desk.css .desk-waiting > p:not(.desk-more)": "when nothing waits for the desk",
}


class Survey:
    """The walks of all readers, each made when it is first asked for."""

    def __init__(self, pages: Path) -> None:
        self.pages, self.usage = pages, Usage()
        self._walks: dict[str, Walk] = {}

    def of(self, role: str, new_walk: NewWalk) -> Walk:
        """That reader's walk, with what it found wrong."""
        if role not in self._walks:
            walk = new_walk(role)
            for shot, answer in walk:
                (self.pages / f"{role}-{shot.name}.html").write_bytes(answer.body())
                self._look(walk, shot)
            self._walks[role] = walk
        return self._walks[role]

    def all(self, new_walk: NewWalk) -> None:
        """Every reader's walk is made; all pages could be reached."""
        for role in PAGES:
            self.of(role, new_walk)

    def _look(self, walk: Walk, shot: Shot) -> None:
        page, is_first = walk.page, first_reader(shot) == walk.role
        walk.note(shot, sideways(page, PHONE[0]))
        # ./test.sh sees it so, with its first reader.
        if shot.rare or not is_first:
            walk.note(shot, frame(page))
            walk.note(shot, violations(page, PHONE, "light"))
        walk.note(shot, violations(page, PHONE, "dark", only=BY_LOOKS))
        walk.note(shot, violations(page, DESK, "dark"))
        walk.note(shot, violations(page, DESK, "light", only=BY_LOOKS))
        if is_first:  # at last: it opens what is closed
            name = f"{walk.role}-{shot.name}"
            self.usage.look(page, name, meanwhile=lambda: take(page, PICTURES, name))


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> Survey:
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    return Survey(tmp_path_factory.mktemp("pages"))


@refused
@pytest.mark.parametrize("role", PAGES)
def test_axe_finds_nothing_in_any_size_and_theme(role, survey, new_walk):
    walk = survey.of(role, new_walk)
    assert not walk.wrong, walk.report()


@refused
def test_every_page_has_its_pictures(survey, new_walk):
    survey.all(new_walk)
    write_index(PICTURES)
    shots = {shot for shots in PAGES.values() for shot in shots}
    assert len(list(PICTURES.glob("*.jpg"))) == len(shots) * len(WIDTHS) * len(THEMES)


@refused
def test_the_html_checker_finds_nothing(survey, new_walk):
    survey.all(new_walk)
    found = check(survey.pages)
    assert not found, "\n".join(f"{page}: {words}" for page in found for words in found[page])


@refused
def test_no_page_escapes_the_walks(survey, new_walk, places):
    survey.all(new_walk)
    walked: set[str | None] = set()
    for (_role, shot), place in places.items():
        if shot.status != 404:  # a page that there is not has no route
            found = resolve(urlsplit(place).path)
            walked |= {found.route, found.url_name}
    pages = {route for route, row in TABLE.items() if "200" in row.get("GET", "").split()}
    assert (pages | SIGN_IN_PAGES) - walked == NO_PAGES.keys()
    assert desk_pages() - walked == NO_DESK_PAGES.keys()


def desk_pages() -> set[str]:
    """The admin's pages of our models, by name."""
    ours = {config.name for config in apps.get_app_configs() if (ROOT / config.name).is_dir()}
    names = {
        pattern.name or ""
        for model, desk in admin.site._registry.items()
        if model._meta.app_label in ours
        for pattern in desk.get_urls()
    }
    return {name for name in names if name and not name.endswith(ALIKE)}


@refused
def test_no_rule_is_dead(survey, new_walk, new_page):
    survey.all(new_walk)
    usage = survey.usage
    # What no address leads to: a translation, the code of a sign-up, a question in a dialog.
    page = new_page(locale="de-DE")
    page.goto("/")
    usage.look(page, "home in German")
    sign_up(page)
    usage.look(page, "the code of a sign-up")
    page = new_walk("doctor").page
    page.goto("/my-slots/")
    page.locator("a[data-dialog]").first.click()
    expect(page.locator("dialog .card")).to_be_visible()
    usage.look(page, "a question in a dialog")
    assert {"hms", "admin", "admin-desk"} <= usage.rules.keys()
    dead = {str(rule) for rule in usage.dead} - ELSEWHERE.keys()
    assert not dead, f"{len(dead)} rules that no page uses:\n" + "\n".join(sorted(dead))


def sign_up(page: Page) -> None:
    """As far as the code that comes by mail."""
    page.goto("/users/signup/")
    page.locator("[name=account_type]").first.check()
    for field, words in (("name", "Ana"), ("email", new_address("seen"))):
        page.locator(f"[name={field}]").fill(words)
    for field in ("password1", "password2"):
        page.locator(f"[name={field}]").fill(PASSWORD)
    page.locator(SUBMIT).last.click()
    expect(page.locator("[name=code]")).to_be_visible()
