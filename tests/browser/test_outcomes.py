"""Who came, said and taken back by the doctor without a script; and the patient who comes again."""

from playwright.sync_api import expect


def test_a_visit_is_marked_taken_back_and_followed_by_another(new_page, backstage):
    doctor = backstage.doctor("Dr. Imani Okafor", free_at="11:00")
    patient = backstage.patient("Tariq Aziz")
    visit = backstage.past_visit(doctor, patient)

    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, doctor)
    page.goto("/dashboard/doctor/")
    unmarked = page.get_by_role("region", name="How did these visits go?")
    unmarked.get_by_role("button", name="Completed Tariq Aziz").click()
    expect(page.get_by_text("Tariq Aziz: completed.")).to_be_visible()
    expect(unmarked).to_have_count(0)
    page.goto(f"/bookings/{visit['reference']}/")
    page.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Did not come").click()
    history = page.get_by_role("listitem").filter(has_text="by you")
    expect(history).to_contain_text(
        ["Marked as completed by you", "Mark taken back by you", "Marked as missed by you"]
    )
    page.get_by_role("link", name="All visits of this patient with you").click()
    expect(page.get_by_role("heading", name="Visits of Tariq Aziz")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("missed")).to_be_visible()

    page = new_page(java_script_enabled=False)
    backstage.sign_in(page, patient)
    page.goto("/dashboard/patient/")
    expect(page.get_by_role("main").get_by_text("missed")).to_be_visible()
    page.get_by_role("link", name="Book again").click()
    page.get_by_role("button", name="11:00").first.click()
    expect(page.get_by_text("Your appointment is booked.")).to_be_visible()
