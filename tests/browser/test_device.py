"""What a patient's own phone keeps: the next visit, without a net; nothing after logging out."""

from itertools import count

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import PASSWORD, find, log_in
from tests.browser.test_languages import GERMAN, choose

number = count(1)
NOTE = "localStorage.getItem('visit')"
# The net is taken away on purpose and the device cleared, and Chromium says so.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.allow_console("net::ERR_INTERNET_DISCONNECTED"),
    pytest.mark.allow_console("Clear-Site-Data header on"),
]


@pytest.fixture
def patient(new_page, backstage) -> tuple[Page, str]:
    """A patient with a visit in a week, on their dashboard, whose worker is at work."""
    # A name of its own: each test's doctor still has a time free while another's is booked.
    doctor = backstage.doctor(f"Dr. Offline Example {next(number)}", free_at="09:20")
    person, page = backstage.patient("Nur Alami"), new_page()
    backstage.sign_in(page, person)
    find(page, doctor["name"])
    page.get_by_role("button", name="09:20").click()
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
    page.goto("/dashboard/patient/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    return page, person["email"]


def keep(page: Page) -> None:
    page.get_by_role("button", name="Save on this device").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()


def offline(page: Page, path: str = "/dashboard/patient/") -> None:
    page.context.set_offline(True)
    page.goto(path)
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()


def test_the_next_visit_is_there_without_a_net_and_gone_after_logging_out(patient):
    page, _email = patient
    keep(page)
    offline(page)
    visit = page.get_by_role("region", name="Your next appointment")
    for words in ("Dr. Offline Example", "09:20", "May have changed since"):
        expect(visit).to_contain_text(words)
    # Styled, in our own font, with nothing asked of the net.
    assert page.evaluate("document.fonts.check('1em Outfit')")
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") != "0px"

    # It comes back by itself, and logging out leaves nothing.
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="My appointments")).to_be_visible()
    page.goto("/users/logout/")
    page.get_by_role("main").get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    assert page.evaluate(NOTE) is None
    assert page.evaluate("caches.keys()") == []
    assert (
        page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    )


def test_logging_out_without_a_net_forgets_the_visit_all_the_same(patient):
    page, _email = patient
    keep(page)
    page.goto("/users/logout/")
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.get_by_role("main").get_by_role("button", name="Log out").click()
    # Still signed in, as no answer came; this page looks at the note and removes nothing.
    page.context.set_offline(False)
    page.goto("/offline/")
    assert page.evaluate(NOTE) is None


def test_nothing_is_kept_that_was_not_asked_for(patient):
    page, _email = patient
    page.reload()
    assert page.evaluate(NOTE) is None
    offline(page)
    expect(page.get_by_text("To see your next appointment here")).to_be_visible()
    expect(page.get_by_role("heading", name="Your next appointment")).to_be_hidden()
    # Not one page was put aside, only what the offline page is made of.
    kept = page.evaluate(
        """async () => {
          const [name] = await caches.keys();
          return (await (await caches.open(name)).keys()).map((one) => one.url);
        }"""
    )
    assert sorted({url.split("/")[3] for url in kept}) == ["offline", "static"]


def test_the_switch_takes_the_visit_off_the_device(patient):
    page, _email = patient
    keep(page)
    button = page.get_by_role("button", name="Save on this device")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(page.get_by_role("status").filter(has_text="Removed from this device")).to_be_visible()
    assert page.evaluate(NOTE) is None


def test_another_who_signs_in_finds_nothing(patient, stack):
    page, _email = patient
    keep(page)
    # The session ran out, and nobody logged out.
    page.context.clear_cookies()
    log_in(page, "doctor", "walk-right-in-2026")
    assert page.evaluate(NOTE) is None


def test_the_same_patient_finds_it_again_after_the_session_ran_out(patient):
    page, email = patient
    keep(page)
    page.context.clear_cookies()
    log_in(page, email, PASSWORD)
    assert page.evaluate(NOTE) is not None


def test_a_cancelled_visit_leaves_the_device_with_the_next_page(patient):
    page, _email = patient
    keep(page)
    page.get_by_role("main").get_by_role("link", name="Details").click()
    page.get_by_role("link", name="Cancel appointment").click()
    page.get_by_role("button", name="Yes, cancel the appointment").click()
    expect(page.get_by_text("This appointment is cancelled.")).to_be_visible()
    page.wait_for_function(f"JSON.parse({NOTE}).visit === null")


ACTIVE = "navigator.serviceWorker.ready.then((kept) => kept.active.scriptURL.split('=')[1])"
# The worker of the other language is there: it waits, or it has taken over.
ARRIVED = """navigator.serviceWorker.getRegistration().then((kept) =>
  [kept.waiting, kept.active].some((one) => one && one.scriptURL.endsWith("=de")))"""


def test_a_newer_worker_waits_until_nobody_needs_the_older_one(patient):
    page, _email = patient
    choose(page, GERMAN)
    page.wait_for_function(ARRIVED)
    page.goto("/users/profile/")
    assert page.evaluate(ACTIVE) == "en"
    again = page.context.new_page()
    page.close()
    again.goto("/offline/")
    again.close()
    later = page.context.new_page()
    later.goto("/users/profile/")
    assert later.evaluate(ACTIVE) == "de"
    later.context.set_offline(True)
    later.goto("/dashboard/patient/")
    expect(later.locator("html[lang=de]")).to_have_count(1)
