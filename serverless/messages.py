"""The words of every mail. Callers send an action and data; what people read is decided here.

Subjects name nobody and give no reason: they are read on locked screens and kept in logs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import layout
import wording
from layout import Fact, Words
from settings import Settings
from validation import Message
from wording import Translate

# 7bit: a server that does not offer 8BITMIME gets the same bytes as one that does.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)

Data = dict[str, str]


@dataclass(frozen=True)
class Mail:
    """What a reader gets: a subject, a plain text and the same in HTML."""

    subject: str
    text: str
    html: str


def compose(message: Message) -> Mail:
    translate = Translate(message.language)
    people = {
        field: translate.isolated(message.data[field])
        for field in ("name", "other")
        if field in message.data
    }
    words = _WORDS[message.action](message.data | people, translate)
    return Mail(
        subject=words.subject,
        text=layout.as_text(words, translate),
        html=layout.as_html(words, translate),
    )


def as_email(message: Message, settings: Settings, now: datetime) -> EmailMessage:
    """The mail with its headers. The Message-ID is the same each time this message is tried."""
    mail = compose(message)
    email = EmailMessage(policy=_POLICY)
    email["From"] = settings.sender
    email["To"] = Address(addr_spec=message.to)
    email["Subject"] = mail.subject
    email["Date"] = format_datetime(now)
    email["Message-ID"] = f"<{message.message_id}@{settings.domain}>"
    email["Content-Language"] = wording.known(message.language)
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(mail.text)
    email.add_alternative(mail.html, subtype="html")
    return email


def _hello(data: Data, _: Translate) -> str:
    return _("Hello %(name)s,") % data if data.get("name") else _("Hello,")


def _moment(value: str, _: Translate) -> str:
    """A day and a time on the clock it was sent with, and that clock's offset."""
    moment = datetime.fromisoformat(value)
    return _("%(day)s, %(time)s (%(zone)s)") % {
        "day": wording.day(moment, _),
        "time": wording.clock(moment, _),
        "zone": wording.offset(moment),
    }


def _signup_welcome(data: Data, _: Translate) -> Words:
    about = {
        "patient": _(
            "Your account is ready. Find a doctor and a time, and book it with one click."
        ),
        "doctor": _("Your account is ready. Publish your first free times for patients to book."),
        "doctor_pending": _(
            "Thank you for signing up. Our staff look at each new doctor's account. "
            "You will get a mail as soon as yours is approved; you can complete your profile now."
        ),
    }[data["role"]]
    button = {
        "patient": _("Find a doctor"),
        "doctor": _("Publish times"),
        "doctor_pending": _("Complete your profile"),
    }[data["role"]]
    return Words(
        subject=_("Welcome to HMS"),
        heading=_("Welcome to HMS"),
        greeting=_hello(data, _),
        paragraphs=(about,),
        button=button,
        link=data["link"],
    )


def _booking_confirmation(data: Data, _: Translate) -> Words:
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s is booked")
        heading = _("Your appointment is booked")
        sentence = _("You have an appointment with %(other)s.")
        closing = _("If you cannot come, please cancel in good time so that someone else can.")
    else:
        subject = _("New booking %(reference)s")
        heading = _("A time of yours was booked")
        sentence = _("%(other)s has booked an appointment with you.")
        closing = ""
    return Words(
        subject=subject % data,
        heading=heading,
        greeting=_hello(data, _),
        paragraphs=(sentence % data,),
        facts=_booking_facts(data, _),
        closing=closing,
        button=_("Open the booking"),
        link=data["link"],
    )


def _booking_cancelled(data: Data, _: Translate) -> Words:
    sentences = {
        ("patient", "patient"): _("You have cancelled your appointment with %(other)s."),
        ("patient", "doctor"): _("%(other)s had to cancel your appointment. We are sorry."),
        ("patient", "staff"): _(
            "The clinic had to cancel your appointment with %(other)s. We are sorry."
        ),
        ("doctor", "patient"): _("%(other)s has cancelled the appointment with you."),
        ("doctor", "doctor"): _("You have cancelled the appointment of %(other)s."),
        ("doctor", "staff"): _("The clinic has cancelled the appointment of %(other)s with you."),
    }
    told_why = data["for"] == "patient" and data["cancelled_by"] != "patient"
    reason = (Fact(_("Reason"), data["reason"]),) if told_why and data["reason"].strip() else ()
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s is cancelled")
        closing = _("Nothing more is needed from you. You can book another time whenever you like.")
    else:
        subject = _("Booking %(reference)s is cancelled")
        closing = ""
    return Words(
        subject=subject % data,
        heading=_("Appointment cancelled"),
        greeting=_hello(data, _),
        paragraphs=(sentences[data["for"], data["cancelled_by"]] % data,),
        facts=_booking_facts({**data, "join_link": ""}, _) + reason,
        closing=closing,
        button=_("Open the booking"),
        link=data["link"],
    )


