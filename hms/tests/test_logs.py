import json
import logging

from hms.logs import JsonFormatter


def line(**extra):
    record = logging.makeLogRecord(
        {"name": "bookings", "levelname": "INFO", "msg": "booked\r\nforged", **extra}
    )
    return JsonFormatter().format(record)


def test_a_log_line_is_one_json_object_with_its_ids():
    assert json.loads(line(booking_id=7))["booking_id"] == 7


def test_a_log_line_cannot_be_split_by_what_it_says():
    assert "\n" not in line()
    assert "\r" not in line()


def test_a_log_line_leaves_out_what_libraries_attach():
    assert "canary" not in line(request="canary", job="canary", call_string="canary")
