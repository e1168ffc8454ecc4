"""The main job on the whole running system: from two sign-ups to a visit, its mails and events."""

import re

import pytest
from playwright.sync_api import Page, expect

from hms.dev.stack.running import RunningStack, fetch_json, wait_until
from tests.browser.backstage import IN_A_WEEK, Backstage
from tests.browser.people import connect_calendar, find, log_in, new_address, sign_up


def new_doctor(new_page, stack: RunningStack, name: str) -> tuple[Page, str]:
    """A doctor's browser, signed up through the page, approved by staff in theirs."""
    page, email = new_page(), new_address("doctor")
    page.goto("/users/signup/")
    sign_up(page, stack, name=name, email=email, doctor=True)
    expect(page.get_by_text("approv").first).to_be_visible()
    staff = new_page()
    log_in(staff, "staff", "walk-right-in-2026")
    approve(staff, email)
    stack.wait_for_mail(email, "approved")
    page.goto("/users/profile/")
    page.get_by_label("Specialty").select_option(index=1)
    page.get_by_role("group", name="Clinics where you work").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Save profile").click()
    return page, email


def approve(staff: Page, email: str) -> None:
    """By the address, which is one doctor's: part of a name may stand in another's address."""
    staff.goto(f"/admin/users/doctorprofile/?q={email}")
    staff.get_by_role("row").filter(has_text=email).get_by_role("checkbox").check()
    staff.locator("select[name=action]").select_option(label="Approve selected doctors")
    staff.get_by_role("button", name="Go").click()
    expect(staff.get_by_text("1 doctor is approved.")).to_be_visible()


def publish_a_slot(page: Page, at: str = "09:20", until: str = "09:40") -> None:
    page.goto("/create-slot/")
    page.get_by_label("Day", exact=True).fill(IN_A_WEEK.isoformat())
    page.get_by_label("From", exact=True).fill(at)
    page.get_by_label("To", exact=True).fill(until)
    page.get_by_role("button", name="Publish").click()
    expect(page).to_have_url(re.compile("/my-slots/"))
    expect(page.get_by_text(at).first).to_be_visible()


def new_patient(new_page, backstage: Backstage, name: str) -> tuple[Page, str]:
    """A patient's browser, signed in; how one signs up is the first journey's matter."""
    page, person = new_page(), backstage.patient(name)
    backstage.sign_in(page, person)
    return page, person["email"]


def events_of(stack: RunningStack, account: str) -> list[dict]:
    """The events that stand in an account's calendar, deleted ones apart."""
    events = stack.google_events().get(account, [])
    return [event for event in events if event["status"] != "cancelled"]


def test_from_two_sign_ups_to_a_visit_and_back(new_page, stack):
    doctor, doctor_email = new_doctor(new_page, stack, "Dr. Ngozi Adeyemi-Castellanos")
    connect_calendar(doctor, "ngozi@calendar.example")
    publish_a_slot(doctor)

    # A stranger finds the time and comes back to that very time after signing up.
    patient, patient_email = new_page(), new_address("patient")
    find(patient, "Adeyemi")
    patient.get_by_role("link", name=re.compile("09:20")).click()
    expect(patient).to_have_url(re.compile("/users/login/"))
    patient.get_by_role("main").get_by_role("link", name="Sign up").click()
    sign_up(patient, stack, name="Íris Þórðardóttir", email=patient_email)
    expect(
        patient.get_by_role("heading", name="Book an appointment with Dr. Ngozi")
    ).to_be_visible()
    patient.get_by_role("button", name=re.compile("Book .* 09:20")).click()
    expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()

    # Both are told, and the doctor's calendar has it.
    told = stack.wait_for_mail(patient_email, "appointment")
    assert "Dr. Ngozi Adeyemi-Castellanos" in told["text"]
    assert "Íris" in stack.wait_for_mail(doctor_email, "New appointment")["text"]
    wait_until(lambda: len(events_of(stack, "ngozi@calendar.example")) == 1, 20, "the event")
    patient.reload()
    expect(patient.get_by_text("Email sent")).to_be_visible()

    # The slot is gone for everybody else.
    other = new_page()
    find(other, "Adeyemi")
    expect(other.get_by_role("link", name=re.compile("09:20"))).to_have_count(0)

    # A calendar connected later shows what was booked before.
    visit = patient.url
    connect_calendar(patient, "iris@calendar.example")
    wait_until(lambda: len(events_of(stack, "iris@calendar.example")) == 1, 20, "the event")

    # Cancelling takes everything back, and the time is free again.
    patient.goto(visit)
    patient.get_by_role("link", name="Cancel appointment").click()
    patient.get_by_role("button", name="Yes, cancel the appointment").click()
    expect(patient.get_by_text("This appointment is cancelled.")).to_be_visible()
    stack.wait_for_mail(patient_email, "cancelled")
    stack.wait_for_mail(doctor_email, "cancelled")
    for account in ("iris@calendar.example", "ngozi@calendar.example"):
        wait_until(lambda who=account: events_of(stack, who) == [], 20, "an empty calendar")
    find(other, "Adeyemi")
    expect(other.get_by_role("link", name=re.compile("09:20"))).to_be_visible()


