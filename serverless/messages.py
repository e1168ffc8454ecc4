"""The text of every email. Callers send an action and its fields (emails.toml).

Subjects contain no names and no reasons: locked screens show them and logs store them.
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
from layout import EmailText, Fact
from settings import Settings
from validation import Message
from wording import Translate

# 7bit: a server without 8BITMIME then accepts the same bytes as one with it.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)

Data = dict[str, str]


@dataclass(frozen=True)
class ComposedEmail:
    """A subject, and the same text twice: plain and as HTML."""

    subject: str
    text: str
    html: str


def compose(message: Message) -> ComposedEmail:
    """The text of a message in its language, or in English if it has no catalogue."""
    translate = Translate(message.language)
    people = {
        field: translate.isolated(message.data[field])
        for field in ("name", "other")
        if field in message.data
    }
    content = _TEXTS[message.action](message.data | people, translate)
    return ComposedEmail(
        subject=content.subject,
        text=layout.as_text(content, translate),
        html=layout.as_html(content, translate),
    )


def as_email(message: Message, settings: Settings, now: datetime) -> EmailMessage:
    """The email with its headers, dated `now`. Its Message-ID is the same on each try."""
    composed = compose(message)
    email = EmailMessage(policy=_POLICY)
    email["From"] = settings.sender
    email["To"] = Address(addr_spec=message.to)
    email["Subject"] = composed.subject
    email["Date"] = format_datetime(now)
    email["Message-ID"] = f"<{message.message_id}@{settings.domain}>"
    email["Content-Language"] = wording.known(message.language)
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(composed.text)
    email.add_alternative(composed.html, subtype="html")
    return email


def _hello(data: Data, _: Translate) -> str:
    return _("Hello %(name)s,") % data if data.get("name") else _("Hello,")


def _date_and_time(value: str, _: Translate) -> str:
    """Date and time in the UTC offset that `value` has, with that offset."""
    local = datetime.fromisoformat(value)
    return _("%(day)s, %(time)s (%(zone)s)") % {
        "day": wording.day(local, _),
        "time": wording.clock(local, _),
        "zone": wording.offset(local),
    }


def _signup_welcome(data: Data, _: Translate) -> EmailText:
    next_step = {
        "patient": _("Your account is ready. Find a doctor and book an appointment."),
        "doctor": _("Your account is ready. Publish slots so that patients can book them."),
        "doctor_pending": _(
            "Thank you for signing up. The clinic reviews doctors' accounts before listing them. "
            "We will email you when yours is approved. You can complete your profile now."
        ),
    }[data["role"]]
    button = {
        "patient": _("Find a doctor"),
        "doctor": _("Publish slots"),
        "doctor_pending": _("Complete your profile"),
    }[data["role"]]
    return EmailText(
        subject=_("Welcome to HMS"),
        heading=_("Welcome to HMS"),
        greeting=_hello(data, _),
        paragraphs=(next_step,),
        button=button,
        link=data["link"],
    )


def _booking_confirmation(data: Data, _: Translate) -> EmailText:
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s is booked")
        heading = _("Your appointment is booked")
        sentence = _("You have an appointment with %(other)s.")
        closing = _(
            "If you cannot come, please cancel early so that someone else can book the time."
        )
    else:
        subject = _("New appointment %(reference)s")
        heading = _("New appointment")
        sentence = _("%(other)s has booked an appointment with you.")
        closing = ""
    return EmailText(
        subject=subject % data,
        heading=heading,
        greeting=_hello(data, _),
        paragraphs=(sentence % data,),
        facts=_booking_facts(data, _),
        closing=closing,
        button=_("View appointment"),
        link=data["link"],
    )


def _booking_cancelled(data: Data, _: Translate) -> EmailText:
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
    reason = _reason(data, _) if data["cancelled_by"] != "patient" else ()
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s is cancelled")
        closing = _("You do not need to do anything. You can book another appointment at any time.")
    else:
        subject = _("Appointment %(reference)s is cancelled")
        closing = ""
    return EmailText(
        subject=subject % data,
        heading=_("Appointment cancelled"),
        greeting=_hello(data, _),
        paragraphs=(sentences[data["for"], data["cancelled_by"]] % data,),
        facts=_booking_facts({**data, "join_link": ""}, _) + reason,
        closing=closing,
        button=_("View appointment"),
        link=data["link"],
    )


def _booking_rescheduled(data: Data, _: Translate) -> EmailText:
    sentences = {
        ("patient", "patient"): _("You have rescheduled your appointment with %(other)s."),
        ("patient", "doctor"): _("%(other)s had to reschedule your appointment. We are sorry."),
        ("patient", "staff"): _("The clinic has rescheduled your appointment with %(other)s."),
        ("doctor", "patient"): _("%(other)s has rescheduled the appointment with you."),
        ("doctor", "doctor"): _("You have rescheduled the appointment of %(other)s."),
        ("doctor", "staff"): _("The clinic has rescheduled the appointment of %(other)s with you."),
    }
    reason = _reason(data, _) if data["moved_by"] != "patient" else ()
    old = wording.span(
        datetime.fromisoformat(data["old_starts_at"]),
        datetime.fromisoformat(data["old_ends_at"]),
        _,
    )
    new, *others = _booking_facts(data, _)
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s has a new time")
        closing = _("If the new time does not suit you, reschedule or cancel the appointment.")
    else:
        subject = _("Appointment %(reference)s has a new time")
        closing = ""
    return EmailText(
        subject=subject % data,
        heading=_("Appointment rescheduled"),
        greeting=_hello(data, _),
        paragraphs=(sentences[data["for"], data["moved_by"]] % data,),
        facts=(Fact(_("New time"), new.value), Fact(_("Old time"), old), *others, *reason),
        closing=closing,
        button=_("View appointment"),
        link=data["link"],
    )


def _booking_requested(data: Data, _: Translate) -> EmailText:
    data = {**data, "answer_by": _date_and_time(data["answer_by"], _), "join_link": ""}
    if data["for"] == "patient":
        subject = _("Your appointment %(reference)s is requested")
        heading = _("Your appointment is requested")
        sentence = _(
            "We have sent your request for an appointment with %(other)s to the clinic. "
            "The time is held for you until the clinic answers."
        )
        answer = _(
            "We will email you when your request is confirmed or declined, "
            "at the latest by %(answer_by)s."
        )
    else:
        subject = _("New appointment request %(reference)s")
        heading = _("New appointment request")
        sentence = _("%(other)s has requested an appointment with you.")
        answer = _(
            "Please confirm or decline the request, at the latest by %(answer_by)s. "
            "After that the slot becomes available again."
        )
    return EmailText(
        subject=subject % data,
        heading=heading,
        greeting=_hello(data, _),
        paragraphs=(sentence % data, answer % data),
        facts=_booking_facts(data, _),
        button=_("View request"),
        link=data["link"],
    )


def _booking_declined(data: Data, _: Translate) -> EmailText:
    sentences = {
        ("patient", "doctor"): _("%(other)s has declined your request. We are sorry."),
        ("patient", "staff"): _(
            "The clinic has declined your request for an appointment with %(other)s. We are sorry."
        ),
        ("patient", "nobody"): _(
            "Your request for an appointment with %(other)s was not answered in time. We are sorry."
        ),
        ("doctor", "doctor"): _("You have declined the request of %(other)s."),
        ("doctor", "staff"): _(
            "The clinic has declined the request of %(other)s for an appointment with you."
        ),
        ("doctor", "nobody"): _("The request of %(other)s was not answered in time."),
    }
    unanswered = data["declined_by"] == "nobody"
    if data["for"] == "patient":
        subject = (
            _("Your request %(reference)s was not answered in time")
            if unanswered
            else _("Your request %(reference)s is declined")
        )
        closing = _("You can request or book another time.")
        button = _("Choose another time")
    else:
        subject = (
            _("Request %(reference)s was not answered in time")
            if unanswered
            else _("Request %(reference)s is declined")
        )
        # The slot may have started by the time the email is sent or read.
        closing = _("The slot is available again, unless it has already started.")
        button = _("View request")
    return EmailText(
        subject=subject % data,
        heading=_("Request not answered in time") if unanswered else _("Request declined"),
        greeting=_hello(data, _),
        paragraphs=(sentences[data["for"], data["declined_by"]] % data,),
        facts=_booking_facts({**data, "join_link": ""}, _) + _reason(data, _),
        closing=closing,
        button=button,
        link=data["link"],
    )


def _reason(data: Data, _: Translate) -> tuple[Fact, ...]:
    """The reason as a fact, for the patient alone; none if it is empty."""
    if data["for"] != "patient" or not data["reason"].strip():
        return ()
    return (Fact(_("Reason"), data["reason"]),)


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


def _doctor_approved(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("Your doctor's account is approved"),
        heading=_("Your account is approved"),
        greeting=_hello(data, _),
        paragraphs=(_("Patients can find you as soon as you publish slots."),),
        button=_("Publish slots"),
        link=data["link"],
    )


def _doctor_refused(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("About your doctor's account"),
        heading=_("Your account was not approved"),
        greeting=_hello(data, _),
        paragraphs=(
            _("We could not approve your account as a doctor, so you cannot publish slots."),
            _("If you think this is a mistake, please contact the clinic."),
        ),
        button=_("Open HMS"),
        link=data["link"],
    )


def _calendar_broken(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("Please reconnect your Google Calendar"),
        heading=_("Your calendar is no longer connected"),
        greeting=_hello(data, _),
        paragraphs=(
            _(
                "HMS can no longer write to your Google Calendar. "
                "Your appointments themselves are not affected."
            ),
            _("Reconnect the calendar to add the appointments that are missing in it."),
        ),
        button=_("Reconnect the calendar"),
        link=data["link"],
    )


def _email_code(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("Your HMS code"),
        heading=_("Confirm your email address"),
        greeting=_hello(data, _),
        paragraphs=(
            _("Enter this code on the page that asked for it."),
            _.plural(
                "It works for %(minutes)s minute.",
                "It works for %(minutes)s minutes.",
                int(data["minutes"]),
            )
            % data,
        ),
        code=data["code"],
        closing=_(
            "If you did not request this, you can ignore it. Do not share this code with anyone."
        ),
        button=_("Open the page"),
        link=data["link"],
    )


def _password_reset(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("Choose a new HMS password"),
        heading=_("Choose a new password"),
        greeting=_hello(data, _),
        paragraphs=(
            _("Someone requested a new password for your account."),
            _.plural(
                "The link works once, for %(minutes)s minute.",
                "The link works once, for %(minutes)s minutes.",
                int(data["minutes"]),
            )
            % data,
        ),
        closing=_("If you did not request this, you can ignore it. Your password stays the same."),
        button=_("Choose a new password"),
        link=data["link"],
    )


def _unknown_account(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("Your request to HMS"),
        heading=_("There is no account with this address"),
        greeting=_("Hello,"),
        paragraphs=(
            _(
                "Someone requested access to an HMS account with this email address, but no "
                "account has it. You may have signed up with another address."
            ),
        ),
        closing=_("If you did not request this, you can ignore it."),
        button=_("Sign up"),
        link=data["link"],
    )


def _account_already_exists(data: Data, _: Translate) -> EmailText:
    return EmailText(
        subject=_("Your request to HMS"),
        heading=_("You already have an account"),
        greeting=_("Hello,"),
        paragraphs=(
            _(
                "Someone tried to sign up with this email address, but it already has an account. "
                "If you forgot the password, choose a new one."
            ),
        ),
        closing=_("If you did not request this, you can ignore it."),
        button=_("Choose a new password"),
        link=data["link"],
    )


def _account_notice(data: Data, _: Translate) -> EmailText:
    happened = {
        "password_changed": _("Your password was changed."),
        "password_set": _("A password was set for your account."),
        "password_reset": _("Your password was reset."),
        "email_changed": _("The email address of your account was changed."),
        "email_deleted": _("An email address was removed from your account."),
        "role_changed": _("The permissions of your account were changed."),
        "account_closed": _("Your account was closed."),
    }[data["what"]]
    return EmailText(
        subject=_("A change to your HMS account"),
        heading=_("A change to your account"),
        greeting=_hello(data, _),
        paragraphs=(happened,),
        facts=(Fact(_("When"), _date_and_time(data["when"], _)),),
        closing=_("If this was not you, change your password now and contact the clinic."),
        button=_("View account"),
        link=data["link"],
    )


_TEXTS: dict[str, Callable[[Data, Translate], EmailText]] = {
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
