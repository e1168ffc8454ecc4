"""What patients may do by themselves, and until when: set at the desk, met on their pages."""

import re

from playwright.sync_api import Page, expect

from tests.browser.backstage import DESK, IN_A_WEEK
from tests.browser.people import press

# Further ahead than a week from now can be.
NOTICE_HOURS = 8 * 24 + 12
PHONE = ("+49 30 5550123", "tel:+49305550123")


def set_windows(desk: Page, changed: str, path: str, **windows: int) -> None:
    """As the desk does: find the row in the list, fill in the form, save it."""
    desk.goto(path)
    press(desk.get_by_role("link", name=changed, exact=True))
    for label, value in windows.items():
        desk.get_by_label(f"Minimum notice to {label}").fill(str(value))
    press(desk.get_by_role("button", name="Save", exact=True))
    expect(desk.get_by_text("was changed successfully")).to_be_visible()


def is_told_whom_to_call(page: Page, why: str) -> None:
    """In the very words that refuse; and nothing there that would only be refused again."""
    banner = page.get_by_role("main").locator("p").filter(has_text=why)
    expect(banner).to_contain_text("Please call the clinic")
    expect(banner.get_by_role("link", name=PHONE[0])).to_have_attribute("href", PHONE[1])
    expect(page.get_by_role("button", name=re.compile("^(Book|Yes|Reschedule)"))).to_have_count(0)


def test_too_late_for_the_patient_is_not_too_late_for_the_doctor(new_page, backstage):
    doctor = backstage.doctor("Dr. Vera Lindholm", free_at="09:00 14:00 15:00", booking_mode="book")
    person = backstage.patient("Oskar Brandt")
    found = f"/?name={doctor['name']}"
    patient, desk, own = (new_page() for _ in range(3))
    for page, who in ((patient, person), (desk, DESK), (own, doctor)):
        backstage.sign_in(page, who)

    # All of it is open to the patient, in a tab each, when the desk sets the limits.
    booking, cancelling, moving = (patient.context.new_page() for _ in range(3))
    patient.goto(found)
    later = patient.get_by_role("button", name="15:00").first.get_attribute("formaction")
    press(patient.get_by_role("button", name="09:00").first)
    visit = patient.url
    reference = visit.split("/")[-2]
    booking.goto(later or "")
    cancelling.goto(f"{visit}cancel/")
    moving.goto(f"{visit}reschedule/")
    set_windows(
        desk,
        f"Clinic of {doctor['name']}",
        "/admin/users/clinic/",
        book=NOTICE_HOURS * 60,
        reschedule=NOTICE_HOURS,
        cancel=NOTICE_HOURS,
    )

    # What those tabs still offer is refused kindly …
    press(booking.get_by_role("main").get_by_role("button", name="Book"))
    is_told_whom_to_call(booking, "This time is too soon to be booked here.")
    press(cancelling.get_by_role("button", name="Yes, cancel the appointment"))
    is_told_whom_to_call(
        cancelling, f"can cancel this appointment here until {NOTICE_HOURS} hours before"
    )
    press(moving.get_by_role("button", name="14:00"))
    is_told_whom_to_call(
        moving, f"can reschedule this appointment here until {NOTICE_HOURS} hours before"
    )
    # … and no page offers it any more.
    for path in (visit, "/dashboard/patient/"):
        patient.goto(path)
        expect(patient.get_by_role("main").get_by_text(doctor["name"]).first).to_be_visible()
        for name in ("Reschedule", "Cancel appointment"):
            expect(patient.get_by_role("link", name=name)).to_have_count(0)
    patient.goto(found)
    expect(patient.get_by_text("No free times at the moment.")).to_be_visible()
    press(patient.get_by_role("link", name=doctor["name"], exact=True))
    patient.goto(f"{patient.url}?day={IN_A_WEEK}")
    expect(patient.get_by_text("ask the clinic").first).to_be_visible()
    expect(patient.get_by_role("link", name=PHONE[0])).to_have_attribute("href", PHONE[1])
    expect(patient.locator("[formaction]")).to_have_count(0)

    # The doctor moves the visit all the same, and the desk can read that it was so late.
    own.goto(visit)
    press(own.get_by_role("link", name="Reschedule"))
    press(own.get_by_role("button", name="14:00"))
    expect(own.get_by_text("The appointment is rescheduled.")).to_be_visible()
    desk.goto(f"/admin/bookings/booking/?q={reference}")
    press(desk.get_by_role("link", name=reference))
    history = desk.get_by_role("row")
    outside = desk.get_by_role("cell", name="yes", exact=True)
    expect(history.filter(has=outside)).to_have_count(1)
    expect(history.filter(has_text="Rescheduled").filter(has=outside)).to_be_visible()

    # For this doctor the desk makes an exception, and the patient books.
    set_windows(desk, doctor["name"], "/admin/users/doctorprofile/", book=0)
    patient.goto(found)
    press(patient.get_by_role("button", name="15:00").first)
    expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()
