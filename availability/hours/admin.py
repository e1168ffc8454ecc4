"""Staff keep doctors' hours and time off, and say when a clinic is closed, by the same rules."""

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from availability.actions import SlotError
from availability.hours import actions, rules
from availability.hours.closures import booked_under, suggestions
from availability.hours.forms import (
    ClosureForm,
    ExtraHoursForm,
    RefusedForm,
    SuggestionsForm,
    TimeOffForm,
    WeeklyHoursForm,
)
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from availability.hours.plans import Plan
from availability.hours.timetable import DAY
from availability.hours.words import (
    days_words,
    done_words,
    extra_words,
    part_words,
    repeat_words,
    weekday_words,
)
from availability.words import span_words
from hms.lib.clock import local
from users.models import Clinic, User

BOOKED_NAMED = 20


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


class StaffForm(RefusedForm):
    """The doctors' own form with the doctor to choose; it asks the rules before it is saved."""

    staff: User  # who asks; the admin sets it
    instance: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "doctor" in self.fields:
            self.fields["doctor"].disabled = True

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self.refuse(SlotError(self.refusals(data)))
        return data

    def refusals(self, data: dict[str, Any]) -> dict[str, list[str]]:
        raise NotImplementedError


class WeeklyHoursAdminForm(StaffForm, WeeklyHoursForm, forms.ModelForm):
    class Meta:
        model = WeeklyHours
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: WeeklyHours | None = None, **kwargs: Any) -> None:
        super().__init__(*args, hours=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())

    def refusals(self, data: dict[str, Any]) -> dict[str, list[str]]:
        row = self.fill(copy(self.instance))
        row.doctor = data["doctor"]
        now = timezone.now()
        return rules.weekly_refusals(row.doctor, row, self.intervals, by=self.staff, now=now)


class ExtraHoursAdminForm(StaffForm, ExtraHoursForm, forms.ModelForm):
    class Meta:
        model = ExtraHours
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: ExtraHours | None = None, **kwargs: Any) -> None:
        super().__init__(*args, hours=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())

    def refusals(self, data: dict[str, Any]) -> dict[str, list[str]]:
        row = self.fill(copy(self.instance))
        row.doctor = data["doctor"]
        return rules.extra_refusals(row.doctor, row, by=self.staff, now=timezone.now())


class TimeOffAdminForm(StaffForm, TimeOffForm, forms.ModelForm):
    class Meta:
        model = TimeOff
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: TimeOff | None = None, **kwargs: Any) -> None:
        super().__init__(*args, time_off=instance, instance=instance, **kwargs)

    def refusals(self, data: dict[str, Any]) -> dict[str, list[str]]:
        row = self.fill(copy(self.instance))
        row.doctor = data["doctor"]
        return rules.time_off_refusals(row.doctor, row, by=self.staff, now=timezone.now())


class ClosureAdminForm(StaffForm, ClosureForm, forms.ModelForm):
    class Meta:
        model = Closure
        fields = ["clinic", "name"]

    def __init__(self, *args: Any, instance: Closure | None = None, **kwargs: Any) -> None:
        super().__init__(*args, closure=instance, instance=instance, **kwargs)

    def refusals(self, data: dict[str, Any]) -> dict[str, list[str]]:
        row = self.fill(copy(self.instance))
        return rules.closure_refusals(row, by=self.staff, now=timezone.now())


class ByRules(admin.ModelAdmin):
    """Saves and deletes through the actions, and says what became of the slots."""

    actions = None  # deleting many at once would ask nobody
    list_per_page = 50
    show_full_result_count = False

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.staff = _staff(request)
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, *args, **kwargs)
        except SlotError as error:
            # Somebody was faster between the form's check and the action's.
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except SlotError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        # Slots that hours made stay or go by the rules of publishing.
        return [str(row) for row in objs], {}, set(), []

    def tell(self, request: HttpRequest, plan: Plan) -> None:
        self.message_user(request, done_words(plan))
        if not plan.booked:
            return
        words = ngettext(
            "%(n)s booked visit stands in the way and stays:",
            "%(n)s booked visits stand in the way and stay:",
            len(plan.booked),
        ) % {"n": len(plan.booked)}
        visits = format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            (
                (
                    reverse("admin:bookings_booking_changelist") + f"?q={conflict.slot.reference}",
                    span_words(*conflict.slot.span, _zone(plan, conflict.slot.clinic_id)),
                )
                for conflict in plan.booked[:BOOKED_NAMED]
            ),
        )
        more = "…" if len(plan.booked) > BOOKED_NAMED else ""
        self.message_user(request, format_html("{} {}{}", words, visits, more), messages.WARNING)


