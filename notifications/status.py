"""The state of email delivery, for the status page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from notifications import lambda_client
from notifications.models import Email

# An unsent email older than this makes the status page show a problem.
LATE = timedelta(minutes=5)
RECENTLY = timedelta(hours=24)


@dataclass(frozen=True)
class MailStatus:
    """Numbers of emails, those with `recently` over RECENTLY.

    `oldest_owed` is how long the oldest unsent email has waited; None if none waits.
    """

    oldest_owed: timedelta | None
    queued: int
    sending: int
    failed_recently: int
    sent_recently: int
    function_answers: bool

    @property
    def is_late(self) -> bool:
        return self.oldest_owed is not None and self.oldest_owed > LATE

    @property
    def is_well(self) -> bool:
        return self.function_answers and not self.is_late and not self.failed_recently


def mail_status(*, now: datetime | None = None) -> MailStatus:
    """Count the emails and call the email function, which takes up to 4 seconds."""
    now = now or timezone.now()
    counts = Email.objects.counts_by_state(since=now - RECENTLY)
    oldest = Email.objects.oldest_owed()
    return MailStatus(
        oldest_owed=now - oldest if oldest else None,
        queued=counts[Email.State.QUEUED],
        sending=counts[Email.State.SENDING],
        failed_recently=counts[Email.State.FAILED],
        sent_recently=counts[Email.State.SENT],
        function_answers=lambda_client.is_reachable(),
    )