def test_booking_and_cancelling_need_no_javascript(new_page, stack, backstage):
    backstage.doctor("Dr. Bo Li", free_at="09:20")
    patient, email = new_page(java_script_enabled=False), new_address("patient")
    find(patient, "Bo Li")
    patient.get_by_role("link", name=re.compile("09:20")).click()
    patient.get_by_role("main").get_by_role("link", name="Sign up").click()
    sign_up(patient, stack, name="Ana Souza", email=email)
    patient.get_by_role("button", name=re.compile("Book .* 09:20")).click()
    expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()
    stack.wait_for_mail(email, "appointment")
    patient.get_by_role("link", name="Cancel appointment").click()
    patient.get_by_role("button", name="Yes, cancel the appointment").click()
    expect(patient.get_by_text("This appointment is cancelled.")).to_be_visible()
    stack.wait_for_mail(email, "cancelled")


def test_publishing_and_withdrawing_need_no_javascript(new_page, backstage):
    doctor, person = new_page(java_script_enabled=False), backstage.doctor("Dr. Ohne Skript")
    backstage.sign_in(doctor, person)
    publish_a_slot(doctor)
    slot = doctor.get_by_role("main").get_by_role("listitem").filter(has_text="09:20")
    slot.get_by_role("link", name="Change").click()
    doctor.get_by_label("To", exact=True).fill("09:50")
    doctor.get_by_role("button", name="Save the change").click()
    expect(slot).to_contain_text("09:50")
    # The week's own table does the same where no calendar takes its place.
    doctor.goto(f"/week/?week={IN_A_WEEK:%G-W%V}")
    expect(doctor.get_by_role("main").get_by_text("09:20").first).to_be_visible()
    doctor.goto("/my-slots/")
    slot.get_by_role("link", name="Delete").click()
    doctor.get_by_role("button", name="Delete this slot").click()
    expect(doctor.get_by_text("The slot is deleted.")).to_be_visible()
    expect(slot).to_have_count(0)


def test_a_patient_books_in_one_click_and_going_back_does_no_harm(new_page, backstage):
    backstage.doctor("Dr. Cleo Marchetti", free_at="09:20")
    patient, _email = new_patient(new_page, backstage, "Jo")
    find(patient, "Marchetti")
    patient.get_by_role("button", name=re.compile("09:20")).click()
    expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()
    visit = patient.url.split("?")[0]
    patient.go_back()
    if (again := patient.get_by_role("button", name=re.compile("09:20"))).count():
        again.click()
        expect(patient).to_have_url(re.compile(re.escape(visit)))
    patient.goto("/dashboard/patient/")
    expect(patient.get_by_text("Dr. Cleo Marchetti")).to_have_count(1)


def test_nothing_is_lost_while_the_mail_function_is_down(new_page, stack, backstage):
    doctor_email = backstage.doctor("Dr. Dagný Ólafsdóttir", free_at="09:20")["email"]
    patient, email = new_patient(new_page, backstage, "Kwame Mensah")
    find(patient, "Dagný")
    with stack.without("lambda"):
        patient.get_by_role("button", name=re.compile("09:20")).click()
        expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()
        expect(patient.get_by_text("on its way").first).to_be_visible()
    stack.wait_for_mail(email, "appointment", seconds=60)
    stack.wait_for_mail(doctor_email, "New appointment", seconds=60)
    mails = [mail for mail in stack.mails(email) if "appointment" in mail["subject"]]
    assert len(mails) == 1


def is_well(stack: RunningStack) -> bool:
    try:
        return fetch_json(f"{stack.url}/readyz")["database"] == "ok"
    except OSError:
        return False


# The open page asks meanwhile whether the mail is out, and is told that nobody is there.
@pytest.mark.allow_console("Failed to load resource")
@pytest.mark.parametrize(
    "part", ["worker", *(pytest.param(part, marks=pytest.mark.slow) for part in ("web", "db"))]
)
def test_a_booking_outlives_a_killed_part(new_page, stack, backstage, part):
    backstage.doctor(f"Dr. Plug {part.title()}", free_at="09:20")
    patient, email = new_patient(new_page, backstage, "Sam O’Brien")
    find(patient, f"Plug {part}")
    patient.get_by_role("button", name=re.compile("09:20")).click()
    expect(patient.get_by_text("Your appointment is booked.")).to_be_visible()
    fallen = stack.kill(part)
    stack.wait_for_mail(email, "appointment", seconds=60)
    wait_until(lambda: stack.pid(part) != fallen, 40, f"a new {part}")
    wait_until(lambda: is_well(stack), 40, "the website with its database")
    patient.goto("/dashboard/patient/")
    expect(patient.get_by_text(f"Dr. Plug {part.title()}").first).to_be_visible()