def _booking_rescheduled(data: Data, _: Translate) -> Words:
    sentences = {
        ("patient", "patient"): _("You have moved your appointment with %(other)s."),
        ("patient", "doctor"): _("%(other)s had to move your appointment. We are sorry."),
        ("patient", "staff"): _("The clinic has moved your appointment with %(other)s."),
        ("doctor", "patient"): _("%(other)s has moved the appointment with you."),
        ("doctor", "doctor"): _("You have moved the appointment of %(other)s."),
        ("doctor", "staff"): _("The clinic has moved the appointment of %(other)s with you."),
    }
    told_why = data["for"] == "patient" and data["moved_by"] != "patient"
    reason = (Fact(_("Reason"), data["reason"]),) if told_why and data["reason"].strip() else ()
    old = wording.span(
        datetime.fromisoformat(data["old_starts_at"]),
        datetime.fromisoformat(data["old_ends_at"]),
        _,
    )
    new, *others = _booking_facts(data, _)
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s has a new time")
        closing = _("If the new time does not suit you, move it again or cancel it there.")
    else:
        subject = _("Booking %(reference)s has a new time")
        closing = ""
    return Words(
        subject=subject % data,
        heading=_("Appointment moved"),
        greeting=_hello(data, _),
        paragraphs=(sentences[data["for"], data["moved_by"]] % data,),
        facts=(Fact(_("New time"), new.value), Fact(_("Old time"), old), *others, *reason),
        closing=closing,
        button=_("Open the booking"),
        link=data["link"],
    )


def _booking_requested(data: Data, _: Translate) -> Words:
    data = {**data, "answer_by": _moment(data["answer_by"], _), "join_link": ""}
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s is requested")
        heading = _("Your appointment is requested")
        sentence = _(
            "Your request for an appointment with %(other)s is with the clinic. "
            "Nobody else can take this time meanwhile."
        )
        answer = _(
            "You will get a mail as soon as your request is confirmed or declined, "
            "at the latest by %(answer_by)s."
        )
    else:
        subject = _("Appointment request %(reference)s waits for you")
        heading = _("An appointment request waits for you")
        sentence = _("%(other)s asks for an appointment with you.")
        answer = _(
            "Please confirm or decline the request, at the latest by %(answer_by)s. "
            "Otherwise it lapses, and the time is free again."
        )
    return Words(
        subject=subject % data,
        heading=heading,
        greeting=_hello(data, _),
        paragraphs=(sentence % data, answer % data),
        facts=_booking_facts(data, _),
        button=_("Open the request"),
        link=data["link"],
    )


def _booking_declined(data: Data, _: Translate) -> Words:
    sentences = {
        ("patient", "doctor"): _("%(other)s cannot take your request. We are sorry."),
        ("patient", "staff"): _(
            "The clinic cannot take your request for an appointment with %(other)s. We are sorry."
        ),
        ("patient", "nobody"): _(
            "Your request for an appointment with %(other)s has lapsed because nobody answered it "
            "in time. We are sorry."
        ),
        ("doctor", "doctor"): _("You have declined the request of %(other)s."),
        ("doctor", "staff"): _(
            "The clinic has declined the request of %(other)s for an appointment with you."
        ),
        ("doctor", "nobody"): _(
            "The request of %(other)s has lapsed because nobody answered it in time."
        ),
    }
    lapsed = data["declined_by"] == "nobody"
    told_why = data["for"] == "patient" and data["reason"].strip()
    reason = (Fact(_("Reason"), data["reason"]),) if told_why else ()
    if data["for"] == "patient":
        subject = (
            _("Your request %(reference)s has lapsed")
            if lapsed
            else _("Your request %(reference)s is declined")
        )
        closing = _("You are welcome to choose another time whenever you like.")
        button = _("Choose another time")
    else:
        subject = (
            _("Request %(reference)s has lapsed")
            if lapsed
            else _("Request %(reference)s is declined")
        )
        # The mail may be read, or sent, later than the time it speaks of.
        closing = _("The time is free again, unless it has already begun.")
        button = _("Open the request")
    return Words(
        subject=subject % data,
        heading=_("Request lapsed") if lapsed else _("Request declined"),
        greeting=_hello(data, _),
        paragraphs=(sentences[data["for"], data["declined_by"]] % data,),
        facts=_booking_facts({**data, "join_link": ""}, _) + reason,
        closing=closing,
        button=button,
        link=data["link"],
    )


def _booking_facts(data: Data, _: Translate) -> tuple[Fact, ...]:
    starts_at = datetime.fromisoformat(data["starts_at"])
    ends_at = datetime.fromisoformat(data["ends_at"])
    facts = [
        Fact(_("When"), wording.span(starts_at, ends_at, _)),
        Fact(_("Time zone"), f"{data['zone']} ({wording.offset(starts_at)})"),
    ]
    if data["kind"] == "video":
        facts.append(Fact(_("Where"), _("By video")))
        if data["join_link"]:
            facts.append(Fact(_("Link to join"), data["join_link"], is_link=True))
        facts.append(Fact(_("Clinic"), data["clinic"]))
    else:
        place = "\n".join(part for part in (data["clinic"], data["address"].strip()) if part)
        facts.append(Fact(_("Where"), place))
    facts.append(Fact(_("Reference"), data["reference"]))
    return tuple(facts)


