import json

import handler
import pytest
import validation
from answers import ErrorAnswer
from mail_helpers import BOOKING, EXAMPLES, make_event, make_message, outcome

PREFIX = "https://hms.test/"


def refused(message: object) -> tuple:
    body = message if isinstance(message, str) else json.dumps(message)
    with pytest.raises(ErrorAnswer) as caught:
        validation.parse(body.encode("utf-8", "surrogatepass"), link_prefix=PREFIX)
    assert caught.value.retry is False
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"data": NaN}',
        "[" * 50_000,
        make_message(message_id="1"),
        make_message(message_id="../../../../etc/passwd0123456789"),
        make_message(message_id=5),
        make_message(language="<b>"),
        make_message(language=None),
        make_message(html="<p>mine</p>"),
        make_message(subject="mine"),
    ],
)
def test_parse_refuses_what_is_no_message(body):
    assert refused(body) == (400, "bad_json")


def test_parse_refuses_bytes_that_are_no_utf8():
    with pytest.raises(ErrorAnswer, match="JSON"):
        validation.parse(b"\xff{}", link_prefix=PREFIX)


def test_parse_refuses_an_unknown_action():
    assert refused(make_message(action="SPAM")) == (400, "unknown_action")


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ana",
        "@example.test",
        "ana@",
        "ana@example",
        "ana@-example.test",
        "ana@example..test",
        ".ana@example.test",
        "a@b.test, c@d.test",
        "a@b.test;c@d.test",
        "Ana <ana@example.test>",
        "a@b@c.test",
        "ana@[127.0.0.1]",
        "änne@example.test",
        "x" * 65 + "@example.test",
        "ana@" + "x" * 64 + ".test",
        "ana@" + "example." * 40 + "test",
    ],
)
def test_parse_refuses_a_bad_address(to):
    assert refused(make_message(to=to)) == (400, "bad_address")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("ana@example.test", "ana@example.test"),
        ("ana.o'brien+hms@mail.example.test", "ana.o'brien+hms@mail.example.test"),
        ("ana@bücher.test", "ana@xn--bcher-kva.test"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_address_accepts(to, expected):
    assert validation.address(to) == expected


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x00"])
@pytest.mark.parametrize("field", ["name", "other", "clinic"])
def test_parse_refuses_header_injection_in_data(field, line_end):
    data = BOOKING | {field: f"Rao{line_end}Bcc: eve@example.test"}

    assert refused(make_message(data=data)) == (400, "header_injection")


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\u2028"])
def test_parse_refuses_header_injection_in_the_address(line_end):
    to = f"ana@example.test{line_end}Bcc: eve@example.test"

    assert refused(make_message(to=to)) == (400, "header_injection")


@pytest.mark.parametrize(
    "changes",
    [
        {"for": "everybody"},
        {"other": ""},
        {"other": "x" * 201},
        {"other": "\ud800"},
        {"other": "Visit https://evil.test now"},
        {"name": "WWW.evil.test"},
        {"clinic": "\u202egnorw"},
        {"starts_at": "tomorrow"},
        {"starts_at": "2026-03-03T09:20:00"},
        {"zone": "Europe/Berlin\n"},
        {"kind": "by_letter"},
        {"reference": "1 2"},
        {"address": "x" * 2001},
        {"address": "\x07"},
        {"link": ""},
        {"link": "https://hms.test.evil.test/"},
        {"link": "https://hms.test@evil.test/"},
        {"link": "https://evil.test/"},
        {"link": "javascript:alert(1)"},
        {"link": 'https://hms.test/"onmouseover="'},
        {"link": "https://hms.test/ evil"},
        {"link": "https://hms.test/" + "x" * 1000},
        {"join_link": "https://evil.test/room"},
        {"extra": "field"},
        {"name": None},
        {"name": ["Ana"]},
    ],
)
def test_parse_refuses_bad_data(changes):
    assert refused(make_message(data=BOOKING | changes)) == (400, "bad_data")


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        ("BOOKING_REQUESTED", {"answer_by": ""}),
        ("BOOKING_REQUESTED", {"answer_by": "soon"}),
        ("BOOKING_REQUESTED", {"answer_by": "2026-03-02T18:05:00"}),
        ("BOOKING_REQUESTED", {"reason": ""}),
        ("BOOKING_DECLINED", {"declined_by": ""}),
        ("BOOKING_DECLINED", {"declined_by": "patient"}),
        ("BOOKING_DECLINED", {"reason": "x" * 301}),
        ("BOOKING_DECLINED", {"reason": "\x07"}),
        ("BOOKING_DECLINED", {"answer_by": "2026-03-02T18:05:00+01:00"}),
    ],
)
def test_parse_refuses_bad_data_of_a_request(action, changes):
    message = make_message(action=action, data=EXAMPLES[action] | changes)

    assert refused(message) == (400, "bad_data")


@pytest.mark.parametrize("by", ["doctor", "staff", "nobody"])
@pytest.mark.parametrize("reason", ["", "a\r\nb", "x" * 300])
def test_parse_accepts_a_declined_request(by, reason):
    data = BOOKING | {"declined_by": by, "reason": reason}

    parsed = validation.parse(
        json.dumps(make_message(action="BOOKING_DECLINED", data=data)).encode(),
        link_prefix=PREFIX,
    )

    assert parsed.data == data


@pytest.mark.parametrize(
    ("action", "missing"),
    [
        ("BOOKING_REQUESTED", "answer_by"),
        ("BOOKING_DECLINED", "declined_by"),
        ("BOOKING_DECLINED", "reason"),
    ],
)
def test_parse_refuses_missing_data_of_a_request(action, missing):
    data = {name: value for name, value in EXAMPLES[action].items() if name != missing}

    assert refused(make_message(action=action, data=data)) == (400, "bad_data")


@pytest.mark.parametrize("missing", BOOKING)
def test_parse_refuses_missing_data(missing):
    data = {name: value for name, value in BOOKING.items() if name != missing}

    assert refused(make_message(data=data)) == (400, "bad_data")


@pytest.mark.parametrize("data", [None, [], "text"])
def test_parse_refuses_data_that_is_no_object(data):
    assert refused(make_message(data=data)) == (400, "bad_data")


def test_parse_accepts_the_bare_site_and_several_lines_of_reason():
    data = BOOKING | {"link": "https://hms.test", "cancelled_by": "staff", "reason": "a\r\nb\n\tc"}

    parsed = validation.parse(
        json.dumps(make_message(action="BOOKING_CANCELLED", data=data)).encode(),
        link_prefix=PREFIX,
    )

    assert parsed.data == data


def test_refusal_repeats_nothing_of_the_message(connected):
    answer = handler.send(make_event(make_message(data=BOOKING | {"other": "Eve\r\nBcc: x"})))

    assert outcome(answer) == (400, "header_injection", False)
    assert "Eve" not in answer["body"]
    assert connected.mails == []
