"""Faults that a test sets on the mail catcher's SMTP server."""

import threading
from dataclasses import dataclass
from typing import Any

MODES = {
    "ok": "",
    "temporary": "451 4.3.0 Try again later",
    "permanent": "550 5.1.1 No such mailbox",
    "busy": "421 4.3.2 Service not available",
    "slow": "",
    "lose_answer": "",
}
LONGEST_WAIT = 120.0


class MailFaultError(Exception):
    """A request to set a fault is not valid; the text says why."""


@dataclass(frozen=True)
class MailFault:
    """A mode of MailFaults.set, its delay in seconds, and for how many emails (None: for all)."""

    mode: str = "ok"
    seconds: float = 0.0
    times: int | None = None

    @property
    def response(self) -> str:
        """The SMTP response in place of 250; empty if the email is accepted."""
        return MODES[self.mode]


class MailFaults:
    """The fault in force. Safe to use from several threads."""

    def __init__(self) -> None:
        self._fault = MailFault()
        self._lock = threading.Lock()

    def set(self, fault: Any) -> None:
        """Set a fault from `{"mode": …, "seconds": …, "times": …}`; without `times` it stays.

        `temporary`, `permanent` and `busy` refuse the email, `slow` accepts it after `seconds`,
        `lose_answer` stores it and closes the connection without a response, `ok` is no fault.
        Raises MailFaultError for anything else.
        """
        if not isinstance(fault, dict) or set(fault) - {"mode", "seconds", "times"}:
            raise MailFaultError("Send an object with mode, seconds and times.")
        mode, seconds, times = fault.get("mode"), fault.get("seconds", 0), fault.get("times")
        if mode not in MODES:
            raise MailFaultError(f"mode must be one of {', '.join(MODES)}.")
        if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_WAIT:
            raise MailFaultError(f"seconds must be a number from 0 to {LONGEST_WAIT:.0f}.")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise MailFaultError("times must be a whole number from 1 up.")
        with self._lock:
            self._fault = MailFault(mode, float(seconds), times)

    def take(self) -> MailFault:
        """The fault for the next email, which counts as one of its `times`."""
        with self._lock:
            fault = self._fault
            if fault.times is not None:
                left = fault.times - 1
                self._fault = MailFault(fault.mode, fault.seconds, left) if left else MailFault()
        return fault

    def as_json(self) -> dict[str, object]:
        with self._lock:
            fault = self._fault
        return {"mode": fault.mode, "seconds": fault.seconds, "times": fault.times}
