from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from hms.lib.clock import local, to_utc
from users.tests.factories import (
    make_clinic,
    make_doctor,
    make_patient,
    make_specialty,
    make_staff,
)

pytestmark = pytest.mark.django_db

BERLIN = "Europe/Berlin"


def in_days(number, at, zone=BERLIN):
    """A moment on the wall clock of that zone, some days from now."""
    return to_utc(local(timezone.now(), zone).date() + timedelta(days=number), at, zone)


@pytest.fixture
def doctor():
    return make_doctor(name="Dr. Amélie Okafor", clinics=[make_clinic(name="Mitte")])


@pytest.fixture
def as_doctor(client, doctor):
    client.force_login(doctor.user)
    return client


def names(response):
    return [str(card.doctor) for card in response.context["cards"]]


# --- home -----------------------------------------------------------------------------------


def test_home_shows_the_next_free_times_soonest_first(client, doctor):
    late = make_doctor(name="Dr. Late")
    make_slot(doctor=late, starts_at=in_days(3, time(9)))
    taken = make_slot(doctor=doctor, starts_at=in_days(1, time(9)))
    book(taken)
    free = [make_slot(doctor=doctor, starts_at=in_days(1, time(10 + n))) for n in range(5)]
    response = client.get("/")
    assert names(response) == ["Dr. Amélie Okafor", "Dr. Late"]
    assert response.context["cards"][0].slots == free[:4]


def test_home_offers_an_anonymous_reader_links_that_lead_through_login(client):
    slot = make_slot()
    html = client.get("/").content.decode()
    assert f'href="{reverse("bookings:create", args=[slot.pk])}"' in html
    assert "csrfmiddlewaretoken" not in html


def test_home_offers_a_patient_buttons_that_post(client):
    slot = make_slot()
    client.force_login(make_patient().user)
    html = client.get("/").content.decode()
    assert f'formaction="{reverse("bookings:create", args=[slot.pk])}"' in html
    assert "csrfmiddlewaretoken" in html


@pytest.mark.parametrize("who", ["doctor", "staff"])
def test_home_offers_others_no_button(client, who):
    slot = make_slot()
    client.force_login(make_staff() if who == "staff" else slot.doctor.user)
    html = client.get("/").content.decode()
    assert "chip--open" in html
    assert reverse("bookings:create", args=[slot.pk]) not in html


@pytest.mark.parametrize("state", ["pending", "inactive", "turned_patient"])
def test_home_lists_only_approved_doctors(client, state):
    doctor = make_doctor(approved=state != "pending")
    doctor.user.is_active = state != "inactive"
    doctor.user.role = "patient" if state == "turned_patient" else "doctor"
    doctor.user.save()
    make_slot(doctor=doctor)
    assert names(client.get("/")) == []
    assert client.get(f"/doctors/{doctor.pk}/").status_code == 404


def test_home_shows_doctors_without_a_free_time_last(client):
    busy, free = make_doctor(name="Dr. Busy"), make_doctor(name="Dr. Free")
    book(make_slot(doctor=busy))
    make_slot(doctor=busy, starts_at=timezone.now() - timedelta(hours=1))
    make_slot(doctor=busy, withdrawn_at=timezone.now())
    make_slot(doctor=free)
    assert names(client.get("/")) == ["Dr. Free", "Dr. Busy"]
    assert names(client.get("/?kind=in_person")) == ["Dr. Free"]


def test_home_filters_by_specialty(client, doctor):
    make_slot(doctor=doctor)
    make_slot(doctor=make_doctor(specialty=make_specialty(name="Urology")))
    assert names(client.get(f"/?specialty={doctor.specialty.slug}")) == [str(doctor)]


@pytest.mark.parametrize("words", ["amelie", "OKAFOR", "Amélie Ok", "mel"])
def test_home_filters_by_part_of_a_name_in_any_case_without_accents(client, doctor, words):
    make_doctor(name="Dr. Someone Else")
    assert names(client.get("/", {"name": words})) == [str(doctor)]


@pytest.mark.parametrize("words", ["%", "_", "\\"])
def test_home_takes_wildcards_of_sql_for_letters(client, doctor, words):
    assert names(client.get("/", {"name": words})) == []


