"""The measurements write straight into the tables, so a changed table must not pass them by."""

import pytest
from django.utils import timezone

from bench.figures import write
from bookings.models import Booking


@pytest.mark.django_db
def test_the_year_that_the_figures_are_measured_over_can_be_written():
    write(doctors=3, each=2, patients=20)
    assert Booking.objects.filter(starts_at__lt=timezone.now()).count() > 1000
    assert Booking.objects.filter(starts_at__gt=timezone.now(), cancelled_at=None).exists()
