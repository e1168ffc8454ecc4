"""Sending what is owed, one e-mail a job, as often as it takes."""

from procrastinate.contrib.django import app

from hms.lib.back_off import BackOff
from hms.lib.crypto import DecryptionError
from notifications import actions, lambda_client
from notifications.job_names import EXPIRE_OVERDUE, SEND_EMAIL


class MailRetry(BackOff):
    """It never ends by itself: the e-mail's age decides that, its row says so (actions.release)."""

    def wait(self, exception: BaseException, attempts: int) -> float | None:
        if isinstance(exception, actions.StillClaimed):
            return 5
        return super().wait(exception, attempts)


@app.task(name=SEND_EMAIL, queue="mail", retry=MailRetry())
def send_email(*, email_id: int) -> None:
    """Send one e-mail if it is still owed. Raises what MailRetry answers with another try."""
    email = actions.claim(email_id=email_id)
    if email is None:
        return
    # No transaction is open here: the call may take long, and its answer must not be rolled back.
    try:
        answer = lambda_client.post(actions.message(email))
    except (lambda_client.Refused, DecryptionError) as error:
        actions.give_up(email=email, answer=_words(error))
    except Exception as error:
        # A fault of ours as well: the claim goes back at once and the row says what happened.
        if actions.release(email=email, answer=_words(error)):
            raise
    else:
        actions.mark_sent(email=email, answer=answer)


@app.periodic(cron="* * * * *")
@app.task(
    name=EXPIRE_OVERDUE,
    queue="housekeeping",
    queueing_lock="expire_overdue",
)
def expire_overdue(timestamp: int) -> None:
    """Blank codes and links on time, even while the function is down and tries are far apart."""
    actions.expire_overdue()


def _words(error: Exception) -> str:
    """The client's own short text; of any other error only its kind, as its text may quote data."""
    if isinstance(error, lambda_client.Refused | lambda_client.Unavailable):
        return str(error)
    return type(error).__name__
