"""Pages of the admin have limited length and queries, for any number of rows."""

from datetime import date, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from availability.hours.tests.factories import make_closure, make_extra_hours, make_weekly_hours
from availability.tests.factories import make_slot
from bookings.tests.factories import make_booking
from hms.lib.deletion import MOST_OF_EACH
from users.models import Clinic, DoctorProfile, PatientProfile
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

CUT = "Only the first 20 of each kind are listed."
FEW, MANY = 3, MOST_OF_EACH + 5


@pytest.fixture
def chief(client):
    client.force_login(make_staff(superuser=True))
    return client


def get_with_queries(client, address, data=None):
    with CaptureQueriesContext(connection) as queries:
        page = client.get(address, data)
    assert page.status_code == 200
    return page, [query["sql"] for query in queries.captured_queries]


def deletion_of(row):
    return reverse(f"admin:users_{row._meta.model_name}_delete", args=[row.pk])


def clinic_with(number):
    clinic = make_clinic()
    for _n in range(number):
        doctor = make_doctor(clinics=[clinic])
        make_slot(doctor=doctor)
        make_weekly_hours(doctor)
        make_extra_hours(doctor, date(2027, 3, 2))
    return clinic


def test_deleting_a_clinic_shows_the_first_rows_that_prevent_it(chief):
    few, many = clinic_with(FEW), clinic_with(MANY)
    chief.get(deletion_of(few))  # fills the caches of the process
    page, first = get_with_queries(chief, deletion_of(few))
    assert page.text.count("Slot: ") == FEW
    assert CUT not in page.text
    page, second = get_with_queries(chief, deletion_of(many))
    assert [page.text.count(f"{kind}: ") for kind in ("Slot", "Weekly hours", "Extra hours")] == [
        MOST_OF_EACH
    ] * 3
    assert CUT in page.text
    assert len(first) == len(second)
    assert any("availability_timeslot" in sql and "LIMIT 20" in sql for sql in second)


def test_a_clinic_is_deleted_with_more_related_rows_than_are_shown(chief):
    clinic = make_clinic()
    for n in range(MANY):
        make_doctor(clinics=[clinic])
        make_closure(clinic, date(2027, 3, 1) + timedelta(days=n))
    page, _queries = get_with_queries(chief, deletion_of(clinic))
    assert page.text.count("Closure: ") == MOST_OF_EACH
    assert "Closures: 20+" in page.text
    assert "Clinics: 1<" in page.text
    assert CUT in page.text
    assert chief.post(deletion_of(clinic), {"post": "yes"}).status_code == 302
    assert not Clinic.objects.exists()


def test_deleting_several_rows_shows_the_first_related_rows(chief):
    clinics = [clinic_with(MANY), make_clinic()]
    chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in clinics]}
    address = reverse("admin:users_clinic_changelist")
    page = chief.post(address, chosen)
    assert page.text.count("Slot: ") == MOST_OF_EACH
    assert CUT in page.text
    chief.post(address, chosen | {"post": "yes"})
    assert Clinic.objects.count() == 2


def test_bookings_prevent_deleting_a_patient_and_only_the_first_are_read(chief):
    patient, doctor = make_patient(with_user=False), make_doctor()
    for _n in range(FEW):
        make_booking(patient=patient, slot=make_slot(doctor=doctor))
    chief.get(deletion_of(patient))
    _page, first = get_with_queries(chief, deletion_of(patient))
    for _n in range(MANY - FEW):
        make_booking(patient=patient, slot=make_slot(doctor=doctor))
    _page, second = get_with_queries(chief, deletion_of(patient))
    assert any("bookings_booking" in sql and "LIMIT 20" in sql for sql in second)
    assert len(first) == len(second)
    chief.post(deletion_of(patient), {"post": "yes"})
    assert PatientProfile.objects.filter(pk=patient.pk).exists()


def test_every_admin_limits_the_rows_shown_before_deletion(rf):
    request = rf.get("/")
    request.user = make_staff(superuser=True)
    lists = [one for model, one in admin.site._registry.items() if model is not Group]
    unlimited = admin.ModelAdmin.get_deleted_objects
    assert not [
        one
        for one in lists
        if one.has_delete_permission(request) and type(one).get_deleted_objects is unlimited
    ]


def test_deletion_needs_permission_for_all_related_rows(client):
    clinic = make_clinic()
    make_closure(clinic, date(2027, 3, 1))
    rights = ("users.view_clinic", "users.delete_clinic")
    client.force_login(make_staff(permissions=rights))
    page = client.get(deletion_of(clinic))
    assert "permission to delete the following types of objects" in page.text
    assert client.post(deletion_of(clinic), {"post": "yes"}).status_code == 403
    client.force_login(make_staff(permissions=(*rights, "availability.delete_closure")))
    assert client.post(deletion_of(clinic), {"post": "yes"}).status_code == 302


@pytest.mark.parametrize(
    ("model", "field", "table", "make"),
    [
        ("booking", "patient", PatientProfile, make_patient),
        ("timeslot", "doctor", DoctorProfile, make_doctor),
    ],
)
def test_autocomplete_makes_a_fixed_number_of_queries_for_people_without_names(
    chief, model, field, table, make
):
    app = "bookings" if model == "booking" else "availability"
    data = {"app_label": app, "model_name": model, "field_name": field, "term": "user"}
    address, numbers = reverse("admin:autocomplete"), []
    for number in (FEW, MANY):
        for _n in range(number):
            make()
        table.objects.update(name="")
        page, queries = get_with_queries(chief, address, data)
        assert len(page.json()["results"]) >= FEW
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_no_list_counts_its_whole_table():
    assert not [one for one in admin.site._registry.values() if one.show_full_result_count]
