"""Which bookings a user may reach; pages and admin use nothing else to find one.

A booking of somebody else is not found (404), as if it did not exist.
"""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from bookings.models import Booking, BookingQuerySet, Call, Side
from users.models import User


def own_booking(user: User, reference: str) -> tuple[Booking, Side]:
    """The booking with what pages show of it, and whether the user is its patient or its doctor.

    Raises Http404 where the user is neither; staff reach bookings in the admin.
    """
    bookings = Booking.objects.visible_to(user).for_pages()
    booking = get_object_or_404(bookings, reference=reference)
    is_patient = booking.patient.user_id == user.pk
    return booking, Side.PATIENT if is_patient else Side.DOCTOR


def doctors_booking(user: User, reference: str) -> Booking:
    """The booking, if the user is its doctor.

    Raises PermissionDenied for its patient, Http404 for everybody else.
    """
    booking, side = own_booking(user, reference)
    if side != Side.DOCTOR:
        raise PermissionDenied
    return booking


def doctors_call(user: User, reference: str, sequence: int) -> Call:
    """The call about that change of the booking, if the user is its doctor.

    Raises as `doctors_booking`, and Http404 where no call is owed.
    """
    return get_object_or_404(doctors_booking(user, reference).calls, sequence=sequence)


def bookings_with_patient(booking: Booking) -> BookingQuerySet:
    """All bookings of this one's patient with its doctor, latest first: what its doctor may see."""
    with_doctor = Booking.objects.filter(slot__doctor=booking.slot.doctor_id)
    bookings = with_doctor.filter(patient=booking.patient_id).for_pages()
    return bookings.order_by("-starts_at", "-pk")


def bookings_for_staff(user: User) -> QuerySet[Booking]:
    """All bookings, with what pages show of them, for staff who may change them.

    Raises PermissionDenied for everybody else.
    """
    if not user.has_perm("bookings.change_booking"):
        raise PermissionDenied
    return Booking.objects.for_pages()


def staffs_booking(user: User, reference: str) -> Booking:
    """The booking, for staff who may change it. Raises PermissionDenied, Http404."""
    return get_object_or_404(bookings_for_staff(user), reference=reference)