def test_home_filters_by_kind(client):
    video = make_doctor(name="Dr. Video", video_room_url="https://v.example.org/1")
    make_slot(doctor=video)
    wanted = make_slot(doctor=video, kind="video")
    make_slot()
    response = client.get("/?kind=video")
    assert [card.slots for card in response.context["cards"]] == [[wanted]]


def test_home_filters_by_the_day_on_the_clinics_clock(client):
    tokyo, honolulu = make_clinic(time_zone="Asia/Tokyo"), make_clinic(time_zone="Pacific/Honolulu")
    early = make_slot(clinic=tokyo, starts_at=in_days(2, time(0), "Asia/Tokyo"))
    late = make_slot(clinic=honolulu, starts_at=in_days(2, time(23, 30), "Pacific/Honolulu"))
    for slot in (early, late):
        day = local(slot.starts_at, slot.clinic.time_zone).date()
        cards = client.get(f"/?day={day}").context["cards"]
        assert slot in [s for card in cards for s in card.slots]
        beside = client.get(f"/?day={day + timedelta(days=1)}").context["cards"]
        assert slot not in [s for card in beside for s in card.slots]


def test_home_pages_by_keyset_and_keeps_the_filters(client):
    specialty = make_specialty()
    doctors = [make_doctor(name=f"Dr. {n:02}", specialty=specialty) for n in range(27)]
    for doctor in doctors[:14]:
        make_slot(doctor=doctor, starts_at=in_days(1, time(9)))
    seen, url = [], f"/?specialty={specialty.slug}"
    for size in (12, 12, 3):
        response = client.get(url)
        assert len(names(response)) == size
        seen += names(response)
        url = response.context["next_url"]
        assert url == "" or f"specialty={specialty.slug}" in url
    assert (seen, url) == ([str(doctor) for doctor in doctors], "")


@pytest.mark.parametrize(
    "query",
    [
        {"name": "\x00"},
        {"name": "x" * 10_000},
        {"specialty": "\x00"},
        {"specialty": "nothing"},
        {"specialty": "9" * 40},
        {"day": "garbage"},
        {"day": "9999-12-31"},
        {"day": "0001-01-01"},
        {"day": "\x00"},
        {"kind": "telepathy"},
        {"after": "garbage"},
        {"after": "9" * 18 + "-1"},
        {"after": "9" * 40 + "-" + "9" * 40},
        {"after": "\x00"},
        {"after": "١٢-٣"},
        {"page": "-1"},
    ],
)
def test_home_survives_hostile_input(client, doctor, query):
    make_slot(doctor=doctor)
    response = client.get("/", query)
    assert response.status_code == 200


def test_home_leaves_a_wrong_filter_out_and_says_so(client, doctor):
    make_slot(doctor=doctor)
    response = client.get("/?day=garbage&kind=in_person")
    assert names(response) == [str(doctor)]
    assert list(response.context["form"].errors) == ["day"]


def test_home_asks_as_many_queries_for_three_doctors_as_for_one(client, django_assert_num_queries):
    client.get("/")
    for _round in range(2):
        doctor = make_doctor()
        for _slot in range(3):
            make_slot(doctor=doctor)
        make_slot(doctor=make_doctor())
        with django_assert_num_queries(4):  # ids, doctors, slots, specialties
            assert client.get("/").status_code == 200


# --- a closed directory -----------------------------------------------------------------------


def test_directory_can_be_closed_to_strangers(client, settings, doctor):
    settings.PUBLIC_DIRECTORY = False
    for path in ("/?name=x", f"/doctors/{doctor.pk}/?day=2027-01-01"):
        response = client.get(path)
        assert response.status_code == 302
        assert response.url.startswith(reverse("account_login"))
        assert "next=" in response.url
    client.force_login(make_patient().user)
    assert client.get("/").status_code == 200


# --- a doctor's page --------------------------------------------------------------------------


def chosen(response):
    return response.context["strip"].chosen


def states(response):
    return [slot.state for group in response.context["groups"] for slot in group.slots]


