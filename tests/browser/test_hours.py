"""Weekly hours and time off in a browser without a script: shown first, then done."""

import re

from playwright.sync_api import expect

from tests.browser.backstage import IN_A_WEEK
from tests.browser.keyboard import Keys


def test_hours_publish_and_time_off_shows_what_is_in_the_way(new_page, backstage):
    doctor = backstage.doctor("Dr. Stunde Woche")
    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, doctor)
    keys = Keys(page)
    page.goto("/my-slots/")
    keys.follow("My hours")
    keys.follow("Add weekly hours")
    page.get_by_label(f"{IN_A_WEEK:%A}").check()
    part = page.get_by_role("group", name="From and to", exact=True)
    part.get_by_label("From").fill("06:00")
    part.get_by_label("To").fill("07:00")
    page.get_by_label("First day").fill(IN_A_WEEK.isoformat())
    keys.push("Preview changes")
    expect(page.get_by_role("heading", name="New slots")).to_be_visible()
    keys.push("Save these hours")
    expect(page.get_by_text(re.compile("Saved. .* slots are published."))).to_be_visible()
    assert not keys.wrong, keys.wrong

    visitor = new_page(java_script_enabled=False)
    backstage.sign_in(visitor, backstage.patient("Jo Frueh"))
    visitor.goto(f"/?name={doctor['name']}")
    visitor.get_by_role("link", name=doctor["name"]).first.click()
    visitor.get_by_role("button", name=re.compile("06:20")).first.click()
    expect(visitor.get_by_text("Your appointment is booked.")).to_be_visible()

    page.get_by_role("link", name="Add time off").click()
    page.get_by_label("First day").fill(IN_A_WEEK.isoformat())
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("1 booked appointment conflicts and stays booked.")).to_be_visible()
    expect(page.get_by_role("link", name="Open the appointment")).to_be_visible()
    page.get_by_role("button", name="Save this time off").click()
    expect(page.get_by_text("Saved. 2 free slots are removed.")).to_be_visible()
