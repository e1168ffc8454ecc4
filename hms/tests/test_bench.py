"""The benchmarks write directly into the tables, so a changed table can break them."""

import pytest
from django.utils import timezone

from bench.figures import write
from bookings.models import Booking


@pytest.mark.django_db
def test_the_benchmark_of_the_figures_can_write_its_rows():
    write(doctors=3, each=2, patients=20)
    assert Booking.objects.filter(starts_at__lt=timezone.now()).count() > 1000
    assert Booking.objects.filter(starts_at__gt=timezone.now(), cancelled_at=None).exists()
