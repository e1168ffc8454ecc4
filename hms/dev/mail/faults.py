"""MailFaults that a test asks of the mail catcher's SMTP side."""

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
    """What is wrong with a request to set a fault, in a sentence."""


@dataclass(frozen=True)
class MailFault:
    mode: str = "ok"
    seconds: float = 0.0
    times: int | None = None

    @property
    def answer(self) -> str:
        """The SMTP answer in place of 250; empty when the mail is taken."""
        return MODES[self.mode]


class MailFaults:
    """The fault in force; `take` counts it down. Safe to use from several threads."""

    def __init__(self) -> None:
        self._fault = MailFault()
        self._lock = threading.Lock()

    def set(self, wanted: Any) -> None:
        """Take `{"mode": …, "seconds": …, "times": …}`; without `times` it stays in force.

        `temporary`, `permanent` and `busy` refuse the mail, `slow` takes it after `seconds`,
        `lose_answer` keeps it and hangs up before saying so.
        """
        if not isinstance(wanted, dict) or set(wanted) - {"mode", "seconds", "times"}:
            raise MailFaultError("Send an object with mode, seconds and times.")
        mode, seconds, times = wanted.get("mode"), wanted.get("seconds", 0), wanted.get("times")
        if mode not in MODES:
            raise MailFaultError(f"mode must be one of {', '.join(MODES)}.")
        if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_WAIT:
            raise MailFaultError(f"seconds must be a number from 0 to {LONGEST_WAIT:.0f}.")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise MailFaultError("times must be a whole number from 1 up.")
        with self._lock:
            self._fault = MailFault(mode, float(seconds), times)

    def take(self) -> MailFault:
        """The fault for the mail at hand."""
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