def test_doctor_shows_the_day_of_the_next_free_time(client, doctor):
    book(make_slot(doctor=doctor, starts_at=in_days(1, time(9))))
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    make_slot(doctor=doctor, starts_at=in_days(2, time(11)), withdrawn_at=timezone.now())
    booked = make_slot(doctor=doctor, starts_at=in_days(2, time(10)))
    book(booked)
    response = client.get(f"/doctors/{doctor.pk}/")
    assert chosen(response) == local(slot.starts_at, BERLIN).date()
    assert states(response) == ["open", "booked"]
    assert [day.free for day in response.context["strip"].days][:4] == [0, 0, 1, 0]


def test_doctor_tells_nobody_who_booked(client, doctor):
    booking = book(make_slot(doctor=doctor, starts_at=in_days(1, time(9))))
    day = local(booking.starts_at, BERLIN).date()
    html = client.get(f"/doctors/{doctor.pk}/?day={day}").content.decode()
    assert "booked" in html
    for secret in (booking.reference, booking.patient.name, doctor.user.email):
        assert secret not in html


def test_doctor_words_a_time_that_has_passed(client, doctor, time_machine):
    slot = make_slot(doctor=doctor, starts_at=in_days(1, time(9)))
    time_machine.move_to(slot.starts_at + timedelta(minutes=1))
    response = client.get(f"/doctors/{doctor.pk}/?day={local(slot.starts_at, BERLIN).date()}")
    assert states(response) == ["past"]
    assert "chip--past" in response.content.decode()


def test_doctor_counts_each_slot_on_its_own_clinics_day(client):
    tokyo, new_york = make_clinic(time_zone="Asia/Tokyo"), make_clinic(time_zone="America/New_York")
    doctor = make_doctor(clinics=[tokyo, new_york])
    # The same UTC day, two dates.
    morning = make_slot(doctor=doctor, clinic=tokyo, starts_at=in_days(3, time(1), "Asia/Tokyo"))
    evening = make_slot(
        doctor=doctor, clinic=new_york, starts_at=morning.starts_at + timedelta(hours=4)
    )
    response = client.get(f"/doctors/{doctor.pk}/")
    free = {day.day: day.free for day in response.context["strip"].days if day.free}
    assert free == {
        local(morning.starts_at, "Asia/Tokyo").date(): 1,
        local(evening.starts_at, "America/New_York").date(): 1,
    }
    html = response.content.decode()
    assert "JST" in html or "EST" in html or "EDT" in html


def test_doctor_pages_the_strip_by_fortnights(client, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(20, time(9)))
    strip = client.get(f"/doctors/{doctor.pk}/").context["strip"]
    today = local(timezone.now(), BERLIN).date()
    assert (strip.chosen, strip.earlier, strip.later) == (
        local(slot.starts_at, BERLIN).date(),
        today,
        today + timedelta(days=28),
    )
    assert len(strip.days) == 14


@pytest.mark.parametrize(
    "day", ["garbage", "", "2020-01-01", "9999-12-31", "0001-01-01", "\x00", "2027-02-30"]
)
def test_doctor_survives_a_hostile_day(client, doctor, day):
    response = client.get(f"/doctors/{doctor.pk}/", {"day": day})
    assert (response.status_code, chosen(response)) == (200, local(timezone.now(), BERLIN).date())


@pytest.mark.parametrize("doctor_id", [0, 10**6, 10**30])
def test_doctor_that_is_not_there_is_404(client, doctor_id):
    assert client.get(f"/doctors/{doctor_id}/").status_code == 404


def test_doctor_offers_other_times_when_the_day_is_full(client, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(3, time(9)))
    day = local(slot.starts_at, BERLIN).date() - timedelta(days=1)
    response = client.get(f"/doctors/{doctor.pk}/?day={day}")
    assert response.context["next_slots"] == [slot]


def test_doctor_asks_as_many_queries_for_thirty_slots_as_for_one(
    client, doctor, django_assert_num_queries
):
    for first, count in ((8, 1), (9, 9)):
        for number in range(count):
            start = in_days(1, time(first, number * 5))
            book(make_slot(doctor=doctor, starts_at=start, minutes=5))
            make_slot(doctor=doctor, starts_at=start + timedelta(hours=4), minutes=5)
        with django_assert_num_queries(5):  # doctor, clinics, next free, counts, the day
            assert client.get(f"/doctors/{doctor.pk}/").status_code == 200


