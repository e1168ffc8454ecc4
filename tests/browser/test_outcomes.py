"""Who came, said and taken back by the doctor without a script; and the patient who comes again."""

from playwright.sync_api import expect


def test_a_visit_is_marked_taken_back_and_followed_by_another(new_page, backstage):
    doctor = backstage.doctor("Dr. Imani Okafor", free_at="11:00")
    patient = backstage.patient("Tariq Aziz")
    visit = backstage.past_visit(doctor, patient)

    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, doctor)
    page.goto("/dashboard/doctor/")
    unmarked = page.get_by_role("region", name="Appointments without an outcome")
    unmarked.get_by_role("button", name="Attended Tariq Aziz").click()
    expect(page.get_by_text("Tariq Aziz: attended.")).to_be_visible()
    expect(unmarked).to_have_count(0)
    page.goto(f"/bookings/{visit['reference']}/")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Did not attend").click()
    history = page.get_by_role("listitem").filter(has_text="by you")
    expect(history).to_contain_text(
        ["Marked as attended by you", "Outcome undone by you", "Marked as not attended by you"]
    )
    page.get_by_role("link", name="All appointments of this patient with you").click()
    expect(page.get_by_role("heading", name="Appointments of Tariq Aziz")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("did not attend")).to_be_visible()

    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, patient)
    page.goto("/dashboard/patient/")
    expect(page.get_by_role("main").get_by_text("did not attend")).to_be_visible()
    page.get_by_role("link", name="Book again").click()
    page.get_by_role("button", name="11:00").first.click()
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
