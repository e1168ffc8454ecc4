"""No rule of our stylesheets is dead: each is at work on some page, or waits there for a state."""

import pytest
from playwright.sync_api import Page, expect

from hms.dev.screenshots import PAGES, SUBMIT
from tests.browser.people import PASSWORD, new_address
from tests.browser.stylesheet import Usage, rules_of
from tests.browser.test_pages import first_reader, refused

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


@pytest.mark.slow
@refused
def test_no_rule_is_dead(new_page, new_walk):
    usage, walks = Usage(), {}
    for role in PAGES:
        walks[role] = walk = new_walk(role)
        for shot, _answer in walk:
            if first_reader(shot) == role:
                usage.look(walk.page, f"{role} {shot.name}")
    assert not any(walk.wrong for walk in walks.values())
    # What no address leads to: a translation, the code of a sign-up, a question in a dialog.
    page = new_page(locale="de-DE")
    page.goto("/")
    usage.look(page, "home in German")
    sign_up(page)
    usage.look(page, "the code of a sign-up")
    page = walks["doctor"].page
    page.goto("/my-slots/")
    page.locator("a[data-dialog]").first.click()
    expect(page.locator("dialog .card")).to_be_visible()
    usage.look(page, "a question in a dialog")
    assert {"hms", "admin", "admin-desk"} <= usage.rules.keys()
    dead = {str(rule) for rule in usage.dead} - ELSEWHERE.keys()
    assert not dead, f"{len(dead)} rules that no page uses:\n" + "\n".join(sorted(dead))


def test_rules_are_found_where_they_stand():
    css = '@layer a, b;\n/* { */\n@layer a {\n@media print { p::after, .x { content: "}" } }\n}\n'
    (rule,) = rules_of("hms", css)
    assert css[rule.start : rule.end] == 'p::after, .x { content: "}" }'
    assert (rule.selector, rule.group) == ("p::after, .x", "@media print")


@pytest.mark.parametrize(
    ("selector", "bare"),
    [
        (".button:hover", ".button"),
        (":focus-visible", "*"),
        (".menu[open] > :hover", ".menu > *"),
        ("a:not(:hover)", "a"),
        (":is(h1, h2) > a:not(:hover, :focus)", ":is(h1, h2) > a"),
        (".card::before, ::selection", ".card, *"),
        (':root[data-theme="dark"] .sun', ":root .sun"),
        ("label:has(input:checked)", "label:has(input)"),
        ("form:not(:has([value]:checked)) p", "form p"),
        ("a:not([href])", "a:not([href])"),
    ],
)
def test_states_are_taken_off_a_selector(selector, bare):
    (rule,) = rules_of("hms", f"{selector} {{ color: red }}")
    assert rule.stateless == bare


@pytest.mark.slow
def test_a_dead_rule_is_seen(new_page):
    page, usage = new_page(), Usage()
    page.goto("/users/login/")
    usage.look(page, "login")
    assert len(usage.used) > 50
    assert any("slot-list" in str(rule) for rule in usage.dead)
