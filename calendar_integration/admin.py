from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from calendar_integration import actions
from calendar_integration.models import CalendarEvent, GoogleAccount, Revocation
from hms.lib.day_filter import DaysFilter


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that staff can see but not edit; buttons call the actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may start calls to Google, which needs more than seeing the rows."""
        name = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{name}")


@admin.register(GoogleAccount)
class GoogleAccountAdmin(ReadOnlyAdmin):
    # An explicit list, so that neither a token nor the address of the Google account is shown.
    fields = ["user", "connected_at", "access_token_expires_at", "broken_at", "broken_reason"]
    list_display = ["user", "connected_at", "healthy", "broken_at", "broken_reason"]
    list_filter = [("broken_at", admin.EmptyFieldListFilter), "broken_reason"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__email"]
    ordering = ["-connected_at"]

    actions = ["disconnect"]

    @admin.action(description=_("Disconnect Google Calendar"), permissions=["act"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[GoogleAccount]) -> None:
        """For a user who has left: an account can't be deleted while it is connected."""
        users = list(queryset.values_list("user_id", flat=True))
        for user_id in users:
            actions.disconnect_account(user_id=user_id)
        self.message_user(
            request,
            ngettext(
                "%(count)d calendar is disconnected.",
                "%(count)d calendars are disconnected.",
                len(users),
            )
            % {"count": len(users)},
        )

    @admin.display(boolean=True, description=_("healthy"))
    def healthy(self, account: GoogleAccount) -> bool:
        return not account.is_broken


class ChangedFilter(DaysFilter):
    title = _("last changed")
    parameter_name = "days"
    moment = "updated_at"


@admin.register(CalendarEvent)
class CalendarEventAdmin(ReadOnlyAdmin):
    fields = [
        "user",
        "about",
        "state",
        "sequence",
        "attempts",
        "last_answer",
        "ends_at",
        "claimed_until",
        "updated_at",
        "event_id",
    ]
    list_display = ["about", "user", "state", "attempts", "last_answer", "updated_at"]
    list_filter = ["state", ChangedFilter]
    list_select_related = ["user"]
    search_fields = ["about", "user__username", "user__email"]
    ordering = ["-updated_at"]
    actions = ["try_again"]

    @admin.action(description=_("Try again"), permissions=["act"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[CalendarEvent]) -> None:
        count = actions.retry_events(events=queryset)
        self.message_user(
            request,
            ngettext("%(count)d event will be retried.", "%(count)d events will be retried.", count)
            % {"count": count},
            messages.SUCCESS if count else messages.WARNING,
        )


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin):
    fields = ["id", "user", "created_at", "attempts", "last_answer"]
    list_display = ["id", "user", "created_at", "attempts", "last_answer"]
    list_select_related = ["user"]
    ordering = ["-created_at"]
    actions = ["try_again"]

    @admin.action(description=_("Try again"), permissions=["act"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Revocation]) -> None:
        count = actions.retry_revocations(revocations=queryset)
        self.message_user(
            request,
            ngettext(
                "%(count)d revocation will be retried.",
                "%(count)d revocations will be retried.",
                count,
            )
            % {"count": count},
        )
