"""Emails as staff see them: everything but their codes and links."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hms.lib.day_filter import DaysFilter
from notifications import actions
from notifications.email_kinds import EMAIL_KINDS
from notifications.errors import NotificationError
from notifications.models import Email
from notifications.wording import sentence


class EmailCreatedFilter(DaysFilter):
    title = _("day")
    parameter_name = "days"
    moment = "created_at"


class EmailActionFilter(admin.SimpleListFilter):
    title = _("email")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(action, str(kind.label)) for action, kind in EMAIL_KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(Email)
class EmailAdmin(admin.ModelAdmin):
    list_display = ["created_at", "label", "to", "about", "delivery_state", "attempts"]
    list_filter = ["state", EmailActionFilter, EmailCreatedFilter]
    search_fields = ["=to", "about__startswith", "=message_id"]
    search_help_text = _("A whole address, the beginning of a subject, or a message id")
    ordering = ["-created_at"]
    actions = ["resend"]
    # `sealed` is left out on purpose: nobody needs to see codes and links, not even encrypted.
    readonly_fields = (
        "label",
        "to",
        "recipient",
        "language",
        "about",
        "sequence",
        "data",
        "state",
        "attempts",
        "last_answer",
        "message_id",
        "created_at",
        "queued_at",
        "claimed_until",
        "sent_at",
        "expires_at",
    )
    fields = readonly_fields

    @admin.display(description=_("email"), ordering="action")
    def label(self, email: Email) -> str:
        kind = EMAIL_KINDS.get(email.action)
        return str(kind.label) if kind else email.action

    @admin.display(description=_("state"), ordering="state")
    def delivery_state(self, email: Email) -> str | SafeString:
        """The state, with the last answer unless the email was sent."""
        state = email.get_state_display()
        if email.state == Email.State.SENT or not email.last_answer:
            return state
        return format_html('{} <span class="quiet">{}</span>', state, email.last_answer)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        # The list's action needs it. Saving one email would overwrite what its job has written.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return False

    @admin.action(description=_("Send again"), permissions=["change"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        done = 0
        refusals: set[str] = set()
        for email in queryset:
            try:
                actions.resend(email=email)
                done += 1
            except NotificationError as error:
                refusals.update(sentence(refusal) for refusal in error.refusals)
        if done:
            text = ngettext("%d email is on its way.", "%d emails are on their way.", done)
            self.message_user(request, text % done, messages.SUCCESS)
        for refusal in sorted(refusals):
            self.message_user(request, refusal, messages.WARNING)