# --- one's own slots --------------------------------------------------------------------------


def listed(response):
    return [slot for day in response.context["days"] for slot in day.slots]


def test_my_slots_are_ones_own_coming_and_past_apart(as_doctor, doctor):
    past = make_slot(doctor=doctor, starts_at=timezone.now() - timedelta(days=1))
    coming = [make_slot(doctor=doctor), make_slot(doctor=doctor)]
    make_slot(doctor=doctor, withdrawn_at=timezone.now())
    make_slot()
    assert listed(as_doctor.get("/my-slots/")) == coming
    assert listed(as_doctor.get("/my-slots/?past=1")) == [past]


def test_my_slots_lead_from_a_booked_slot_to_its_booking(as_doctor, doctor):
    booking = book(make_slot(doctor=doctor))
    html = as_doctor.get("/my-slots/").content.decode()
    assert reverse("bookings:detail", args=[booking.reference]) in html
    assert reverse("availability:edit_slot", args=[booking.slot_id]) not in html


@pytest.mark.parametrize("past", [False, True])
def test_my_slots_page_by_keyset(as_doctor, doctor, past):
    start = timezone.now() + timedelta(days=-10 if past else 10)
    slots = [
        make_slot(doctor=doctor, starts_at=start + timedelta(minutes=5 * n), minutes=5)
        for n in range(65)
    ]
    first = as_doctor.get("/my-slots/?past=1" if past else "/my-slots/")
    second = as_doctor.get(first.context["next_url"])
    assert listed(first) + listed(second) == (slots[::-1] if past else slots)
    assert (len(listed(first)), second.context["next_url"]) == (60, "")


def test_my_slots_ask_as_many_queries_for_three_as_for_one(
    as_doctor, doctor, django_assert_num_queries
):
    for _round in range(2):
        book(make_slot(doctor=doctor))
        make_slot(doctor=doctor)
        with django_assert_num_queries(4):  # session, user, profile, slots
            as_doctor.get("/my-slots/")


# --- creating ---------------------------------------------------------------------------------


def slot_data(doctor, **changes):
    day = local(timezone.now(), BERLIN).date() + timedelta(days=2)
    return {
        "clinic": doctor.clinics.first().pk,
        "kind": "in_person",
        "day": day.isoformat(),
        "starts": "09:00",
        "ends": "09:30",
    } | changes


def errors_of(response):
    return {field: list(found) for field, found in response.context["form"].errors.items()}


def test_create_slot_publishes_in_the_clinics_time(as_doctor, doctor):
    response = as_doctor.post("/create-slot/", slot_data(doctor))
    assert (response.status_code, response.url) == (302, "/my-slots/")
    slot = TimeSlot.objects.get()
    assert (slot.doctor, slot.starts_at) == (doctor, in_days(2, time(9)))


def test_create_slot_until_midnight(as_doctor, doctor):
    as_doctor.post("/create-slot/", slot_data(doctor, starts="23:00", ends="00:00"))
    slot = TimeSlot.objects.get()
    assert slot.ends_at - slot.starts_at == timedelta(hours=1)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"ends": "08:59"}, ["ends"]),
        ({"ends": "09:00"}, ["ends"]),
        ({"ends": "17:01"}, ["ends"]),
        ({"day": "2020-01-01"}, ["day"]),
        ({"day": "9999-12-31"}, ["day"]),
        ({"day": "0001-01-01"}, ["day"]),
        ({"day": "garbage"}, ["day"]),
        ({"day": ""}, ["day"]),
        ({"starts": "25:00"}, ["starts"]),
        ({"starts": "\x00"}, ["starts"]),
        ({"kind": "telepathy"}, ["kind"]),
        ({"kind": "video"}, ["kind"]),
        ({"clinic": ""}, ["clinic"]),
        ({"clinic": "9" * 40}, ["clinic"]),
        ({"clinic": "\x00"}, ["clinic"]),
        ({"clinic": "", "kind": "", "ends": ""}, ["clinic", "kind", "ends"]),
    ],
)
def test_create_slot_refuses_beside_the_field(as_doctor, doctor, changes, fields):
    response = as_doctor.post("/create-slot/", slot_data(doctor, **changes))
    assert (response.status_code, list(errors_of(response))) == (200, fields)
    assert not TimeSlot.objects.exists()


