"""The admin of bookings and calls: staff look, book, reschedule, record outcomes and cancel."""

import logging
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from availability.slots.wording import span_words, zone_short
from bookings.access import bookings_for_staff, staffs_booking
from bookings.actions import BookingError, book_slot, cancel_booking, reschedule_booking
from bookings.admin.actions import ANSWERS_AND_MARKS, MOST_AT_ONCE, each_chosen, warn_of_call
from bookings.admin.export import rows
from bookings.admin.filters import (
    AheadFilter,
    BookedOnFilter,
    BookingStateFilter,
    CancelledByFilter,
    CancelledFilter,
    OutcomeFilter,
    VisitFilter,
)
from bookings.calls import calls, notices
from bookings.models import Booking, Call, HistoryEntry
from bookings.pages.delivery_status import mail_mark, patients_mark
from bookings.pages.forms import ReasonForm, RescheduleForm, RescheduleToTimeForm
from bookings.pages.old_urls import renamed_to
from bookings.pages.reschedule import free_times, reschedule_by_form
from bookings.rules.sentences import sentences_of
from bookings.wording import state_words
from hms.lib.csv_file import csv_response
from hms.lib.templatetags.hms_tags import phone_link
from users.models import User
from users.pages.requests import SignedInRequest

log = logging.getLogger(__name__)


class BookForm(forms.ModelForm):
    """Books while it validates, since only the action, under its locks, knows whether it can."""

    booked_by: User

    class Meta:
        model = Booking
        fields = ["slot", "patient"]

    def _post_clean(self) -> None:
        # In place of the model's own checks, which would have a second sentence for each
        # constraint. The admin's add view is one transaction, so a later error undoes the booking.
        if self.errors:
            return
        try:
            self.instance = book_slot(
                slot_id=self.cleaned_data["slot"].pk,
                patient=self.cleaned_data["patient"],
                booked_by=self.booked_by,
            )
        except BookingError as error:
            self.add_error(None, sentences_of(error))


class FreeSlotWidget(ForeignKeyRawIdWidget):
    """The list of slots to choose from, filtered to the free ones."""

    def base_url_parameters(self) -> dict:
        return {**super().base_url_parameters(), "state": "free"}


class LatestEntries(forms.models.BaseInlineFormSet):
    """The latest entries of a booking's history, read-only."""

    is_cut = False

    def get_queryset(self) -> Any:
        if not hasattr(self, "_latest"):
            entries: Any = super().get_queryset()
            self._latest, self.is_cut = entries.latest_entries()
        return self._latest


class HistoryInline(admin.TabularInline):
    model = HistoryEntry
    formset = LatestEntries
    template = "admin/bookings/booking/history.html"
    fields = readonly_fields = ("at", "what", "moved", "by", "reason", "outside")
    extra = max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[HistoryEntry]:
        return super().get_queryset(request).select_related("by", "booking__slot__clinic")

    @admin.display(description=_("from and to"))
    def moved(self, entry: HistoryEntry) -> str:
        if entry.what != HistoryEntry.What.RESCHEDULED:
            return ""
        zone = entry.booking.slot.clinic.time_zone
        return " → ".join(span_words(*span, zone) for span in entry.spans)

    @admin.display(description=_("outside the patients’ notice"))
    def outside(self, entry: HistoryEntry) -> str | Promise:
        """A word, since the admin's red cross for False would look like an error."""
        return _("yes") if entry.outside_windows else ""

    def has_view_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        """As for the booking: there is no separate permission for its history."""
        return request.user.has_perm("bookings.view_booking")

    def has_add_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        return False


