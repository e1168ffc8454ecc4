"""Emails for tests, in any state."""

import itertools
from datetime import timedelta

from django.utils import timezone

from notifications.models import Email

_numbers = itertools.count(1)

APPROVED = {"name": "Ana O'Brien", "link": "http://localhost:8000/dashboard/"}


def make_email(*, state: str = "queued", about: str | None = None, **fields) -> Email:
    """A stored email without a job."""
    number = next(_numbers)
    if state == Email.State.SENT:
        fields.setdefault("sent_at", timezone.now())
    if state == Email.State.SENDING:
        fields.setdefault("claimed_until", timezone.now() + timedelta(seconds=28))
    return Email.objects.create(
        **{
            "action": "DOCTOR_APPROVED",
            "to": f"person{number}@example.test",
            "about": about or f"doctor:{number}",
            "data": dict(APPROVED),
            "state": state,
            **fields,
        }
    )


def state_of(email: Email) -> str:
    return Email.objects.get(pk=email.pk).state


def end_claim(email: Email) -> None:
    """Make the claim of an email end a second ago."""
    Email.objects.filter(pk=email.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
