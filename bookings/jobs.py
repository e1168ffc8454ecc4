"""The jobs of bookings, run after the commit of a change.

Each may run twice, or late, when its result is no longer needed.
"""

import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django import app

from bookings import actions, calendars, emails
from bookings.calls import calls
from bookings.figures import totals
from bookings.job_names import EXPIRE_REQUESTS, MIRROR_UPCOMING, SUM_UP_DAYS, TELL_ABOUT_BOOKING
from bookings.models import Booking, BookingQuerySet
from bookings.rules.errors import BookingError
from hms.lib.back_off import BackOff
from hms.lib.jobs import defer
from hms.lib.locks import lock
from users.models import User

log = logging.getLogger(__name__)

# How many bookings are locked at once while a newly connected calendar is filled.
BATCH = 25
# How many requests one run ends; the next one follows in a minute.
MOST_EXPIRED = 500
# No outside service is called here, so a failure is the database's or a bug: retry for about a day,
# then leave the job as failed, for staff to see.
FOR_A_DAY = BackOff(most_attempts=130)


@app.task(name=TELL_ABOUT_BOOKING, queue="bookings", retry=FOR_A_DAY)
@transaction.atomic
def tell_about_booking(*, booking_id: int) -> None:
    """Queue emails, calls and calendar events about the booking as it is now."""
    booking = _locked().filter(pk=booking_id).first()
    if booking is None:
        return
    emails.queue_for(booking)
    calls.queue_for(booking)
    calendars.mirror(booking)


@app.task(name=MIRROR_UPCOMING, queue="bookings", retry=FOR_A_DAY)
@transaction.atomic
def mirror_upcoming(*, user_id: int, after: int = 0) -> None:
    """Add the owner's upcoming bookings to a newly connected calendar, one batch a job."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    own = Q(patient__user=user) | Q(slot__doctor__user=user)
    batch = list(_locked().upcoming().filter(own, pk__gt=after).order_by("pk")[:BATCH])
    for booking in batch:
        calendars.mirror(booking, only=user)
    if len(batch) == BATCH:
        defer(MIRROR_UPCOMING, user_id=user_id, after=batch[-1].pk)


@app.periodic(cron="* * * * *")
@app.task(name=EXPIRE_REQUESTS, queue="bookings", queueing_lock="expire_requests")
def expire_requests(timestamp: int) -> None:
    """End the requests that clinics did not answer in time, the longest overdue first.

    confirm_request refuses an overdue request, so that a late run changes no answer.
    """
    overdue = Booking.objects.requested().filter(request_expires_at__lte=timezone.now())
    keys = overdue.order_by("request_expires_at").values_list("pk", flat=True)
    failure: Exception | None = None
    for booking_id in list(keys[:MOST_EXPIRED]):
        try:
            actions.expire_request(booking_id=booking_id)
        except BookingError:  # its rows are locked: the next run tries again
            log.warning("request not expired yet", extra={"booking": booking_id})
        except Exception as error:
            # A bug with one request must not stop the others; the job fails at the end.
            log.exception("request not expired", extra={"booking": booking_id})
            failure = error
    if failure:
        raise failure


@app.periodic(cron="47 2 * * *")
@app.task(name=SUM_UP_DAYS, queue="housekeeping", queueing_lock="sum_up_days")
def sum_up_days(timestamp: int) -> None:
    """Count the days that are over. Without it the staff's figures are right, but slow."""
    totals.sum_up()


def _locked() -> BookingQuerySet:
    """With the rows locked until emails, calls and events are queued.

    Otherwise a concurrent change could commit in between, and the job would queue an outdated
    message after it.
    """
    return lock(Booking.objects.for_pages(), no_key=True)