def _zone(plan: Plan, clinic_id: int) -> str:
    return plan.clinics[clinic_id].time_zone


class HoursAdmin(ByRules):
    autocomplete_fields = ["doctor"]
    list_select_related = ["doctor__user", "clinic"]
    list_filter = ["clinic", "kind"]
    search_fields = ["doctor__name", "doctor__user__username", "clinic__name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(withdrawn_at__isnull=True)


@admin.register(WeeklyHours)
class WeeklyHoursAdmin(HoursAdmin):
    form = WeeklyHoursAdminForm
    list_display = ["days", "parts", "doctor", "clinic", "kind", "valid_from", "valid_until"]
    ordering = ["doctor__name", "valid_from", "pk"]
    fields = (
        *("doctor", "clinic", "kind", "weekdays", "part_1", "part_2", "part_3", "part_4"),
        *("length", "pause", "every", "anchor", "valid_from", "valid_until"),
    )

    @admin.display(description=_("days"))
    def days(self, hours: WeeklyHours) -> str:
        return weekday_words(hours.weekdays)

    @admin.display(description=_("parts of the day"))
    def parts(self, hours: WeeklyHours) -> str:
        return str(_(", ")).join(part_words(one.starts, one.ends) for one in hours.intervals.all())

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("intervals")

    def save_model(
        self, request: HttpRequest, obj: WeeklyHours, form: WeeklyHoursAdminForm, change: bool
    ) -> None:
        by = _staff(request)
        plan = actions.save_weekly_hours(hours=form.fill(obj), intervals=form.intervals, by=by)
        self.tell(request, plan)

    def has_delete_permission(self, request: HttpRequest, obj: WeeklyHours | None = None) -> bool:
        """To delete them is to end them: not what has ended."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and not (obj and _has_ended(obj))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        # From a page of before, which still had the button.
        hours = self.get_object(request, unquote(object_id))
        if hours and _has_ended(hours) and self.has_view_permission(request, hours):
            messages.warning(request, _("These hours have ended already."))
            return redirect("admin:availability_weeklyhours_change", hours.pk)
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: WeeklyHours) -> None:
        """They end at once; what they made before stays known."""
        yesterday = local(timezone.now(), obj.clinic.time_zone).date() - DAY
        plan = actions.end_weekly_hours(hours=obj, last_day=yesterday, by=_staff(request))
        self.tell(request, plan)


def _has_ended(hours: WeeklyHours) -> bool:
    today = local(timezone.now(), hours.clinic.time_zone).date()
    return hours.valid_until is not None and hours.valid_until < today


@admin.register(ExtraHours)
class ExtraHoursAdmin(HoursAdmin):
    form = ExtraHoursAdminForm
    list_display = ["when", "doctor", "clinic", "kind"]
    ordering = ["-day", "-pk"]
    fields = ("doctor", "clinic", "kind", "day", "starts", "ends", "length", "pause")

    @admin.display(description=_("when"), ordering="day")
    def when(self, hours: ExtraHours) -> str:
        return extra_words(hours)

    def save_model(
        self, request: HttpRequest, obj: ExtraHours, form: ExtraHoursAdminForm, change: bool
    ) -> None:
        self.tell(request, actions.save_extra_hours(hours=form.fill(obj), by=_staff(request)))

    def delete_model(self, request: HttpRequest, obj: ExtraHours) -> None:
        self.tell(request, actions.withdraw_extra_hours(hours=obj, by=_staff(request)))


@admin.register(TimeOff)
class TimeOffAdmin(ByRules):
    form = TimeOffAdminForm
    autocomplete_fields = ["doctor"]
    list_display = ["when", "again", "doctor"]
    list_filter = ["repeats"]
    list_select_related = ["doctor__user"]
    search_fields = ["doctor__name", "doctor__user__username"]
    ordering = ["-starts_on", "-pk"]
    fields = ("doctor", *TimeOffForm.NAMES)

    @admin.display(description=_("when"), ordering="starts_on")
    def when(self, time_off: TimeOff) -> str:
        return days_words(time_off)

    @admin.display(description=_("repeats"))
    def again(self, time_off: TimeOff) -> str:
        return repeat_words(time_off)

    def save_model(
        self, request: HttpRequest, obj: TimeOff, form: TimeOffAdminForm, change: bool
    ) -> None:
        self.tell(request, actions.save_time_off(time_off=form.fill(obj), by=_staff(request)))

    def delete_model(self, request: HttpRequest, obj: TimeOff) -> None:
        self.tell(request, actions.delete_time_off(time_off=obj, by=_staff(request)))


@admin.register(Closure)
class ClosureAdmin(ByRules):
    form = ClosureAdminForm
    change_list_template = "admin/availability/closure/change_list.html"
    list_display = ["name", "clinic", "when"]
    list_filter = ["clinic", ("starts_on", admin.DateFieldListFilter)]
    list_select_related = ["clinic"]
    search_fields = ["name", "clinic__name"]
    ordering = ["-starts_on", "-pk"]

    def get_fields(self, request: HttpRequest, obj: Closure | None = None) -> tuple[str, ...]:
        return (*ClosureForm.NAMES, "booked") if obj else ClosureForm.NAMES

    def get_readonly_fields(self, request: HttpRequest, obj: Closure | None = None) -> list[str]:
        return ["booked"] if obj else []

    @admin.display(description=_("when"), ordering="starts_on")
    def when(self, closure: Closure) -> str:
        return days_words(closure)

    @admin.display(description=_("booked visits then"))
    def booked(self, closure: Closure) -> SafeString | str:
        """They stay until somebody cancels them, who then tells the patient."""
        slots, more = booked_under(closure)
        if not slots:
            return str(_("none"))
        visits = format_html_join(
            "",
            '<li><a href="{}">{}</a>, {}</li>',
            (
                (
                    reverse("admin:bookings_booking_changelist") + f"?q={reference}",
                    span_words(slot.starts_at, slot.ends_at, closure.clinic.time_zone),
                    slot.doctor,
                )
                for slot, reference in slots
            ),
        )
        return format_html("<ul>{}{}</ul>", visits, format_html("<li>…</li>") if more else "")

    def save_model(
        self, request: HttpRequest, obj: Closure, form: ClosureAdminForm, change: bool
    ) -> None:
        actions.save_closure(closure=form.fill(obj), by=_staff(request))
        slots, _more = booked_under(obj)
        if slots:
            words = _("Patients have booked visits then. They stay until they are cancelled.")
            self.message_user(request, words, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        actions.delete_closure(closure=obj, by=_staff(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.suggest)
        name = "availability_closure_suggestions"
        return [path("suggestions/", view, name=name), *super().get_urls()]

    def suggest(self, request: HttpRequest) -> HttpResponse:
        """Public holidays of a clinic's country, to be ticked."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = SuggestionsForm(request.GET or None)
        choice = form.cleaned_data if form.is_valid() else None
        days = (
            suggestions(choice["clinic"], choice["year"], get_language() or "en") if choice else []
        )
        if request.method == "POST" and choice:
            wanted = [
                (day.day, day.name) for day in days if str(day.day) in request.POST.getlist("day")
            ]
            made = actions.close_on(clinic=choice["clinic"], days=wanted, by=_staff(request))
            closed = ngettext("%(n)s day is added.", "%(n)s days are added.", made) % {"n": made}
            self.message_user(request, closed)
            return redirect("admin:availability_closure_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": _("Public holidays"),
            "form": form,
            "clinic": choice and choice["clinic"],
            "days": days,
        }
        return render(request, "admin/availability/closure/suggestions.html", context)
