import json
import logging
import sys

import pytest
from django.db import IntegrityError, transaction

from hms.backends.json_logs import JsonFormatter
from users.models import User
from users.tests.factories import make_doctor


def line(**extra):
    record = logging.makeLogRecord(
        {"name": "bookings", "levelname": "INFO", "msg": "booked\r\nforged", **extra}
    )
    return JsonFormatter().format(record)


def test_a_log_line_is_one_json_object_with_its_ids():
    assert json.loads(line(booking_id=7))["booking_id"] == 7


def test_a_log_line_cannot_be_split_by_its_message():
    assert "\n" not in line()
    assert "\r" not in line()


def test_a_log_line_leaves_out_the_attributes_of_libraries():
    assert "canary" not in line(request="canary", job="canary", call_string="canary")


@pytest.mark.django_db
@pytest.mark.parametrize("refused", ["key", "row"])
def test_a_traceback_leaves_out_the_row_that_the_database_quotes(refused):
    doctor = make_doctor(bio="canary\n\ncanary")
    email = "canary@example.test"
    User.objects.create_user("ana", email)
    try:
        with transaction.atomic():
            if refused == "key":
                User.objects.create_user("bob", email)
            type(doctor).objects.filter(pk=doctor.pk).update(refused_at=doctor.approved_at)
    except IntegrityError:
        text = line(exc_info=sys.exc_info())
    assert "canary" not in text
    assert "violates" in text
    assert "The above exception was the direct cause" in text


def test_a_log_line_leaves_out_the_key_of_a_reset_link():
    text = line(msg="Not Found: /users/password/reset/key/2-d1q-canary/ for GET")
    assert "canary" not in text
    assert "/users/password/reset/key/" in text
