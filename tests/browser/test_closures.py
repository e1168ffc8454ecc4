"""A clinic that is closed: the desk sees what that does, does it, and patients see it at once."""

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.backstage import DESK, IN_A_WEEK
from tests.browser.people import press

# Where no two public holidays are further apart than slots are published ahead.
COUNTRY = "Colombia"


def choose(page: Page, label: str, words: str) -> None:
    """The one option whose words begin like that."""
    field = page.get_by_label(re.compile(f"^{label}:?$"))
    option = field.get_by_role("option", name=re.compile(f"^{words}"))
    field.select_option(option.get_attribute("value"))


def test_closing_takes_free_times_and_names_the_visit_in_the_way(new_page, backstage):
    doctor = backstage.doctor("Dr. Paloma Rey", booking_mode="book")
    backstage.weekly_hours(doctor, "06:00", "07:00")
    clinic = f"Clinic of {doctor['name']}"
    patient, desk = new_page(), new_page()
    backstage.sign_in(patient, backstage.patient("Lior Katz"))
    backstage.sign_in(desk, DESK)
    patient.goto(f"/?name={doctor['name']}")
    press(patient.get_by_role("link", name=doctor["name"], exact=True))
    times = patient.url
    patient.goto(f"{times}?day={IN_A_WEEK}")
    press(patient.get_by_role("button", name="06:20–06:40"))
    patient.goto(f"{times}?day={IN_A_WEEK}")
    free = patient.locator("[data-fresh-state=open]")
    expect(free).to_have_count(2)

    # What it would do is shown before it is done; until then nothing is.
    desk.goto("/admin/availability/closure/add/")
    choose(desk, "Clinic", clinic)
    desk.get_by_label("Reason").fill("Water pipe")
    desk.get_by_label("First day").fill(IN_A_WEEK.isoformat())
    press(desk.get_by_role("button", name="Save", exact=True))
    expect(desk.get_by_text("2 free slots are removed.")).to_be_visible()
    in_the_way = desk.get_by_role("region", name="1 booked appointment conflicts")
    expect(in_the_way.get_by_role("link", name="06:20")).to_be_visible()
    expect(free).to_have_count(2)
    press(desk.get_by_role("button", name="Save", exact=True))
    told = desk.get_by_role("listitem").filter(has_text="1 booked appointment conflicts")
    expect(free).to_have_count(0)
    expect(patient.get_by_text("06:20").first).to_be_visible()
    press(told.get_by_role("link", name="06:20"))
    expect(desk.get_by_role("row").filter(has_text="Lior Katz")).to_contain_text("coming")

    # A public holiday is a tick away, once it is known whose holidays hold.
    desk.goto("/admin/availability/closure/")
    press(desk.get_by_role("link", name="Public holidays"))
    choose(desk, "Clinic", clinic)
    desk.get_by_label("Year").select_option(f"{IN_A_WEEK + timedelta(days=7):%Y}")
    press(desk.get_by_role("button", name="Show"))
    asked = desk.url
    press(desk.get_by_role("link", name="Set the country"))
    choose(desk, "Country", COUNTRY)
    press(desk.get_by_role("button", name="Save", exact=True))
    desk.goto(asked)
    days = desk.get_by_role("group", name="Public holidays").get_by_role("checkbox")
    found = [day.get_attribute("value") or "" for day in days.all()]
    holiday = min(day for day in found if day > IN_A_WEEK.isoformat())
    patient.goto(f"{times}?day={holiday}")
    expect(free).to_have_count(3)
    desk.locator(f"[value='{holiday}']").check()
    press(desk.get_by_role("button", name="Close on these days"))
    expect(desk.get_by_text("1 day is added.")).to_be_visible()
    expect(free).to_have_count(0)
    desk.goto(asked)
    expect(desk.locator(f"[value='{holiday}']")).to_be_disabled()