def test_create_slot_refuses_what_has_begun_and_what_overlaps(client, doctor, time_machine):
    time_machine.move_to(datetime(2027, 3, 1, 12, tzinfo=UTC))
    client.force_login(doctor.user)
    day = {"day": "2027-03-01"}
    assert errors_of(client.post("/create-slot/", slot_data(doctor, **day))) == {
        "starts": ["This time has already passed."]
    }
    tomorrow = {"day": "2027-03-02"}
    client.post("/create-slot/", slot_data(doctor, **tomorrow))
    assert errors_of(client.post("/create-slot/", slot_data(doctor, **tomorrow))) == {
        "starts": ["It overlaps the slot Tue 2 Mar, 09:00–09:30 at Mitte (Berlin (CET) time)."]
    }


def test_create_slot_refuses_another_doctors_clinic(as_doctor, doctor):
    response = as_doctor.post("/create-slot/", slot_data(doctor, clinic=make_clinic().pk))
    assert list(errors_of(response)) == ["clinic"]


def test_create_slot_without_a_clinic_leads_to_the_profile(client):
    doctor = make_doctor(clinics=[])
    client.force_login(doctor.user)
    assert reverse("users:profile") in client.get("/create-slot/").content.decode()


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        (BERLIN, date(2027, 3, 28), "02:30"),
        ("America/New_York", date(2027, 3, 14), "02:30"),
        ("Australia/Lord_Howe", date(2027, 10, 3), "02:15"),
    ],
)
def test_create_slot_refuses_a_time_that_never_comes(client, time_machine, zone, day, at):
    time_machine.move_to(datetime(2027, 2, 1, tzinfo=UTC))
    doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
    client.force_login(doctor.user)
    data = slot_data(doctor, day=day.isoformat(), starts=at, ends="04:00")
    place = zone.rpartition("/")[2].replace("_", " ")
    assert errors_of(client.post("/create-slot/", data)) == {
        "starts": [f"The clocks go forward that day: {at} doesn’t exist in {place}."]
    }


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        (BERLIN, date(2027, 10, 31), "02:30"),
        ("America/New_York", date(2027, 11, 7), "01:30"),
        ("Australia/Lord_Howe", date(2027, 4, 4), "01:45"),
    ],
)
def test_create_slot_asks_which_of_two_equal_times(client, time_machine, zone, day, at):
    time_machine.move_to(datetime(2027, 2, 1, tzinfo=UTC))
    doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
    client.force_login(doctor.user)
    data = slot_data(doctor, day=day.isoformat(), starts=at, ends="04:00")
    response = client.post("/create-slot/", data)
    assert errors_of(response) == {"which": [f"{at} comes twice that day. Choose one."]}
    assert 'name="which"' in response.content.decode()
    client.post("/create-slot/", data | {"which": "second"})
    assert TimeSlot.objects.get().starts_at == to_utc(day, time.fromisoformat(at), zone, fold=1)


def test_create_slot_does_not_ask_which_without_need(as_doctor, doctor):
    assert 'name="which"' not in as_doctor.get("/create-slot/").content.decode()


def row_data(doctor, **changes):
    return slot_data(doctor, ends="10:30", length=20, pause=10, **changes)


def test_create_row_shows_the_exact_slots_before_it_publishes(as_doctor, doctor):
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor))
    preview = response.context["preview"]
    assert [row.starts_at for row in preview.rows] == [
        in_days(2, time(9)),
        in_days(2, time(9, 30)),
        in_days(2, time(10)),
    ]
    assert preview.is_clean
    assert not TimeSlot.objects.exists()
    assert "Publish 3 slots" in response.content.decode()
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor, publish="1"))
    assert response.status_code == 302
    assert TimeSlot.objects.count() == 3


