"""Keeps slots published as far ahead as promised; each job may run twice, or days late."""

import logging
from datetime import UTC, datetime, time

from django.db.models import Q, QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app

from availability.actions import SlotError
from availability.hours import actions
from availability.hours.models import ExtraHours, WeeklyHours
from availability.hours.reading import doctors_with_hours_at
from availability.hours.timetable import DAY
from availability.job_names import PUBLISH_CLINIC, PUBLISH_DOCTOR, PUBLISH_DUE
from hms.lib.back_off import BackOff
from users.models import DoctorProfile

log = logging.getLogger(__name__)

# Only the database can fail here: a lock that is held, a connection that is lost.
RETRY = BackOff(most_attempts=20)


@app.periodic(cron="7 * * * *")
@app.task(name=PUBLISH_DUE, queue="housekeeping", queueing_lock="publish_due")
def publish_due(timestamp: int) -> None:
    """Publish for every listed doctor for whom it hasn't been done today.

    It asks every hour, so that after an outage the first hour makes up for the days that were
    missed, and a doctor whose rows were held is tried again.
    """
    today = datetime.combine(timezone.now().date(), time.min, UTC)
    due = Q(published_at__isnull=True) | Q(published_at__lt=today)
    weekly = WeeklyHours.objects.current(today.date()).filter(due)
    extra = ExtraHours.objects.filter(due, day__gte=today.date() - DAY, withdrawn_at__isnull=True)
    ids = weekly.values("doctor_id").union(extra.values("doctor_id"))
    _publish_each(DoctorProfile.objects.approved().filter(pk__in=ids))


@app.task(name=PUBLISH_DOCTOR, queue="housekeeping", retry=RETRY)
def publish_doctor(*, doctor_id: int) -> None:
    """Publish one doctor's hours, after a change that affects them or a failed attempt."""
    doctor = DoctorProfile.objects.filter(pk=doctor_id).first()
    if doctor:
        actions.publish_hours(doctor=doctor)


@app.task(name=PUBLISH_CLINIC, queue="housekeeping", retry=RETRY)
def publish_clinic(*, clinic_id: int) -> None:
    """A clinic closes, or doesn't after all: for everybody who has hours there."""
    _publish_each(doctors_with_hours_at(clinic_id))


def _publish_each(doctors: QuerySet[DoctorProfile]) -> None:
    """Each in a transaction of its own: one whose rows are held, or who cannot be published for
    a reason that nobody knows yet, keeps nobody else waiting."""
    for doctor in doctors.order_by("pk"):
        try:
            actions.publish_hours(doctor=doctor)
        except SlotError:
            log.warning("hours not published yet", extra={"doctor": doctor.pk})
        except Exception:
            log.exception("hours not published", extra={"doctor": doctor.pk})
        else:
            continue
        # A job of its own is retried; if its retries fail too, the status page lists it.
        actions.publish_later(doctor)
