"""Keeps bookings and the closures of their clinic apart until one of them is committed.

An advisory lock of PostgreSQL, one a clinic, held until the transaction ends: a row lock on the
clinic would write to the same row with each booking there. A closure takes it alone, several in the
order of their clinics, and then waits for no other lock.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Func, TextField

_KEY = "hashtextextended('closures of clinic ' || %s, 0)"


class SharedClosureLock(Func):
    """In a query: taken for the clinic of each row, together with all others who book there."""

    template = f"pg_advisory_xact_lock_shared({_KEY % '%(expressions)s'})"
    output_field = TextField()


def lock_closures(clinic_ids: Iterable[int]) -> None:
    """Wait until nobody books at these clinics, and let nobody begin to."""
    with connection.cursor() as cursor:
        for clinic_id in sorted(clinic_ids):
            cursor.execute(f"SELECT pg_advisory_xact_lock({_KEY})", [clinic_id])
