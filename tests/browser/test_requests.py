"""A clinic that wants to be asked: what its patients see, and the doctor's yes and no."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import DESK, PHONE, violations
from tests.browser.people import find, press
from tests.browser.walk import SMALLEST, sideways


def looks_right(page: Page) -> None:
    assert sideways(page, SMALLEST) == []
    assert violations(page, PHONE, "light") + violations(page, DESK, "dark") == []


def test_a_request_is_confirmed_and_another_declined(new_page, stack, backstage):
    doctor = backstage.doctor("Dr. Asta Lindqvist", free_at="10:00 11:00", booking_mode="request")
    person = backstage.patient("Ines Duarte")
    patient = new_page(java_script_enabled=False)
    backstage.sign_in(patient, person)
    for clock in ("10:00", "11:00"):
        find(patient, doctor["name"])
        expect(patient.get_by_text("on request")).to_be_visible()
        patient.get_by_role("button", name=re.compile(f"Request .*{clock}")).click()
        expect(patient.get_by_text("The clinic has received your request")).to_be_visible()
        expect(patient.get_by_role("link", name="Reschedule")).to_have_count(0)
    asked = stack.wait_for_mail(person["email"], "request")
    assert doctor["name"] in asked["text"]

    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, doctor)
    page.goto("/dashboard/doctor/")
    waiting = page.get_by_role("region", name="Requests")
    expect(waiting.get_by_role("listitem")).to_have_count(2)
    waiting.get_by_role("button", name="Confirm Ines Duarte").first.click()
    expect(page.get_by_text("The appointment of Ines Duarte is confirmed.")).to_be_visible()
    waiting.get_by_role("link", name="Decline Ines Duarte").click()
    expect(page.get_by_role("heading", name="Decline this request?")).to_be_visible()
    page.get_by_label("Reason").fill("We are closed that day.")
    page.get_by_role("button", name="Yes, decline the request").click()
    expect(page.get_by_text("This request was declined.")).to_be_visible()

    stack.wait_for_mail(person["email"], "is booked")
    declined = stack.wait_for_mail(person["email"], "declined")
    assert "We are closed that day." in declined["text"]
    patient.goto("/dashboard/patient/")
    expect(patient.get_by_text("Declined")).to_be_visible()


@pytest.mark.slow
def test_each_page_of_a_request_looks_right(new_page, backstage):
    doctor = backstage.doctor("Dr. Eero Salonen", free_at="10:00 11:00", booking_mode="request")
    person = backstage.patient("Mila Novak")
    patient, page = new_page(), new_page()
    find(patient, doctor["name"])
    looks_right(patient)
    backstage.sign_in(patient, person)
    find(patient, doctor["name"])
    press(patient.get_by_role("link", name=doctor["name"], exact=True))
    expect(patient.get_by_text("This clinic confirms each appointment.")).to_be_visible()
    looks_right(patient)
    place = patient.locator("[formaction^='/bookings/create/']").first.get_attribute("formaction")
    patient.goto(place or "")
    looks_right(patient)
    press(patient.get_by_role("main").get_by_role("button", name="Request"))
    expect(patient.get_by_text("The clinic has received your request")).to_be_visible()
    looks_right(patient)
    patient.goto("/dashboard/patient/")
    looks_right(patient)
    backstage.sign_in(page, doctor)
    page.goto("/dashboard/doctor/")
    looks_right(page)
    press(page.get_by_role("region", name="Requests").get_by_role("link", name="Mila Novak").first)
    looks_right(page)


def test_where_patients_only_look_nothing_can_be_pressed(new_page, backstage):
    doctor = backstage.doctor("Dr. Noor Haddad", free_at="10:00", booking_mode="look")
    page = new_page()
    backstage.sign_in(page, backstage.patient("Paul Weber"))
    find(page, doctor["name"])
    expect(page.get_by_text("ask the clinic")).to_be_visible()
    expect(page.locator("[formaction]")).to_have_count(0)
    looks_right(page)
    press(page.get_by_role("link", name=doctor["name"], exact=True))
    expect(page.get_by_text("Call the clinic to book.")).to_be_visible()
    looks_right(page)
