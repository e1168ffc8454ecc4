"""The dashboards: a patient's appointments, a doctor's day."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from bookings.links import directions_link
from bookings.models import Booking, Side
from bookings.pages import doctor_day, offline_note
from bookings.pages.delivery_status import standings
from bookings.pages.options import options_of, way_of
from calendar_integration.pages.context import calendar_context
from hms.lib.paging import read_cursor, read_page
from users.models import PatientProfile
from users.pages.decorators import doctor_required, patient_required
from users.pages.requests import SignedInRequest

MOST_COMING = 50
PAST_ON_A_PAGE = 10
MOST_REQUESTS = 20
MOST_NEW, NEW_FOR = 6, timedelta(days=7)


@require_safe
def dashboard(request: SignedInRequest) -> HttpResponse:
    """Redirects to the dashboard of the user's role."""
    user = request.user
    if user.is_doctor:
        return redirect("bookings:doctor_dashboard")
    if user.is_patient:
        return redirect("bookings:patient_dashboard")
    return redirect("admin:index" if user.is_staff else "availability:home")


@require_safe
@patient_required
def patient(request: SignedInRequest) -> HttpResponse:
    person = request.user.patient_profile
    now = timezone.now()
    coming = list(person.bookings.upcoming(now).for_pages()[:MOST_COMING])
    past, older = _past(person, request.GET.get("before", ""), now)
    standing = standings([*coming, *past], request.user)
    visits = [(booking, standing[booking.pk]) for booking in coming]
    context = {
        "next": visits[0] if visits else None,
        "is_running": bool(coming) and coming[0].starts_at <= now,
        "directions": directions_link(coming[0].slot.clinic.address) if coming else "",
        "options": options_of(coming[0], Side.PATIENT, now) if coming else None,
        "way": way_of(coming[0], Side.PATIENT) if coming else "",
        "coming": visits[1:],
        "past": [(booking, standing[booking.pk]) for booking in past],
        "older_url": older,
        "newest_url": request.path if "before" in request.GET else "",
        **calendar_context(request.user.pk),
    }
    return render(request, "bookings/patient_dashboard.html", context)


@require_safe
@patient_required
def next_visit(request: SignedInRequest) -> JsonResponse:
    """JSON with the next appointment, for the offline page of a device that asked for it."""
    now = timezone.now()
    booking = request.user.patient_profile.bookings.upcoming(now).for_pages().first()
    zone = timezone.get_current_timezone_name()
    return JsonResponse(offline_note.note(booking, zone, now))


def _past(person: PatientProfile, before: str, now: datetime) -> tuple[list[Booking], str]:
    """One page of past bookings, and the URL of the next page, empty on the last."""
    bookings = person.bookings.past(now).for_pages()
    cursor = read_cursor(before)
    if cursor:
        bookings = bookings.before(*cursor)
    page = read_page(bookings, size=PAST_ON_A_PAGE, key=lambda one: (one.starts_at, one.pk))
    older = "?" + urlencode({"before": page.next_cursor}) if page.has_more else ""
    return page.rows, older


@require_safe
@doctor_required
def doctor(request: SignedInRequest) -> HttpResponse:
    profile = request.user.doctor_profile
    if not profile.is_approved:
        return render(request, "bookings/doctor_waiting.html", {"doctor": profile})
    now = timezone.now()
    zone = doctor_day.zone_of(profile)
    unmarked = list(doctor_day.unmarked(profile, zone, now))
    requests = list(doctor_day.requests(profile, now)[: MOST_REQUESTS + 1])
    context = {
        "doctor": profile,
        "zone": zone,
        "now": now,
        "today": doctor_day.today(profile, zone, now),
        "unmarked": unmarked[: doctor_day.MOST_UNMARKED],
        "more_unmarked": unmarked[doctor_day.MOST_UNMARKED :],
        "requests": requests[:MOST_REQUESTS],
        "more_requests": requests[MOST_REQUESTS:],
        "next_visit": doctor_day.coming_visits(profile, now).order_by("slot__starts_at").first(),
        "week": doctor_day.next_days(profile, zone, now),
        "new": doctor_day.newly_booked(profile, now, since=now - NEW_FOR)[:MOST_NEW],
        **calendar_context(request.user.pk),
    }
    return render(request, "bookings/doctor_dashboard.html", context)
