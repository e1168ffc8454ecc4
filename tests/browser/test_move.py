"""A visit moves to another time, without a script, and both sides are written of old and new."""

from playwright.sync_api import expect

from tests.browser.people import press


def test_a_patient_moves_a_visit_without_a_script(new_page, stack, backstage):
    doctor = backstage.doctor("Dr. Mila Vance", free_at="09:00 14:00")
    patient = backstage.patient("Noor Haddad")
    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, patient)
    page.goto(f"/?name={doctor['name']}")
    page.get_by_role("button", name="09:00").first.click()
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
    visit = page.url
    page.get_by_role("link", name="Reschedule").click()
    expect(page.get_by_role("heading", name="Current time")).to_be_visible()
    expect(page.get_by_role("button", name="09:00")).to_have_count(0)
    press(page.get_by_role("button", name="14:00"))
    assert page.url == visit
    expect(page.get_by_text("The appointment is rescheduled.")).to_be_visible()
    for person in (patient, doctor):
        mail = stack.wait_for_mail(person["email"], "has a new time")
        lines = mail["text"].splitlines()
        assert [line[-11:] for line in lines if line.startswith("New time: ")] == ["14:00–14:20"]
        assert [line[-11:] for line in lines if line.startswith("Old time: ")] == ["09:00–09:20"]


def test_a_doctor_moves_a_booked_slot_by_form(new_page, stack, backstage):
    doctor = backstage.doctor("Dr. Otis Reyes", free_at="09:00")
    patient = backstage.patient("Ines Park")
    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, patient)
    page.goto(f"/?name={doctor['name']}")
    page.get_by_role("button", name="09:00").first.click()
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
    desk = new_page(java_script_enabled=False)
    backstage.sign_in(desk, doctor)
    desk.goto(page.url)
    desk.get_by_role("link", name="Reschedule").click()
    desk.get_by_role("link", name="Choose a time that is not published").click()
    desk.get_by_label("From", exact=True).fill("09:10")
    desk.get_by_label("To", exact=True).fill("09:30")
    press(desk.get_by_role("button", name="Reschedule"))
    expect(desk.get_by_text("The appointment is rescheduled.")).to_be_visible()
    mail = stack.wait_for_mail(patient["email"], "has a new time")
    lines = mail["text"].splitlines()
    assert [line[-11:] for line in lines if line.startswith("New time: ")] == ["09:10–09:30"]
    # Nothing is left open at the old time.
    page.goto(f"/?name={doctor['name']}")
    expect(page.get_by_role("button", name="09:00")).to_have_count(0)
