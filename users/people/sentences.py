"""What people read when an action on people is refused."""

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hms.lib.errors import Refusal
from users.people.errors import UserCode, UserError

SENTENCES: dict[UserCode, str | Promise] = {
    UserCode.BUSY: _("Someone else is changing this account. Please try again."),
    UserCode.ACCOUNT_TYPE_UNAVAILABLE: _("This kind of account cannot be chosen."),
    UserCode.MAY_NOT_SET_ROLE: _("You cannot set the role of this account."),
    UserCode.UNKNOWN_ROLE: _("There is no such role."),
    UserCode.MAY_NOT_CHANGE_EMAIL: _("You cannot change the email address of this account."),
    UserCode.EMAIL_TAKEN: _("Another account has this email address."),
    UserCode.MAY_NOT_DECIDE: _("You do not have permission to approve or reject doctors."),
    UserCode.OWN_APPLICATION: _("You cannot approve or reject your own account."),
    UserCode.PHOTO_NOT_STORED: _(
        "The photo could not be saved. Please try again in a few minutes."
    ),
}


def sentence(refusal: Refusal) -> str:
    """One refusal in the reader's language."""
    if refusal.code == UserCode.INVALID:
        return " ".join(refusal.params["error"].messages)
    return str(SENTENCES[UserCode(refusal.code)])


def sentences(error: UserError) -> str:
    """All refusals of an error, one after the other, in the reader's language."""
    return " ".join(sentence(refusal) for refusal in error.refusals)


def add_to_form(form: forms.BaseForm, error: UserError) -> None:
    """Show each refusal at its field; at the top of the form where the form has no such field."""
    for refusal in error.refusals:
        field = refusal.field if refusal.field in form.fields else NON_FIELD_ERRORS
        form.add_error(field, sentence(refusal))
