"""The demo hospital's slots and visits: two weeks back and ahead, and today with everything.

Rows are written directly, with their history and their mails as told: a start must not send a
hundred mails, and what lies in the past can't be booked.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from availability.models import TimeSlot
from availability.slots.spans import Span, spans_of_day
from bookings import emails
from bookings.demo import people
from bookings.models import Booking, Call, HistoryEntry, Side
from hms.lib.clock import local
from notifications.models import Email
from users.models import Clinic, DoctorProfile, PatientProfile, User

DAYS_BACK, DAYS_AHEAD = 7, 14
PUBLISHED_BEFORE = timedelta(days=30)
MORNING, AFTERNOON = (time(9), time(12)), (time(14), time(17, 30))
# The doctor whose account the tour uses: today and yesterday are long, weekends too, so that
# there are both past and coming slots at any hour; late in the evening tomorrow begins early.
SHOWN = "doctor"
ALL_DAY = (time(6), time(22))
EARLY, LATE = time(7), time(21)
BEFORE_DAWN, TO_MIDNIGHT = (time(0), time(8)), (time(16), time(0))
HOME = {entry.name: entry.clinic for entry in people.PATIENTS}
MOST_COMING = 5  # visits of one patient, well under what may be open
BOOKED_OF_TEN, BOOKED_TODAY_OF_TEN = 3, 5
COMPLETED_OF_TWENTY = 18
ONE_CANCELLED_OF = 40
MOST_REQUESTED = 2
GUEST_COMING, GUEST_PAST = 3, 3
# The demo patient's next booking starts no sooner, so she can reschedule and cancel all of hers.
GUEST_NOTICE = timedelta(hours=6)

Busy = dict[int, list[Span]]
Hours = tuple[tuple[time, time], ...]


def fill(
    *, doctors: list[DoctorProfile], patients: list[PatientProfile], desk: User, now: datetime
) -> None:
    """Add the slots that are missing in the window, and visits in some of the new ones."""
    slots = [slot for doctor in doctors for slot in _missing_slots(doctor, now)]
    TimeSlot.objects.bulk_create(slots)
    _Diary(patients, desk, now).write(slots)


def _missing_slots(doctor: DoctorProfile, now: datetime) -> Iterator[TimeSlot]:
    entry = next(entry for entry in people.DOCTORS if entry.username == doctor.user.username)
    clinic = Clinic.objects.get(name=entry.clinic)
    today = local(now, clinic.time_zone).date()
    taken = [(slot.starts_at, slot.ends_at) for slot in doctor.slots.all()]
    for number in range(-DAYS_BACK, DAYS_AHEAD + 1):
        day = today + timedelta(days=number)
        hours = _hours(entry, day)
        if doctor.user.username == SHOWN:
            hours = _shown_hours(number, local(now, clinic.time_zone).time()) or hours
        for index, (start, end) in enumerate(_spans(entry, clinic, day, hours)):
            if not _overlaps((start, end), taken):
                yield TimeSlot(
                    doctor=doctor,
                    clinic=clinic,
                    starts_at=start,
                    ends_at=end,
                    kind="video" if entry.video and index % 3 == 2 else "in_person",
                    published_at=min(now, start) - PUBLISHED_BEFORE,
                )


def _hours(entry: people.Doctor, day: date) -> Hours:
    if day.weekday() >= 5:
        return ()
    # Everybody has one short day.
    is_short = people.DOCTORS.index(entry) % 5 == day.weekday()
    return (MORNING,) if is_short else (MORNING, AFTERNOON)


def _shown_hours(number: int, clock: time) -> Hours:
    """Of the shown doctor on a day so many days ahead; nothing where they are as anybody's."""
    if number in (-1, 0):
        return (BEFORE_DAWN if clock < EARLY else TO_MIDNIGHT if clock > LATE else ALL_DAY,)
    return (BEFORE_DAWN, AFTERNOON) if number == 1 and clock > LATE else ()


def _spans(entry: people.Doctor, clinic: Clinic, day: date, hours: Hours) -> list[Span]:
    length = timedelta(minutes=entry.minutes)
    return [
        span
        for start, end in hours
        for span in spans_of_day(
            day=day,
            start=start,
            end=end,
            length=length,
            pause=timedelta(minutes=10 if entry.minutes >= 40 else 0),
            zone=clinic.time_zone,
        )
    ]


