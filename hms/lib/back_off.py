"""When a failed job is tried again."""

import random
from datetime import timedelta

from django.utils import timezone
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

FIRST_WAIT, LONGEST_WAIT = 2.0, 900.0  # seconds


class BackOff(BaseRetryStrategy):
    """Retry after 2 s, 4 s, 8 s … up to 15 minutes, each shortened at random by up to a half.

    Random, because jobs that failed together must not all run again at the same moment.
    """

    def __init__(self, *, most_attempts: int | None = None) -> None:
        self.most_attempts = most_attempts

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        wait = self.wait(exception, job.attempts)
        if wait is None:
            return None
        return RetryDecision(retry_at=timezone.now() + timedelta(seconds=wait))

    def wait(self, exception: BaseException, attempts: int) -> float | None:
        """Seconds until the next try, after `attempts` failed ones; None for no further try."""
        if self.most_attempts is not None and attempts >= self.most_attempts:
            return None
        longest = min(FIRST_WAIT * 2 ** min(attempts, 20), LONGEST_WAIT)
        return random.uniform(longest / 2, longest)  # noqa: S311