@admin.register(Booking)
class BookingAdmin(admin.ModelAdmin):
    form = BookForm
    list_display = ["reference", "when", "state", "patient", "doctor", "clinic"]
    list_filter = [
        BookingStateFilter,
        OutcomeFilter,
        VisitFilter,
        "slot__clinic",
        "slot__doctor__specialty",
        "slot__kind",
        BookedOnFilter,
        AheadFilter,
        CancelledFilter,
        CancelledByFilter,
    ]
    search_fields = ["=reference", "patient__name", "patient__phone", "slot__doctor__name"]
    search_help_text = _("A reference, a patient’s name or phone, or a doctor’s name")
    ordering = ["-created_at"]
    autocomplete_fields = ["patient"]
    actions = [*ANSWERS_AND_MARKS, "cancel_chosen"]
    inlines = [HistoryInline]
    change_form_template = "admin/bookings/booking/change_form.html"
    view_on_site = False
    shown = [
        "reference",
        "when",
        "patient",
        "doctor",
        "clinic",
        "state",
        "patients_message",
        "doctors_message",
        "mails",
        "booked_by",
        "created_at",
        "cancelled_by",
        "cancelled_at",
        "cancel_reason",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        found: QuerySet[Booking] = Booking.objects.for_pages()
        return found.select_related("booked_by", "cancelled_by").order_by(*self.ordering)

    def get_fields(self, request: HttpRequest, obj: Booking | None = None) -> list[Any]:
        return self.shown if obj else ["slot", "patient"]

    def get_readonly_fields(self, request: HttpRequest, obj: Booking | None = None) -> list[str]:
        return self.shown if obj else []

    def get_inlines(self, request: HttpRequest, obj: Booking | None) -> list:
        return self.inlines if obj else []

    def get_form(
        self,
        request: HttpRequest,
        obj: Booking | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("BookForm", (form,), {"booked_by": request.user})

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:
        if db_field.name == "slot":
            kwargs["widget"] = FreeSlotWidget(db_field.remote_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Booking, form: forms.ModelForm, change: bool
    ) -> None:
        """Do nothing: the form's action has written the booking."""

    def has_change_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        # For the list's actions; the page of a single booking is read-only.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        return False

    @admin.display(description=_("when"), ordering="starts_at")
    def when(self, booking: Booking) -> str:
        zone = booking.slot.clinic.time_zone
        words = span_words(booking.starts_at, booking.ends_at, zone)
        # Does not wrap, so that each row has one line.
        return f"{words} {zone_short(booking.starts_at, zone)}".replace(" ", "\xa0")

    @admin.display(description=_("doctor"), ordering="slot__doctor__name")
    def doctor(self, booking: Booking) -> str:
        return str(booking.slot.doctor)

    @admin.display(description=_("clinic"), ordering="slot__clinic__name")
    def clinic(self, booking: Booking) -> str:
        return str(booking.slot.clinic)

    @admin.display(description=_("state"))
    def state(self, booking: Booking) -> str | Promise:
        return state_words(booking, timezone.now())

    @admin.display(description=_("message to the patient"))
    def patients_message(self, booking: Booking) -> str | Promise:
        mark = patients_mark(booking, timezone.now())
        label = mark.label if mark else "-"
        note = notices.after(booking)
        return f"{label}: {note}" if note else label

    @admin.display(description=_("message to the doctor"))
    def doctors_message(self, booking: Booking) -> str | Promise:
        mark = mail_mark(booking, booking.slot.doctor.user, timezone.now())
        return mark.label if mark else "-"

    @admin.display(description=_("emails and calendars"))
    def mails(self, booking: Booking) -> str:
        query = f"?q={booking.about}"
        return format_html(
            '<a href="{}">{}</a>, <a href="{}">{}</a>',
            reverse("admin:notifications_email_changelist") + query,
            _("emails"),
            reverse("admin:calendar_integration_calendarevent_changelist") + query,
            _("calendar events"),
        )

    # --- cancelling ------------------------------------------------------------------------------

    @admin.action(description=_("Cancel the selected appointments…"), permissions=["change"])
    def cancel_chosen(self, request: HttpRequest, queryset: QuerySet[Booking]) -> HttpResponse:
        keys = queryset.values_list("pk", flat=True)[:MOST_AT_ONCE]
        ids = ",".join(str(key) for key in keys)
        return HttpResponseRedirect(reverse("admin:bookings_booking_cancel") + f"?ids={ids}")

    def get_urls(self) -> list[URLPattern]:
        cancel = self.admin_site.admin_view(self.cancel_view)
        reschedule = self.admin_site.admin_view(self.reschedule_view)
        to_time = self.admin_site.admin_view(self.reschedule_to_time_view)
        name = "bookings_booking_reschedule"
        name_to_time = "bookings_booking_reschedule_to_time"
        old = self.admin_site.admin_view(renamed_to(f"admin:{name}", reschedule))
        old_to_time = self.admin_site.admin_view(renamed_to(f"admin:{name_to_time}", to_time))
        export = self.admin_site.admin_view(self.export_view)
        return [
            path("export/", export, name="bookings_booking_export"),
            path("cancel/", cancel, name="bookings_booking_cancel"),
            path("reschedule/<reference:reference>/", reschedule, name=name),
            path("reschedule/<reference:reference>/time/", to_time, name=name_to_time),
            path("move/<reference:reference>/", old),
            path("move/<reference:reference>/time/", old_to_time),
            *super().get_urls(),
        ]

    def cancel_view(self, request: SignedInRequest) -> HttpResponse:
        """GET lists the bookings to cancel and asks for a reason; POST cancels them."""
        chosen = _ids(request.GET.get("ids", ""))
        bookings = bookings_for_staff(request.user).filter(pk__in=chosen).order_by(*self.ordering)
        form = ReasonForm(request.POST if request.method == "POST" else None, must=False)
        if request.method == "POST" and form.is_valid():
            self._cancel(request, bookings, form.cleaned_data["reason"])
            return redirect("admin:bookings_booking_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Cancel appointments"),
            "opts": self.opts,
            "bookings": [(booking, notices.to_both(booking)) for booking in bookings],
            "form": form,
        }
        return TemplateResponse(request, "admin/bookings/booking/cancel.html", context)

    def _cancel(self, request: SignedInRequest, bookings: QuerySet[Booking], reason: str) -> None:
        def cancel(booking: Booking, by: User) -> None:
            warn_of_call(self, request, cancel_booking(booking_id=booking.pk, by=by, reason=reason))

        done = each_chosen(self, request, bookings, cancel, "cancelled_at")
        if done:
            text = ngettext("%d appointment is cancelled.", "%d appointments are cancelled.", done)
            self.message_user(request, text % done, messages.SUCCESS)

    # --- the list as a file ----------------------------------------------------------------------

    def export_view(self, request: SignedInRequest) -> HttpResponseBase:
        """All pages of the list that has the same query, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            found = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect("admin:bookings_booking_changelist")
        log.info("bookings exported", extra={"by": request.user.pk})
        return csv_response(rows(found), f"bookings-{timezone.localdate()}.csv")

    # --- rescheduling ----------------------------------------------------------------------------

    def reschedule_view(self, request: SignedInRequest, reference: str) -> HttpResponse:
        """GET shows the doctor's free slots of a day; POST reschedules to the pressed one."""
        booking = staffs_booking(request.user, reference)
        form = RescheduleForm(request.POST if request.method == "POST" else None, may_say_why=True)
        if request.method == "POST" and form.is_valid():
            try:
                moved = reschedule_booking(booking_id=booking.pk, by=request.user, **form.wanted())
            except BookingError as error:
                self.message_user(request, sentences_of(error), messages.ERROR)
                return redirect(request.get_full_path())
            return self._rescheduled(request, moved)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Reschedule an appointment"),
            "opts": self.opts,
            "booking": booking,
            "notice": notices.to_both(booking),
            "form": form,
            **free_times(booking, request.GET.get("day", ""), for_patient=False),
        }
        return TemplateResponse(request, "admin/bookings/booking/reschedule.html", context)

    def reschedule_to_time_view(self, request: SignedInRequest, reference: str) -> HttpResponse:
        """The form for a time that is no slot yet: booking and slot change together."""
        booking = staffs_booking(request.user, reference)
        form = RescheduleToTimeForm(request.POST or None, slot=booking.slot)
        valid = request.method == "POST" and form.is_valid()
        if valid and (moved := reschedule_by_form(form, booking, request.user)):
            return self._rescheduled(request, moved)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Reschedule an appointment to another time"),
            "opts": self.opts,
            "booking": booking,
            "notice": notices.to_both(booking),
            "form": form,
        }
        return TemplateResponse(request, "admin/bookings/booking/reschedule_to_time.html", context)

    def _rescheduled(self, request: SignedInRequest, booking: Booking) -> HttpResponse:
        self.log_change(request, booking, [{"changed": {"fields": ["slot"]}}])
        self.message_user(request, _("The appointment is rescheduled."), messages.SUCCESS)
        warn_of_call(self, request, booking)
        return redirect("admin:bookings_booking_change", booking.pk)