def _overlaps(span: Span, others: list[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


class _Diary:
    """Gathers visits in fresh slots, then writes them all at once."""

    def __init__(self, patients: list[PatientProfile], desk: User, now: datetime) -> None:
        self.patients, self.desk, self.now = patients, desk, now
        self.chance = random.Random(now.date().isoformat())  # noqa: S311  (nothing secret)
        self.busy: Busy = defaultdict(list)
        self.coming: dict[int, int] = defaultdict(int)
        self.bookings: list[Booking] = []
        self.withdrawn: list[TimeSlot] = []
        self.taken: set[int] = set()
        for booking in Booking.objects.live().filter(patient__in=patients):
            self._note(booking)

    def write(self, slots: list[TimeSlot]) -> None:
        mine = [slot for slot in slots if slot.doctor.user.username == SHOWN]
        self._every_state(mine)
        self._guests_visits(slots)
        for slot in slots:
            rate = BOOKED_TODAY_OF_TEN if self._is_today(slot) else BOOKED_OF_TEN
            if slot.withdrawn_at is not None or slot.pk in self.taken:
                continue
            if self.chance.randrange(10) < rate:
                self._book_somebody(slot)
            elif not self.chance.randrange(ONE_CANCELLED_OF):
                patient = self.chance.choice(self.patients)
                self._cancelled(slot, patient, by=patient.user or self.desk)
        self._mark()
        self._request(mine)
        self._save()

    def _every_state(self, slots: list[TimeSlot]) -> None:
        """Of the first doctor's day: a slot withdrawn after its visit was cancelled."""
        ahead = [slot for slot in slots if slot.starts_at > self.now]
        if not ahead:
            return
        # The last of today; the next one where today is over.
        slot = next((slot for slot in reversed(ahead) if self._is_today(slot)), ahead[0])
        self._cancelled(slot, self.patients[0], by=slot.doctor.user, reason=people.CANCEL_REASON)
        slot.withdrawn_at = self.now - timedelta(hours=1)
        self.withdrawn.append(slot)

    def _guests_visits(self, slots: list[TimeSlot]) -> None:
        """The demo patient always has upcoming and past bookings, and a cancelled one."""
        guest = self.patients[0]
        free = [slot for slot in slots if slot.withdrawn_at is None]
        for possible, number in (
            ([slot for slot in free if slot.starts_at > self.now], GUEST_COMING),
            ([slot for slot in free if slot.ends_at < self.now], GUEST_PAST),
        ):
            # Spread over doctors and days.
            self.chance.shuffle(possible)
            for slot in possible:
                if number and self._can_come(guest, slot):
                    self._book(slot, guest)
                    number -= 1

    def _request(self, slots: list[TimeSlot]) -> None:
        """Two of the first doctor's upcoming bookings are requests.

        Neither the demo patient's nor a day's first one: those can be moved at any time.
        """
        mine, guest = {slot.pk for slot in slots}, self.patients[0].pk
        soonest = self.now + timedelta(days=3)
        visits = sorted(
            (b for b in self.bookings if b.is_live and b.slot_id in mine),
            key=lambda booking: booking.starts_at,
        )
        possible = [
            later
            for earlier, later in pairwise(visits)
            if earlier.starts_at > soonest
            and earlier.starts_at.date() == later.starts_at.date()
            and later.patient_id != guest
        ]
        for booking in possible[:MOST_REQUESTED]:
            booking.request_expires_at = self.now + timedelta(days=2)

    def _mark(self) -> None:
        """Most past visits took place, some were missed, of a few nobody has said it yet."""
        outcomes = [
            *[Booking.Outcome.COMPLETED] * COMPLETED_OF_TWENTY,
            Booking.Outcome.NO_SHOW,
            Booking.Outcome.UNMARKED,
        ]
        for booking in self.bookings:
            if booking.is_live and booking.ends_at <= self.now:
                booking.outcome = self.chance.choice(outcomes)
            elif booking.is_live and booking.starts_at <= self.now:
                booking.outcome = Booking.Outcome.CHECKED_IN

    def _is_today(self, slot: TimeSlot) -> bool:
        zone = slot.clinic.time_zone
        return local(slot.starts_at, zone).date() == local(self.now, zone).date()

    def _book_somebody(self, slot: TimeSlot) -> None:
        for patient in self.chance.sample(self.patients, len(self.patients)):
            if self._can_come(patient, slot):
                self._book(slot, patient)
                return

    def _can_come(self, patient: PatientProfile, slot: TimeSlot) -> bool:
        if slot.kind == TimeSlot.Kind.IN_PERSON and slot.clinic.name != HOME.get(
            patient.name, people.BERLIN
        ):
            return False
        if patient == self.patients[0] and not self._is_movable_by_guest(slot):
            return False
        if slot.ends_at > self.now and self.coming[patient.pk] >= MOST_COMING:
            return False
        return not _overlaps((slot.starts_at, slot.ends_at), self.busy[patient.pk])

    def _is_movable_by_guest(self, slot: TimeSlot) -> bool:
        """Whether it is over, or far enough ahead at the clinic that asks for no notice."""
        is_over, is_far = slot.ends_at < self.now, slot.starts_at > self.now + GUEST_NOTICE
        return is_over or (is_far and slot.clinic.name == HOME[self.patients[0].name])

    def _book(self, slot: TimeSlot, patient: PatientProfile) -> None:
        booking = self._booking(slot, patient)
        self.bookings.append(booking)
        self.taken.add(slot.pk)
        self._note(booking)

    def _cancelled(
        self, slot: TimeSlot, patient: PatientProfile, *, by: User, reason: str = ""
    ) -> None:
        booking = self._booking(slot, patient)
        booking.cancelled_at = min(self.now, slot.starts_at) - timedelta(hours=1)
        booking.cancelled_by = by
        booking.cancel_reason, booking.sequence = reason, 1
        self.bookings.append(booking)

    def _booking(self, slot: TimeSlot, patient: PatientProfile) -> Booking:
        days = timedelta(days=self.chance.randint(1, 12), minutes=self.chance.randint(1, 600))
        return Booking(
            slot=slot,
            patient=patient,
            booked_by=patient.user or self.desk,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            created_at=min(self.now, slot.starts_at) - days,
        )

    def _note(self, booking: Booking) -> None:
        self.busy[booking.patient_id].append((booking.starts_at, booking.ends_at))
        self.coming[booking.patient_id] += booking.ends_at > self.now

    def _save(self) -> None:
        Booking.objects.bulk_create(self.bookings)
        TimeSlot.objects.bulk_update(self.withdrawn, ["withdrawn_at"])
        HistoryEntry.objects.bulk_create(
            entry for booking in self.bookings for entry in _history(booking)
        )
        Email.objects.bulk_create(
            mail
            for booking in self.bookings
            for side, user in emails.people_of(booking)
            for mail in [_email(booking, side, user)]
        )
        Call.objects.bulk_create(
            self._call(booking)
            for booking in self.bookings
            if booking.cancelled_at and not booking.patient.user
        )

    def _call(self, booking: Booking) -> Call:
        """Staff have made the calls about what is past; those about what is to come are owed."""
        assert booking.cancelled_at
        is_done = booking.starts_at <= self.now
        return Call(
            booking=booking,
            sequence=booking.sequence,
            action=emails.CANCELLED,
            data=emails.data_for(booking, Side.PATIENT),
            created_at=booking.cancelled_at,
            state=Call.State.DONE if is_done else Call.State.OWED,
            closed_at=booking.cancelled_at + timedelta(minutes=20) if is_done else None,
            closed_by=self.desk if is_done else None,
        )


def _history(booking: Booking) -> Iterator[HistoryEntry]:
    yield HistoryEntry(
        booking=booking,
        at=booking.created_at,
        by=booking.booked_by,
        what=HistoryEntry.What.REQUESTED if booking.is_requested else HistoryEntry.What.BOOKED,
        sequence=0,
    )
    if booking.cancelled_at:
        yield HistoryEntry(
            booking=booking,
            at=booking.cancelled_at,
            by=booking.cancelled_by,
            what=HistoryEntry.What.CANCELLED,
            sequence=booking.sequence,
        )
    if booking.outcome:
        yield HistoryEntry(
            booking=booking,
            at=booking.starts_at,
            by=booking.slot.doctor.user,
            what=HistoryEntry.What[Booking.Outcome(booking.outcome).name],
            sequence=booking.sequence,
        )


def _email(booking: Booking, side: Side, user: User) -> Email:
    at = booking.cancelled_at or booking.created_at
    return Email(
        action=emails.action_for(booking, []),
        to=user.email,
        recipient=user,
        language=user.language,
        about=booking.about,
        sequence=booking.sequence,
        data=emails.data_for(booking, side),
        state=Email.State.SENT,
        queued_at=at,
        sent_at=at + timedelta(seconds=1),
        attempts=1,
        last_answer="demo data",
    )
