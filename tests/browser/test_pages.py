"""What holds on every page for every kind of reader; the look of pages is their pictures' matter.

A message in the console, a violation of the policy or a request to another host fails these tests
as it fails every test with a browser (conftest.py).
"""

import pytest

from hms.dev.checks.screenshots import PAGES, Shot
from tests.browser.accessibility import PHONE, violations
from tests.browser.walk import SMALLEST, frame, sideways, spilt


def refused(test):
    """Pages that refuse are asked for on purpose, and Chromium notes each in its console."""
    for words in ("404 (Not Found) at /no-such-page/", "403 (Forbidden) at /my-slots/"):
        test = pytest.mark.allow_console(words)(test)
    return test


def first_reader(shot: Shot) -> str:
    return next(role for role, shots in PAGES.items() if shot in shots)


def first_seen_by(role: str) -> list[Shot]:
    """The reader's pages without those that a reader before them in PAGES sees as well."""
    return [shot for shot in PAGES[role] if first_reader(shot) == role]


@refused
@pytest.mark.parametrize("role", PAGES)
def test_every_page_holds(role, new_walk):
    # Rare pages, and for other readers what they see as well, are gone through by test_proofs.py.
    walk = new_walk(role, [shot for shot in first_seen_by(role) if not shot.rare])
    for shot, _answer in walk:
        walk.note(shot, frame(walk.page))
        walk.note(shot, sideways(walk.page, SMALLEST))
        walk.note(shot, violations(walk.page, PHONE, "light"))
    assert not walk.wrong, walk.report()


def test_the_checks_see_what_is_wrong(new_page):
    page = new_page()
    page.goto("/users/login/")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('h1').style.width = '60rem'")
    found = violations(page, PHONE, "light")
    assert {words.split(": ")[1].split(" ")[0] for words in found} >= {"label", "label-title-only"}
    assert "px wide at 320" in sideways(page, 320)[0]
    assert spilt(page, 320) == []
    page.evaluate("document.querySelector('main .button').style = 'max-width: 0; padding: 0'")
    assert "words outside of: <button" in spilt(page, 320)[0]
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
