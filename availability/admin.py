"""Staff publish, change and delete a doctor's slots by the rules that doctors obey."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from availability import actions
from availability.actions import SlotError
from availability.hours import admin as hours_admin  # noqa: F401  (registers its own)
from availability.models import TimeSlot, TimeSlotQuerySet
from availability.pages.forms import SlotForm
from availability.slots import rules
from availability.slots.wording import block_words, span_words, zone_words
from hms.lib import day_filter
from hms.lib.local_dates import LocalDate
from users.models import Clinic, DoctorProfile, User
from users.people.clinic_days import ClinicDaysFilter


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


class SlotAdminForm(SlotForm, forms.ModelForm):
    """The doctors' own form with the doctor to choose; all that is wrong shows beside its field."""

    staff: User  # who asks; the admin sets it

    class Meta:
        model = TimeSlot
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: TimeSlot | None = None, **kwargs: Any) -> None:
        super().__init__(*args, slot=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())
        self.fields["which"].help_text = _("Only for a time that occurs twice that day.")
        if instance:
            self.fields["doctor"].disabled = True

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not self.errors:
            draft = rules.Draft(
                doctor=data["doctor"],
                clinic=data["clinic"],
                kind=data["kind"],
                by=self.staff,
                now=timezone.now(),
                instead_of=self.instance if self.instance.pk else None,
            )
            errors = rules.refusals(draft, (data["starts_at"], data["ends_at"]))
            if errors:
                self.refuse(SlotError.of(errors))
        return data


class SlotStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [
            ("free", _("free")),
            ("blocked", _("not bookable")),
            ("booked", _("booked")),
            ("past", _("past")),
            ("standing", _("not withdrawn")),
            ("withdrawn", _("withdrawn")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        now = timezone.now()
        offered = queryset.filter(withdrawn_at__isnull=True)
        match self.value():
            case "free":
                return offered.filter(starts_at__gt=now, live_booking__isnull=True, blocked_by="")
            case "blocked":
                free = offered.filter(starts_at__gt=now, live_booking__isnull=True)
                return free.exclude(blocked_by="")
            case "booked":
                return queryset.filter(live_booking__isnull=False)
            case "past":
                return offered.filter(starts_at__lte=now)
            case "standing":
                return offered
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
            case _:
                return queryset


class DayFilter(ClinicDaysFilter):
    title = _("day")
    parameter_name = "day"
    moment, clinic = "starts_at", "clinic"
    presets = (
        day_filter.TODAY,
        day_filter.TOMORROW,
        day_filter.NEXT_WEEK,
        day_filter.LAST_WEEK,
        day_filter.LAST_MONTH,
    )


class WeekdayFilter(admin.SimpleListFilter):
    title = _("weekday")
    parameter_name = "weekday"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [(str(day), name) for day, name in enumerate(WEEKDAYS.values(), 1)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        if self.value() not in dict(self.lookup_choices):
            raise IncorrectLookupParameters("no such weekday")
        day = LocalDate("clinic__time_zone", "starts_at")
        return queryset.alias(local_day=day).filter(local_day__iso_week_day=int(self.value() or 1))


class OneDoctorFilter(admin.SimpleListFilter):
    """Shows the doctor whom a link named; others are found by searching for their name."""

    title = _("doctor")
    parameter_name = "doctor"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        if not self.value():
            return []
        try:
            doctor = DoctorProfile.objects.select_related("user").filter(pk=self.value()).first()
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters("no such doctor") from error
        return [(self.value(), str(doctor or _("nobody")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(doctor=self.value()) if self.value() else queryset


@admin.register(TimeSlot)
class TimeSlotAdmin(admin.ModelAdmin):
    form = SlotAdminForm
    autocomplete_fields = ["doctor"]
    list_display = ["when", "zone", "doctor", "clinic", "kind", "state"]
    list_filter = [SlotStateFilter, DayFilter, WeekdayFilter, OneDoctorFilter, "clinic", "kind"]
    list_select_related = ["doctor__user", "clinic"]
    search_fields = ["doctor__name", "doctor__user__username", "clinic__name"]
    ordering = ["-starts_at", "-pk"]
    actions = None  # deleting many at once would ask nobody

    EDITED = ("doctor", "clinic", "kind", "day", "starts", "ends", "which")
    SHOWN = (
        *("doctor", "clinic", "kind", "when", "zone", "state", "booking"),
        *("published_at", "withdrawn_at"),
    )

    @admin.display(description=_("when"), ordering="starts_at")
    def when(self, slot: TimeSlot) -> str:
        return span_words(slot.starts_at, slot.ends_at, slot.clinic.time_zone)

    @admin.display(description=_("zone"))
    def zone(self, slot: TimeSlot) -> str:
        return zone_words(slot.starts_at, slot.clinic.time_zone)

    @admin.display(description=_("state"))
    def state(self, slot: TimeSlot) -> str:
        if slot.withdrawn_at:
            return str(_("withdrawn"))
        if slot.state == "open" and slot.blocked_by:
            return block_words(slot.blocked_by)
        return str({"open": _("free"), "booked": _("booked"), "past": _("past")}[slot.state])

    @admin.display(description=_("booking"))
    def booking(self, slot: TimeSlot) -> str:
        """Link to the booking; empty for a free slot. By name: `bookings` is above this app."""
        if slot.live_booking is None:
            return ""
        url = reverse("admin:bookings_booking_change", args=[slot.live_booking])
        return format_html('<a href="{}">{}</a>', url, _("Open the appointment"))

    def get_queryset(self, request: HttpRequest) -> TimeSlotQuerySet:
        return TimeSlot.objects.with_live_booking().with_block().order_by(*self.ordering)

    def get_fields(self, request: HttpRequest, obj: TimeSlot | None = None) -> tuple[str, ...]:
        return self.EDITED if self._may_edit(request, obj) else self.SHOWN

    def get_readonly_fields(
        self, request: HttpRequest, obj: TimeSlot | None = None
    ) -> tuple[str, ...]:
        return () if self._may_edit(request, obj) else self.SHOWN

    def get_form(
        self, request: HttpRequest, obj: TimeSlot | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        if not self._may_edit(request, obj):
            kwargs["form"] = forms.ModelForm
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.staff = _staff(request)
        return form

    def has_change_permission(self, request: HttpRequest, obj: TimeSlot | None = None) -> bool:
        """A withdrawn, started or booked slot is only looked at."""
        return super().has_change_permission(request, obj) and (
            obj is None or (obj.withdrawn_at is None and actions.obstacle(slot=obj) is None)
        )

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, *args, **kwargs)
        except SlotError as error:
            # Somebody was faster between the form's check and the action's.
            messages.error(request, error.sentence)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(
        self, request: HttpRequest, obj: TimeSlot, form: SlotAdminForm, change: bool
    ) -> None:
        if change:
            saved = actions.edit_slot(slot_id=obj.pk, by=_staff(request), **form.wanted())
        else:
            saved = actions.publish_slot(doctor=obj.doctor, by=_staff(request), **form.wanted())
        # A slot with history was replaced: the admin goes on with the one that stands now.
        obj.pk = saved.pk
        obj.starts_at, obj.ends_at = saved.starts_at, saved.ends_at

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        slot = self.get_object(request, unquote(object_id))
        obstacle = actions.obstacle(slot=slot) if slot else None
        try:
            if obstacle:
                raise SlotError(obstacle)
            return super().delete_view(request, object_id, extra_context)
        except SlotError as error:
            messages.error(request, error.sentence)
            return HttpResponseRedirect(
                reverse("admin:availability_timeslot_change", args=[object_id])
            )

    def delete_model(self, request: HttpRequest, obj: TimeSlot) -> None:
        actions.delete_slot(slot_id=obj.pk, by=_staff(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        # Cancelled bookings do not protect it: they keep the slot, which is then withdrawn.
        return [str(slot) for slot in objs], {}, set(), []

    def _may_edit(self, request: HttpRequest, obj: TimeSlot | None) -> bool:
        return obj is None or self.has_change_permission(request, obj)
