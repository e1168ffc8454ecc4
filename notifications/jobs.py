"""The jobs of emails: send one, expire those that were not sent in time."""

from procrastinate.contrib.django import app

from hms.lib.back_off import BackOff
from hms.lib.crypto import DecryptionError
from notifications import lambda_client, sending
from notifications.errors import NotificationCode, NotificationError
from notifications.job_names import EXPIRE_OVERDUE, SEND_EMAIL

CLAIM_WAIT = 5.0  # seconds


class MailRetry(BackOff):
    """Tries without end: the job ends normally once sending.release calls the email failed."""

    def wait(self, exception: BaseException, attempts: int) -> float | None:
        if isinstance(exception, NotificationError) and exception.has(
            NotificationCode.STILL_CLAIMED
        ):
            return CLAIM_WAIT
        return super().wait(exception, attempts)


@app.task(name=SEND_EMAIL, queue="mail", retry=MailRetry())
def send_email(*, email_id: int) -> None:
    """Send one email, unless it need not be sent any more.

    Raises whatever prevented it and is worth another try, which MailRetry then plans.
    """
    email = sending.claim(email_id=email_id)
    if email is None:
        return
    # No transaction is open here: the call may take long, and its outcome must not be rolled back.
    try:
        answer = lambda_client.post(sending.message(email))
    except (lambda_client.FunctionRefused, DecryptionError) as error:
        sending.give_up(email=email, answer=_answer(error))
    except Exception as error:
        # Any other error too: the claim ends at once, and staff can read what happened.
        if sending.release(email=email, answer=_answer(error)):
            raise
    else:
        sending.mark_sent(email=email, answer=answer)


@app.periodic(cron="* * * * *")
@app.task(
    name=EXPIRE_OVERDUE,
    queue="housekeeping",
    queueing_lock="expire_overdue",
)
def expire_overdue(timestamp: int) -> None:
    """Expire emails on time, also while the email function is down and tries are far apart."""
    sending.expire_overdue()


def _answer(error: Exception) -> str:
    """The client's text; of any other error only its type, because its text may quote data."""
    if isinstance(error, lambda_client.FunctionRefused | lambda_client.FunctionUnavailable):
        return str(error)
    return type(error).__name__