@admin.register(Call)
class CallAdmin(admin.ModelAdmin):
    """Whom to call and what to say; only the list's action closes a row."""

    list_display = ["patient", "born", "phone", "message", "state", "closed_by", "closed_at"]
    list_filter = ["state"]
    search_fields = ["=booking__reference", "booking__patient__name", "booking__patient__phone"]
    search_help_text = _("A booking’s reference, or a patient’s name or phone")
    ordering = ["-created_at"]
    actions = ["close_chosen"]
    readonly_fields = fields = (
        *("patient", "born", "phone", "message", "reference"),
        *("state", "created_at", "closed_by", "closed_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        found: QuerySet[Call] = super().get_queryset(request)
        return found.select_related("booking__patient__user", "closed_by")

    @admin.display(description=_("patient"), ordering="booking__patient__name")
    def patient(self, call: Call) -> str:
        return str(call.booking.patient)

    @admin.display(description=_("date of birth"))
    def born(self, call: Call) -> date | None:
        return call.booking.patient.date_of_birth

    @admin.display(description=_("phone"))
    def phone(self, call: Call) -> str:
        return phone_link(call.booking.patient.phone)

    @admin.display(description=_("what to say"))
    def message(self, call: Call) -> str:
        return calls.what_to_say(call)

    @admin.display(description=_("booking"))
    def reference(self, call: Call) -> str:
        url = reverse("admin:bookings_booking_change", args=[call.booking_id])
        return format_html('<a href="{}">{}</a>', url, call.booking.reference)

    @admin.action(description=_("Mark the selected calls as spoken to"), permissions=["change"])
    def close_chosen(self, request: SignedInRequest, queryset: QuerySet[Call]) -> None:
        done = 0
        for call in queryset.filter(state=Call.State.OWED):
            try:
                calls.close_call(call_id=call.pk, by=request.user)
            except BookingError as error:
                text = f"{call.booking.reference}: {sentences_of(error)}"
                self.message_user(request, text, messages.ERROR)
            else:
                self.log_change(request, call, [{"changed": {"fields": ["state"]}}])
                done += 1
        if done:
            text = ngettext("%d call is recorded.", "%d calls are recorded.", done)
            self.message_user(request, text % done, messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        # For the list's action; the page of a single call is read-only.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        return False


def _ids(text: str) -> list[int]:
    words = [word for word in text.split(",") if word.isascii() and word.isdecimal()]
    return [int(word) for word in words[:MOST_AT_ONCE] if len(word) < 19]
