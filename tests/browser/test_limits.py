"""As many visits as one may have: said in clear words, with a way on that leads on."""

import pytest
from playwright.sync_api import expect

from tests.browser.people import press

MOST = 10  # MAX_OPEN_BOOKINGS


# A refusal's status is a failure to the browser.
@pytest.mark.allow_console("409 (Conflict)")
def test_who_holds_enough_gives_one_back_and_books_again(new_page, backstage):
    doctor = backstage.doctor("Dr. Henrik Dahl", free_at="12:00 13:00")
    other = backstage.doctor("Dr. Salma Idrissi", free_at="")
    person = backstage.patient("Greta Olsen")
    backstage.visits(other, person, days=3, number=MOST)
    found = f"/?name={doctor['name']}"
    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, person)
    page.goto(found)
    press(page.get_by_role("button", name="12:00"))
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text(
        f"{MOST} upcoming appointments, which is the limit for one patient."
    )
    # Nor could any other time be booked now.
    expect(page.get_by_role("button", name="13:00")).to_have_count(0)
    press(refusal.get_by_role("link", name="See your appointments"))
    press(page.get_by_role("main").get_by_role("link", name=other["name"]).first)
    press(page.get_by_role("link", name="Cancel appointment"))
    press(page.get_by_role("button", name="Yes, cancel the appointment"))
    expect(page.get_by_text("This appointment is cancelled.")).to_be_visible()
    page.goto(found)
    press(page.get_by_role("button", name="12:00"))
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
