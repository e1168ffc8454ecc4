"""What was: a patient's past visit and the next one, the doctor's page of them, the desk's file."""

import csv
import re

from playwright.sync_api import expect

from tests.browser.backstage import DESK
from tests.browser.people import press

COLUMNS = ("Reference", "State", "Patient", "Doctor", "Clinic")


def test_a_past_visit_is_kept_printed_and_repeated_in_two_clicks(new_page, backstage):
    doctor = backstage.doctor("Dr. Amadou Keita", free_at="16:00", booking_mode="book")
    person = backstage.patient("Nele Janssen")
    past = backstage.past_visit(doctor, person)["reference"]
    own, patient, desk = (new_page() for _ in range(3))
    for page, who in ((own, doctor), (patient, person), (desk, DESK)):
        backstage.sign_in(page, who)
    own.goto(f"/bookings/{past}/")
    press(own.get_by_role("button", name="Attended"))

    patient.goto("/dashboard/patient/")
    listed = patient.get_by_role("region", name="Past and cancelled").get_by_role("listitem")
    expect(listed).to_contain_text("attended")
    press(listed.get_by_role("heading").get_by_role("link"))
    expect(patient.get_by_text("This appointment is over.")).to_contain_text("attended")
    patient.evaluate("window.print = () => { document.title = 'printed' }")
    patient.get_by_role("button", name="Print").click()
    expect(patient).to_have_title("printed")
    with patient.expect_download() as download:
        patient.get_by_role("link", name=".ics").click()
    calendar = download.value.path().read_text()
    assert download.value.suggested_filename == f"visit-{past}.ics"
    assert calendar.count("BEGIN:VEVENT") == 1
    # Two clicks: the doctor, the time.
    press(patient.get_by_role("link", name="Book another appointment"))
    press(patient.get_by_role("button", name="16:00").first)
    expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()
    coming = patient.url.split("/")[-2]

    press(own.get_by_role("link", name="All appointments of this patient with you"))
    visits = own.get_by_role("region", name="Appointments").get_by_role("listitem")
    expect(visits).to_have_count(2)
    expect(visits.get_by_role("link").first).to_have_attribute("href", re.compile(coming))
    expect(visits.last).to_contain_text("attended")

    # The desk's list of this doctor's visits that are over, as it stands there and in the file.
    desk.goto(f"/admin/bookings/booking/?q={doctor['name']}")
    expect(desk.locator("#result_list tbody tr")).to_have_count(2)
    press(desk.get_by_role("link", name="over", exact=True))
    expect(desk.get_by_role("link", name=past)).to_be_visible()
    with desk.expect_download() as download:
        desk.get_by_role("link", name="Download as CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = [{name: row[name] for name in COLUMNS} for row in csv.DictReader(file)]
    listed = desk.locator("#result_list tbody tr")
    cells = listed.locator("th, td:not(.action-checkbox, .field-when)").all_inner_texts()
    assert [cell for row in rows for cell in row.values()] == cells
    assert [row["Reference"] for row in rows] == [past]