def _doctor_approved(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("Your doctor's account is approved"),
        heading=_("Welcome aboard"),
        greeting=_hello(data, _),
        paragraphs=(
            _("Your account is approved. Patients can find you as soon as you publish times."),
        ),
        button=_("Publish times"),
        link=data["link"],
    )


def _doctor_refused(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("About your doctor's account"),
        heading=_("Your account was not approved"),
        greeting=_hello(data, _),
        paragraphs=(
            _("We could not approve your account as a doctor, so it cannot publish times."),
            _("If you think this is a mistake, please talk to the clinic's staff."),
        ),
        button=_("Open HMS"),
        link=data["link"],
    )


def _calendar_broken(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("Please reconnect your Google Calendar"),
        heading=_("Your calendar is no longer connected"),
        greeting=_hello(data, _),
        paragraphs=(
            _(
                "Google no longer lets us write to your calendar. "
                "Your appointments are safe in HMS."
            ),
            _("Connect it again, and everything that is missing in your calendar will follow."),
        ),
        button=_("Reconnect the calendar"),
        link=data["link"],
    )


def _email_code(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("Your HMS code"),
        heading=_("Confirm your e-mail address"),
        greeting=_hello(data, _),
        paragraphs=(
            _("Type this code on the page where you were asked for it."),
            _.plural(
                "It works for %(minutes)s minute.",
                "It works for %(minutes)s minutes.",
                int(data["minutes"]),
            )
            % data,
        ),
        code=data["code"],
        closing=_("If you did not ask for it, you need not do anything. Tell nobody the code."),
        button=_("Open the page"),
        link=data["link"],
    )


def _password_reset(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("Choose a new HMS password"),
        heading=_("Choose a new password"),
        greeting=_hello(data, _),
        paragraphs=(
            _("Someone, hopefully you, asked for a new password for your account."),
            _.plural(
                "The link works once, for %(minutes)s minute.",
                "The link works once, for %(minutes)s minutes.",
                int(data["minutes"]),
            )
            % data,
        ),
        closing=_("If it was not you, you need not do anything: your password stays as it is."),
        button=_("Choose a new password"),
        link=data["link"],
    )


def _unknown_account(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("Your request to HMS"),
        heading=_("There is no account with this address"),
        greeting=_("Hello,"),
        paragraphs=(
            _(
                "Someone, hopefully you, asked to get into an HMS account with this e-mail "
                "address, but there is none. You may have signed up with another address."
            ),
        ),
        closing=_("If it was not you, you need not do anything."),
        button=_("Sign up"),
        link=data["link"],
    )


def _account_already_exists(data: Data, _: Translate) -> Words:
    return Words(
        subject=_("Your request to HMS"),
        heading=_("You already have an account"),
        greeting=_("Hello,"),
        paragraphs=(
            _(
                "Someone, hopefully you, tried to sign up with this e-mail address, but it already "
                "has an account. If you forgot the password, choose a new one."
            ),
        ),
        closing=_("If it was not you, you need not do anything."),
        button=_("Get back into the account"),
        link=data["link"],
    )


def _account_notice(data: Data, _: Translate) -> Words:
    happened = {
        "password_changed": _("Your password was changed."),
        "password_set": _("A password was set for your account."),
        "password_reset": _("Your password was replaced by a new one."),
        "email_changed": _("The e-mail address of your account was changed."),
        "email_deleted": _("An e-mail address was removed from your account."),
        "role_changed": _("What your account may do was changed."),
        "account_closed": _("Your account was closed."),
    }[data["what"]]
    return Words(
        subject=_("A change to your HMS account"),
        heading=_("A change to your account"),
        greeting=_hello(data, _),
        paragraphs=(happened,),
        facts=(Fact(_("When"), _moment(data["when"], _)),),
        closing=_("If that was not you, secure your account now and tell the clinic."),
        button=_("Look at your account"),
        link=data["link"],
    )


_WORDS: dict[str, Callable[[Data, Translate], Words]] = {
    "SIGNUP_WELCOME": _signup_welcome,
    "BOOKING_CONFIRMATION": _booking_confirmation,
    "BOOKING_CANCELLED": _booking_cancelled,
    "BOOKING_RESCHEDULED": _booking_rescheduled,
    "BOOKING_REQUESTED": _booking_requested,
    "BOOKING_DECLINED": _booking_declined,
    "DOCTOR_APPROVED": _doctor_approved,
    "DOCTOR_REFUSED": _doctor_refused,
    "CALENDAR_BROKEN": _calendar_broken,
    "EMAIL_CODE": _email_code,
    "PASSWORD_RESET": _password_reset,
    "UNKNOWN_ACCOUNT": _unknown_account,
    "ACCOUNT_ALREADY_EXISTS": _account_already_exists,
    "ACCOUNT_NOTICE": _account_notice,
}
