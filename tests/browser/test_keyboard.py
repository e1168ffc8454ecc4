"""A journey for each kind of reader with the keyboard alone, the focus seen at every step.

The patient's is walked three times: as it is, at 400 % zoom (a window of 320 × 256 px) and with
letters of twice the size, where nothing may be cut off or scroll sideways.
"""

import os
import re
import secrets
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.keyboard import Keys
from tests.browser.people import new_address, sign_up
from tests.browser.walk import loss

DEMO = "walk-right-in-2026"
# Not tomorrow: late in the evening of UTC that is already the clinic's today, and on a clinic's
# today the demo doctor's slots may stand at any hour.
DAY_AHEAD = date.today() + timedelta(days=2)  # noqa: DTZ011 -- within a day of the clinic's own


def book_and_cancel(page: Page, backstage) -> list[str]:
    """As the demo patient: find a time, log in on the way to it, book it, cancel it."""
    keys, lost = Keys(page), []
    doctor = backstage.doctor(f"Dr. Tastatur {secrets.token_hex(4)}", free_at="06:20")
    page.goto("/")
    lost += loss(page)
    keys.press(page.get_by_role("link", name="Skip to content"))
    keys.fill("Name", doctor["name"])
    page.keyboard.press("Enter")
    expect(page.locator("main h2")).to_have_count(1)
    lost += loss(page)
    keys.follow(re.compile("06:20"))
    expect(page).to_have_url(re.compile("/users/login/"))
    lost += loss(page)
    keys.log_in("patient", DEMO)
    lost += loss(page)
    keys.push(re.compile("^Book .* 06:20"))
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
    lost += loss(page)
    keys.follow("Cancel appointment")
    expect(page.get_by_role("button", name="Yes, cancel the appointment")).to_be_visible()
    lost += loss(page)
    keys.push("Yes, cancel the appointment")
    expect(page.get_by_text("This appointment is cancelled.")).to_be_visible()
    return keys.wrong + lost + loss(page)


def test_a_patient_books_and_cancels_by_keyboard(new_page, backstage):
    found = book_and_cancel(new_page(), backstage)
    assert not found, "\n".join(found)


def test_a_patient_books_and_cancels_at_four_times_the_size(new_page, backstage):
    page = new_page(viewport={"width": 320, "height": 256})
    found = book_and_cancel(page, backstage)
    assert not found, "\n".join(found)


@pytest.fixture
def large_letters(browser, chromium) -> Iterator[Browser]:
    """A browser whose reader has set letters of twice the usual size."""
    flags = ["--blink-settings=defaultFontSize=32", *(["--no-sandbox"] * (os.geteuid() == 0))]
    browser = browser.browser_type.launch(executable_path=chromium, args=flags)
    yield browser
    browser.close()


@pytest.mark.parametrize("width", [360, pytest.param(1280, marks=pytest.mark.slow)])
def test_a_patient_books_and_cancels_with_large_letters(new_page, backstage, large_letters, width):
    page = new_page(large_letters, viewport={"width": width, "height": 800})
    found = book_and_cancel(page, backstage)
    assert not found, "\n".join(found)


def test_a_doctor_publishes_edits_and_withdraws_by_keyboard(new_page):
    keys = Keys(page := new_page())
    page.goto("/")
    keys.follow("Log in")
    keys.log_in("doctor", DEMO)
    keys.follow("My slots")
    keys.follow("Publish a slot")
    keys.dial("Day", f"{DAY_AHEAD:%m%d%Y}")
    keys.dial("From", "0510AM")
    keys.dial("To", "0530AM")
    keys.push("Publish")
    slot = page.locator("main li", has_text="05:10")
    expect(slot).to_contain_text("05:30")
    keys.press(slot.get_by_role("link", name="Change"))
    keys.dial("To", "0540AM")
    keys.push("Save the change")
    expect(slot).to_contain_text("05:40")
    keys.press(slot.get_by_role("link", name="Delete"))
    keys.push("Delete this slot")
    expect(slot).to_have_count(0)
    assert not keys.wrong, "\n".join(keys.wrong)


def test_staff_approve_a_doctor_by_keyboard(new_page, stack):
    email = new_address("waiting")
    doctor = new_page()
    doctor.goto("/users/signup/")
    sign_up(doctor, stack, name="Dr. Rosalind Achterberg", email=email, doctor=True)
    keys = Keys(page := new_page())
    page.goto("/")
    keys.follow("Log in")
    keys.log_in("staff", DEMO)
    keys.follow(re.compile("to approve"))
    row = page.get_by_role("row").filter(has_text=email)
    keys.press(row.get_by_role("checkbox"), "Space")
    keys.to(page.locator("select[name=action]"))
    page.keyboard.type("Approve")
    keys.push("Go")
    expect(page.get_by_text("1 doctor is approved.")).to_be_visible()
    assert not keys.wrong, "\n".join(keys.wrong)


def test_the_keys_see_when_the_focus_is_lost_from_sight(new_page):
    page = new_page()
    page.goto("/users/login/")
    hide = "for (const field of document.querySelectorAll('input')) field.style.outline = '0'"
    page.evaluate(hide)
    keys = Keys(page)
    keys.to(page.locator("[name=password]"))
    assert any("no outline round" in words for words in keys.wrong)
    keys.wrong.clear()
    page.evaluate("""() => {
      const cover = document.body.appendChild(document.createElement("div"));
      Object.assign(cover.style, { position: "fixed", inset: 0, zIndex: 99 });
    }""")
    keys.to(page.locator("main button").first)
    assert any("lies over the focus" in words for words in keys.wrong)


def test_the_loss_is_seen(new_page):
    page = new_page()
    page.goto("/users/login/")
    page.evaluate("""() => {
      const head = document.querySelector("h1");
      Object.assign(head.style, { overflow: "hidden", height: "8px" });
    }""")
    assert "cut off: <h1" in loss(page)[0]
