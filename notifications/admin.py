"""What staff see of the mails: everything but the codes and links; sending again goes through
the actions."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hms.lib.day_filter import DaysFilter
from notifications import actions
from notifications.messages import LABELS
from notifications.models import Email


class MadeFilter(DaysFilter):
    title = _("day")
    parameter_name = "days"
    moment = "created_at"


class ActionFilter(admin.SimpleListFilter):
    title = _("message")
    parameter_name = "action"

    def lookups(self, request, model_admin):
        return list(LABELS.items())

    def queryset(self, request, queryset):
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(Email)
class EmailAdmin(admin.ModelAdmin):
    list_display = ["created_at", "label", "to", "about", "standing", "attempts"]
    list_filter = ["state", ActionFilter, MadeFilter]
    search_fields = ["=to", "about__startswith", "=message_id"]
    search_help_text = _("A whole address, the beginning of what it is about, or a message id")
    ordering = ["-created_at"]
    actions = ["resend"]
    # `sealed` is left out on purpose: not even encrypted does anyone need to see it.
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

    @admin.display(description=_("message"), ordering="action")
    def label(self, email: Email) -> str:
        return str(LABELS.get(email.action, email.action))

    @admin.display(description=_("state"), ordering="state")
    def standing(self, email: Email) -> str | SafeString:
        """With what the last try was answered, unless it went well."""
        state = email.get_state_display()
        if email.state == Email.State.SENT or not email.last_answer:
            return state
        return format_html('{} <span class="quiet">{}</span>', state, email.last_answer)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        # For the list's action; saving a single row would overwrite what its job just wrote.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return False

    @admin.action(description=_("Send again"), permissions=["change"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        done, refusals = 0, set()
        for email in queryset:
            try:
                actions.resend(email=email)
                done += 1
            except actions.NotificationError as error:
                refusals.add(str(error))
        if done:
            text = ngettext("%d e-mail is on its way.", "%d e-mails are on their way.", done)
            self.message_user(request, text % done, messages.SUCCESS)
        for refusal in sorted(refusals):
            self.message_user(request, refusal, messages.WARNING)
