"""The other way, for the comparison alone: pages ask every two seconds with the version they have.

A process answers "not modified" before Django's middleware, from a map that a thread of it keeps
by LISTEN. A version is a keyed digest of the doctor's last change, so that nobody can name it who
was not shown it. `gunicorn bench.fresh_trial:application` serves the website so.
"""

import hashlib
import hmac
import re
import threading
import time

import psycopg
from django.conf import settings

from hms.lib.tickets import CHANNEL
from hms.live import address
from hms.wsgi import application as website

PART = re.compile(r"/doctors/(\d+)/times/")


class Versions:
    def __init__(self) -> None:
        self.changes: dict[str, str] = {}
        self.since = ""
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """In the worker, after gunicorn has forked it."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, daemon=True)
                self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                with psycopg.connect(**address(), autocommit=True) as there:
                    there.execute(f"LISTEN {CHANNEL}")
                    # What was missed is unknown: no version from before may be called current.
                    self.changes, self.since = {}, there.execute("SELECT now()::text").fetchone()[0]
                    for notify in there.notifies():
                        topic, _, change = notify.payload.partition(" ")
                        self.changes[topic.removeprefix("doctor-")] = change
            except psycopg.Error:
                self.since = ""
                time.sleep(0.5)

    def of(self, doctor: str) -> str:
        change = f"{doctor} {self.changes.get(doctor, '')}".encode()
        return hmac.new(settings.SECRET_KEY.encode(), change, hashlib.sha256).hexdigest()[:16]


versions = Versions()


def application(environ, start_response):
    found = PART.fullmatch(environ["PATH_INFO"])
    if not found:
        return website(environ, start_response)
    versions.start()
    version = versions.of(found[1])
    tag = ("ETag", f'"{version}"')
    if versions.since and environ.get("HTTP_IF_NONE_MATCH") == tag[1]:
        start_response("304 Not Modified", [tag])
        return []
    # Alike readers share one rendering, as with the live process.
    environ["QUERY_STRING"] += f"&v={version}"

    def with_tag(status, headers, *rest):
        return start_response(status, [*headers, tag], *rest)

    return website(environ, with_tag)