def test_create_row_names_each_conflict_in_the_preview(as_doctor, doctor):
    make_slot(doctor=doctor, starts_at=in_days(2, time(9, 10)), minutes=30)
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor))
    preview = response.context["preview"]
    assert [len(row.problems) for row in preview.rows] == [1, 1, 0]
    assert 'name="publish"' not in response.content.decode()
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor, publish="1"))
    assert len(errors_of(response)["__all__"]) == 2
    assert TimeSlot.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"length": "0"}, ["length"]),
        ({"length": "-5"}, ["length"]),
        ({"length": "481"}, ["length"]),
        ({"length": "9" * 40}, ["length"]),
        ({"length": "120"}, ["length"]),
        ({"pause": "-1"}, ["pause"]),
        ({"ends": "08:00"}, ["ends"]),
        ({"ends": "09:00"}, ["ends"]),
        ({"day": "9999-12-31"}, ["day"]),
    ],
)
def test_create_row_refuses_beside_the_field(as_doctor, doctor, changes, fields):
    data = row_data(doctor) | changes
    response = as_doctor.post("/create-slot/?shape=row", data | {"publish": "1"})
    assert (response.status_code, list(errors_of(response))) == (200, fields)


# --- changing and deleting --------------------------------------------------------------------


def test_edit_slot_shows_and_saves(as_doctor, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    html = as_doctor.get(f"/slots/{slot.pk}/edit/").content.decode()
    assert 'value="09:00"' in html
    response = as_doctor.post(
        f"/slots/{slot.pk}/edit/", slot_data(doctor, starts="09:15", ends="10:00")
    )
    assert response.status_code == 302
    slot.refresh_from_db()
    assert slot.starts_at == in_days(2, time(9, 15))


@pytest.mark.parametrize("verb", ["edit", "delete"])
def test_a_booked_slot_leads_to_its_booking(as_doctor, doctor, verb):
    booking = book(make_slot(doctor=doctor, starts_at=in_days(2, time(9))))
    url = f"/slots/{booking.slot_id}/{verb}/"
    html = as_doctor.get(url).content.decode()
    assert reverse("bookings:cancel", args=[booking.reference]) in html
    assert as_doctor.post(url, slot_data(doctor, ends="10:00")).status_code in (200, 302)
    booking.slot.refresh_from_db()
    assert (booking.slot.withdrawn_at, booking.slot.ends_at) == (None, booking.ends_at)


def test_delete_slot_asks_first(as_doctor, doctor):
    slot = make_slot(doctor=doctor)
    assert "Nobody has booked it" in as_doctor.get(f"/slots/{slot.pk}/delete/").content.decode()
    assert TimeSlot.objects.exists()
    assert as_doctor.post(f"/slots/{slot.pk}/delete/").url == "/my-slots/"
    assert not TimeSlot.objects.exists()


@pytest.mark.parametrize("verb", ["edit", "delete"])
@pytest.mark.parametrize("whose", ["another's", "nobody's", "withdrawn"])
def test_a_slot_that_is_not_ones_own_is_404(as_doctor, doctor, verb, whose):
    slot = make_slot() if whose == "another's" else make_slot(doctor=doctor)
    if whose == "withdrawn":
        TimeSlot.objects.update(withdrawn_at=timezone.now())
    pk = slot.pk + 1 if whose == "nobody's" else slot.pk
    for method in (as_doctor.get, as_doctor.post):
        assert method(f"/slots/{pk}/{verb}/").status_code == 404


# --- who may enter ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "public", "own"),
    [
        ("anonymous", 200, 302),
        ("patient", 200, 403),
        ("pending", 200, 403),
        ("staff", 200, 403),
        ("doctor", 200, 200),
        ("other", 200, 200),
    ],
)
def test_pages_by_role(client, doctor, who, public, own):
    slot = make_slot(doctor=doctor)
    users = {
        "patient": lambda: make_patient().user,
        "pending": lambda: make_doctor(approved=False).user,
        "staff": make_staff,
        "doctor": lambda: doctor.user,
        "other": lambda: make_doctor().user,
    }
    if who != "anonymous":
        client.force_login(users[who]())
    assert {client.get(path).status_code for path in ("/", f"/doctors/{doctor.pk}/")} == {public}
    paths = ("/my-slots/", "/my-slots/?past=1", "/create-slot/", "/create-slot/?shape=row")
    assert {client.get(path).status_code for path in paths} == {own}
    slots = {client.get(f"/slots/{slot.pk}/{verb}/").status_code for verb in ("edit", "delete")}
    assert slots == {404 if who == "other" else own}
