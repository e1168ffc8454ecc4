"""What holds on every page for every kind of reader; the look of pages is their pictures' matter.

A message in the console, a violation of the policy or a request to another host fails these tests
as it fails every test with a browser (conftest.py).
"""

from urllib.parse import urlsplit

import pytest
from django.urls import resolve

from hms.dev.screenshots import PAGES, Shot
from tests.browser.accessibility import BY_LOOKS, DESK, PHONE, violations
from tests.browser.walk import SMALLEST, frame, sideways
from tests.test_authorisation import SIGN_IN_PAGES, TABLE

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


def refused(test):
    """Pages that refuse are asked for on purpose, and Chromium notes each in its console."""
    for words in ("404 (Not Found) at /no-such-page/", "403 (Forbidden) at /my-slots/"):
        test = pytest.mark.allow_console(words)(test)
    return test


def first_reader(shot: Shot) -> str:
    return next(role for role, shots in PAGES.items() if shot in shots)


@pytest.mark.slow
def test_no_page_escapes_the_walks(new_walk):
    walked = set()
    for role, shots in PAGES.items():
        walk = new_walk(role)
        # A page that there is not has no route.
        for place in (walk.place(shot) for shot in shots if shot.status != 404):
            found = resolve(urlsplit(place).path)
            walked |= {found.route, found.url_name}
    pages = {route for route, row in TABLE.items() if "200" in row.get("GET", "").split()}
    assert (pages | SIGN_IN_PAGES) - walked == NO_PAGES.keys()


@refused
@pytest.mark.parametrize("role", PAGES)
def test_every_page_holds(role, new_walk):
    walk = new_walk(role)
    for shot, _answer in walk:
        walk.note(shot, frame(walk.page))
        walk.note(shot, sideways(walk.page, SMALLEST))
        # What other readers see as well is gone through for each of them by the slow one below.
        if first_reader(shot) == role:
            walk.note(shot, violations(walk.page, PHONE, "light"))
    assert not walk.wrong, walk.report()


@pytest.mark.slow
@refused
@pytest.mark.parametrize("role", PAGES)
def test_axe_finds_nothing_in_any_size_and_theme(role, new_walk):
    walk = new_walk(role)
    for shot, _answer in walk:
        walk.note(shot, sideways(walk.page, PHONE[0]))
        # Its first reader has seen it so above.
        if first_reader(shot) != role:
            walk.note(shot, violations(walk.page, PHONE, "light"))
        walk.note(shot, violations(walk.page, PHONE, "dark", only=BY_LOOKS))
        walk.note(shot, violations(walk.page, DESK, "dark"))
        walk.note(shot, violations(walk.page, DESK, "light", only=BY_LOOKS))
    assert not walk.wrong, walk.report()


def test_the_checks_see_what_is_wrong(new_page):
    page = new_page()
    page.goto("/users/login/")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('h1').style.width = '60rem'")
    found = violations(page, PHONE, "light")
    assert {words.split(": ")[1].split(" ")[0] for words in found} >= {"label", "label-title-only"}
    assert "px wide at 320" in sideways(page, 320)[0]
    page.evaluate("document.querySelector('h1').remove(), document.documentElement.lang = ''")
    assert frame(page) == ["0 h1", "no lang"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("console.debug('left over')", "left over"),
        ("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">')", "CSP"),
        ("new Image().src = 'https://elsewhere.example/a.png'", "elsewhere.example"),
        ("fetch('/static/nothing').catch(() => 0)", "404"),
    ],
)
def test_the_watch_sees_what_a_page_does(new_page, script, words):
    page = new_page()
    page.goto("/users/login/")
    page.evaluate(script)
    page.wait_for_timeout(300)
    assert any(words in complaint for complaint in new_page.complaints)
    new_page.complaints.clear()
