"""The text of the emails."""

import html
import json
import re
import tomllib
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import messages
import pytest
import validation
from mail_helpers import BOOKING, EXAMPLES, make_message

EMAILS = tomllib.loads(Path(validation.__file__).with_name("emails.toml").read_text())["emails"]
NOTICES = EMAILS["ACCOUNT_NOTICE"]["fields"]["what"]


def test_every_email_has_an_example_here_and_a_text():
    assert set(EXAMPLES) == set(EMAILS) == set(messages._TEXTS)


def compose(**changes) -> messages.ComposedEmail:
    body = json.dumps(make_message(**changes)).encode()
    return messages.compose(validation.parse(body, link_prefix="https://hms.test/"))


class _Reader(HTMLParser):
    """The visible text and the links of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.texts, self.links, self._hidden = [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self._hidden += tag in {"style", "title"}
        if tag == "a":
            self.links.append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        self._hidden -= tag in {"style", "title"}

    def handle_data(self, data):
        if not self._hidden and data.strip():
            self.texts.append(data.strip())


def test_booking_confirmation_for_the_patient():
    mail = compose()

    assert mail.subject == "Your appointment 7K2M9QXZ is booked"
    assert mail.text == (
        "Your appointment is booked\n"
        "\n"
        "Hello Ana O'Brien & Söhne,\n"
        "\n"
        "You have an appointment with Dr. <b>Rao</b>.\n"
        "\n"
        "When: Tuesday, 3 March 2026, 09:20–09:40\n"
        "Time zone: Europe/Berlin (UTC+01:00)\n"
        "Where: Clinic <North>, Long Street 1 & 2, 10115 Berlin\n"
        "Reference: 7K2M9QXZ\n"
        "\n"
        "View appointment:\n"
        "https://hms.test/bookings/7K2M9QXZ/?a=1&b=2\n"
        "\n"
        "If you cannot come, please cancel early so that someone else can book\n"
        "the time.\n"
        "\n"
        "-- \n"
        "This email was sent by HMS, the clinic's appointment system. Please do\n"
        "not reply to it.\n"
    )


def test_booking_confirmation_in_html_escapes_everything():
    page = compose().html

    for raw in ("<b>Rao", "<North>", "1 & 2", "O'Brien", "a=1&b"):
        assert raw not in page
    read = _Reader(page)
    assert read.links == 2 * [BOOKING["link"]]
    assert read.texts == [
        "You have an appointment with Dr. <b>Rao</b>.",
        "HMS",
        "Your appointment is booked",
        "Hello Ana O'Brien & Söhne,",
        "You have an appointment with Dr. <b>Rao</b>.",
        "When",
        "Tuesday, 3 March 2026, 09:20–09:40",
        "Time zone",
        "Europe/Berlin (UTC+01:00)",
        "Where",
        "Clinic <North>",
        "Long Street 1 & 2",
        "10115 Berlin",
        "Reference",
        "7K2M9QXZ",
        "View appointment",
        "Or open this link:",
        BOOKING["link"],
        "If you cannot come, please cancel early so that someone else can book the time.",
        "This email was sent by HMS, the clinic's appointment system. Please do not reply to it.",
    ]


def test_booking_confirmation_for_the_doctor():
    mail = compose(data=BOOKING | {"for": "doctor", "other": "Ana"})

    assert mail.subject == "New appointment 7K2M9QXZ"
    assert "Ana has booked an appointment with you." in mail.text


def test_booking_confirmation_by_video_has_the_link_to_join():
    join = "https://hms.test/join/1/"
    mail = compose(data=BOOKING | {"kind": "video", "join_link": join})

    assert f"Where: By video\nLink to join: {join}\nClinic: Clinic <North>" in mail.text
    assert join in _Reader(mail.html).links


@pytest.mark.parametrize(
    ("reader", "by", "sentence"),
    [
        ("patient", "patient", "You have cancelled your appointment with Rao."),
        ("patient", "doctor", "Rao had to cancel your appointment. We are sorry."),
        ("patient", "staff", "The clinic had to cancel your appointment with Rao. We are sorry."),
        ("doctor", "patient", "Rao has cancelled the appointment with you."),
        ("doctor", "doctor", "You have cancelled the appointment of Rao."),
        ("doctor", "staff", "The clinic has cancelled the appointment of Rao with you."),
    ],
)
def test_booking_cancelled_gives_the_reason_to_the_patient_alone(reader, by, sentence):
    data = BOOKING | {"for": reader, "other": "Rao", "cancelled_by": by, "reason": "Ill & away"}
    mail = compose(action="BOOKING_CANCELLED", data=data)

    assert sentence in " ".join(mail.text.split())
    has_reason = reader == "patient" and by != "patient"
    assert ("Reason: Ill & away" in mail.text) is has_reason
    assert ("Ill &amp; away" in mail.html) is has_reason


@pytest.mark.parametrize(
    ("reader", "by", "sentence"),
    [
        ("patient", "patient", "You have rescheduled your appointment with Rao."),
        ("patient", "doctor", "Rao had to reschedule your appointment. We are sorry."),
        ("patient", "staff", "The clinic has rescheduled your appointment with Rao."),
        ("doctor", "patient", "Rao has rescheduled the appointment with you."),
        ("doctor", "doctor", "You have rescheduled the appointment of Rao."),
        ("doctor", "staff", "The clinic has rescheduled the appointment of Rao with you."),
    ],
)
def test_booking_rescheduled_has_both_times_and_gives_the_reason_to_the_patient_alone(
    reader, by, sentence
):
    who = {"for": reader, "other": "Rao", "moved_by": by, "reason": "Ill & away"}
    data = EXAMPLES["BOOKING_RESCHEDULED"] | who
    mail = compose(action="BOOKING_RESCHEDULED", data=data)

    assert sentence in " ".join(mail.text.split())
    assert "New time: Tuesday, 3 March 2026, 09:20–09:40" in mail.text
    assert "Old time: Monday, 1 March 2027, 10:00–10:20" in mail.text
    has_reason = reader == "patient" and by != "patient"
    assert ("Reason: Ill & away" in mail.text) is has_reason
    assert ("Ill &amp; away" in mail.html) is has_reason


@pytest.mark.parametrize(
    ("reader", "subject", "sentences"),
    [
        (
            "patient",
            "Your appointment 7K2M9QXZ is requested",
            "We have sent your request for an appointment with Rao to the clinic. "
            "The time is held for you until the clinic answers. "
            "We will email you when your request is confirmed or declined, "
            "at the latest by Monday, 2 March 2026, 18:05 (UTC+01:00).",
        ),
        (
            "doctor",
            "New appointment request 7K2M9QXZ",
            "Rao has requested an appointment with you. "
            "Please confirm or decline the request, "
            "at the latest by Monday, 2 March 2026, 18:05 (UTC+01:00). "
            "After that the slot becomes available again.",
        ),
    ],
)
def test_booking_requested_gives_the_deadline_of_the_answer(reader, subject, sentences):
    data = EXAMPLES["BOOKING_REQUESTED"] | {"for": reader, "other": "Rao"}
    mail = compose(action="BOOKING_REQUESTED", data=data)

    assert mail.subject == subject
    assert sentences in " ".join(mail.text.split())
    assert "When: Tuesday, 3 March 2026, 09:20–09:40\n" in mail.text
    assert "View request:\n" in mail.text
    assert "book" not in mail.text.replace(BOOKING["link"], "")


@pytest.mark.parametrize(
    ("language", "deadline"),
    [
        ("en", "by Sunday, 28 March 2027, 23:30 (UTC+03:00)"),
        ("de", "bis Sonntag, 28. März 2027, 23:30 Uhr (UTC+03:00)"),
        ("ar", "حتى الأحد، 28 مارس 2027، 23:30 (UTC+03:00)"),
    ],
)
@pytest.mark.parametrize("reader", ["patient", "doctor"])
def test_booking_requested_gives_the_deadline_in_the_offset_it_was_sent_with(
    reader, language, deadline
):
    data = EXAMPLES["BOOKING_REQUESTED"] | {
        "for": reader,
        "answer_by": "2027-03-28T23:30:00+03:00",
    }
    mail = compose(action="BOOKING_REQUESTED", language=language, data=data)

    assert deadline in " ".join(mail.text.split())
    assert deadline in mail.html


@pytest.mark.parametrize("action", ["BOOKING_REQUESTED", "BOOKING_DECLINED"])
@pytest.mark.parametrize("reader", ["patient", "doctor"])
def test_a_request_has_no_link_to_join(action, reader):
    join = "https://hms.test/join/1/"
    data = EXAMPLES[action] | {"for": reader, "kind": "video", "join_link": join}
    mail = compose(action=action, data=data)

    assert "Where: By video\nClinic: Clinic <North>" in mail.text
    assert join not in mail.text + mail.html


@pytest.mark.parametrize(
    ("reader", "by", "subject", "sentence"),
    [
        (
            "patient",
            "doctor",
            "Your request 7K2M9QXZ is declined",
            "Rao has declined your request. We are sorry.",
        ),
        (
            "patient",
            "staff",
            "Your request 7K2M9QXZ is declined",
            "The clinic has declined your request for an appointment with Rao. We are sorry.",
        ),
        (
            "patient",
            "nobody",
            "Your request 7K2M9QXZ was not answered in time",
            "Your request for an appointment with Rao was not answered in time. We are sorry.",
        ),
        (
            "doctor",
            "doctor",
            "Request 7K2M9QXZ is declined",
            "You have declined the request of Rao.",
        ),
        (
            "doctor",
            "staff",
            "Request 7K2M9QXZ is declined",
            "The clinic has declined the request of Rao for an appointment with you.",
        ),
        (
            "doctor",
            "nobody",
            "Request 7K2M9QXZ was not answered in time",
            "The request of Rao was not answered in time.",
        ),
    ],
)
def test_booking_declined_names_who_declined_and_gives_the_reason_to_the_patient_alone(
    reader, by, subject, sentence
):
    data = BOOKING | {"for": reader, "other": "Rao", "declined_by": by, "reason": "Ill & away"}
    mail = compose(action="BOOKING_DECLINED", data=data)

    assert mail.subject == subject
    assert sentence in " ".join(mail.text.split())
    has_reason = reader == "patient"
    assert ("Reason: Ill & away" in mail.text) is has_reason
    assert ("Ill &amp; away" in mail.html) is has_reason
    assert ("Choose another time:\n" in mail.text) is has_reason
    assert (
        "The slot is available again, unless it has already started." in mail.text
    ) is not has_reason


def test_booking_declined_without_a_reason_gives_none():
    data = EXAMPLES["BOOKING_DECLINED"] | {"reason": " "}
    mail = compose(action="BOOKING_DECLINED", data=data)

    assert "Reason" not in mail.text + mail.html


def test_booking_over_midnight_names_both_days():
    data = BOOKING | {"ends_at": "2026-03-04T00:20:00+01:00"}

    assert (
        "Tuesday, 3 March 2026, 09:20 – Wednesday, 4 March 2026, 00:20" in compose(data=data).text
    )


@pytest.mark.parametrize("action", EXAMPLES)
def test_subject_has_no_detail_of_the_appointment(action):
    secrets = ("Ana", "Rao", "Ill", "K7Q2M9", "2026", "March", "North")

    assert not [word for word in secrets if word in compose(action=action).subject]


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("de", "ltr"), ("ar", "rtl")])
@pytest.mark.parametrize("action", EXAMPLES)
def test_every_email_has_its_link_as_a_button_and_as_text(action, language, direction):
    mail = compose(action=action, language=language)
    link = EXAMPLES[action]["link"]

    assert _Reader(mail.html).links == [link, link]
    assert link in _Reader(mail.html).texts
    assert f"\n{link}\n" in mail.text
    assert f'<html lang="{language}" dir="{direction}">' in mail.html


def test_email_without_a_name_has_a_greeting():
    data = EXAMPLES["EMAIL_CODE"] | {"name": ""}

    assert "\nHello,\n" in compose(action="EMAIL_CODE", data=data).text


@pytest.mark.parametrize("what", NOTICES)
def test_every_account_notice_has_a_text(what):
    data = EXAMPLES["ACCOUNT_NOTICE"] | {"what": what}

    assert (
        "When: Tuesday, 3 March 2026, 09:20 (UTC+01:00)"
        in compose(action="ACCOUNT_NOTICE", data=data).text
    )


def test_language_unknown_falls_back_to_english():
    assert compose(language="fr").subject == compose().subject


def test_language_with_a_region_uses_its_base():
    mail = compose(language="de-AT")

    assert mail.subject == "Ihr Termin 7K2M9QXZ ist gebucht"
    assert "Wann: Dienstag, 3. März 2026, 09:20–09:40 Uhr\n" in mail.text


def test_arabic_isolates_names_and_references_from_its_text():
    mail = compose(language="ar")

    assert "مرحبًا \u2068Ana O'Brien & Söhne\u2069،\n" in mail.text
    assert "لديك موعد مع \u2068Dr. <b>Rao</b>\u2069.\n" in mail.text
    assert "رقم الحجز: \u20687K2M9QXZ\u2069\n" in mail.text
    assert "الموعد: الثلاثاء، 3 مارس 2026، من 09:20 إلى 09:40\n" in mail.text
    assert "<bdi>7K2M9QXZ</bdi>" in mail.html
    assert f'<a class="bare" dir="ltr" href="{html.escape(BOOKING["link"])}">' in mail.html


@pytest.mark.parametrize(("language", "marks"), [("en", 1), ("de", 1), ("ar", 0)])
def test_an_arabic_name_is_isolated_only_in_text_from_left_to_right(language, marks):
    mail = compose(language=language, data=BOOKING | {"other": "د. سارة"})

    assert mail.text.count("\u2068د. سارة\u2069") == marks


@pytest.mark.parametrize(
    ("language", "minutes", "words"),
    [
        ("en", "1", "for 1 minute."),
        ("en", "10", "for 10 minutes."),
        ("ar", "2", "لدقيقتين"),
        ("ar", "10", "10 دقائق"),
        ("ar", "60", "60 دقيقة"),
    ],
)
def test_minutes_are_counted_as_the_language_counts(language, minutes, words):
    data = EXAMPLES["EMAIL_CODE"] | {"minutes": minutes}

    assert words in compose(action="EMAIL_CODE", language=language, data=data).text


def test_layout_fits_a_phone_and_dark_mode():
    page = compose().html

    assert '<meta name="color-scheme" content="light dark">' in page
    assert "prefers-color-scheme: dark" in page
    assert "max-width:560px" in page
    assert not re.search(r"(?<!max-)width: ?[0-9]{3,}px", page)
    assert not re.search(r'(src|href)="http(?!s://hms\.test/)', page)


def test_email_survives_servers_of_seven_bits():
    from settings import load

    body = json.dumps(make_message(data=BOOKING | {"other": "Żółć " * 30})).encode()
    message = validation.parse(body, link_prefix="https://hms.test/")
    raw = messages.as_email(message, load(), datetime.now().astimezone()).as_bytes()

    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
