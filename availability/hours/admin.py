"""Staff keep doctors' hours and time off, and say when a clinic is closed, by the same rules."""

from copy import copy
from dataclasses import dataclass
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
from availability.hours.closures import closing, suggestions
from availability.hours.forms import (
    ClosureForm,
    ExtraHoursForm,
    RefusedForm,
    SuggestionsForm,
    TimeOffForm,
    WeeklyHoursForm,
)
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from availability.hours.pages import (
    BACK,
    SAVE,
    Outline,
    Row,
    Standing,
    outline,
    outline_of,
    posted,
    standing,
)
from availability.hours.plans import Plan
from availability.hours.reading import pattern_of
from availability.hours.timetable import DAY
from availability.hours.words import (
    days_words,
    done_words,
    extra_words,
    part_words,
    pattern_words,
    repeat_words,
    weekday_words,
)
from availability.words import span_words
from hms.lib.clock import local
from hms.lib.texts import isolated
from users.models import Clinic, DoctorProfile, User

BOOKED_NAMED = 20


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


class StaffForm(RefusedForm):
    """The doctors' own form with the doctor to choose; it asks the rules before it is saved."""

    staff: User  # who asks; the admin sets it
    is_confirmed = False  # the admin says when
    instance: Any
    fill: Any  # the doctors' own form has it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "doctor" in self.fields:
            self.fields["doctor"].disabled = True

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self.refuse(SlotError(self.refusals()))
        return data

    def is_valid(self) -> bool:
        """Without fault, and confirmed: the admin saves nothing that was not shown before."""
        return super().is_valid() and self.is_confirmed

    def draft(self) -> Any:
        """The row as it would be saved."""
        row = self.fill(copy(self.instance))
        if "doctor" in self.cleaned_data:
            row.doctor = self.cleaned_data["doctor"]
        return row

    def refusals(self) -> dict[str, list[str]]:
        raise NotImplementedError


class WeeklyHoursAdminForm(StaffForm, WeeklyHoursForm, forms.ModelForm):
    class Meta:
        model = WeeklyHours
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: WeeklyHours | None = None, **kwargs: Any) -> None:
        super().__init__(*args, hours=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        now = timezone.now()
        return rules.weekly_refusals(row.doctor, row, self.intervals, by=self.staff, now=now)


class ExtraHoursAdminForm(StaffForm, ExtraHoursForm, forms.ModelForm):
    class Meta:
        model = ExtraHours
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: ExtraHours | None = None, **kwargs: Any) -> None:
        super().__init__(*args, hours=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        return rules.extra_refusals(row.doctor, row, by=self.staff, now=timezone.now())


class TimeOffAdminForm(StaffForm, TimeOffForm, forms.ModelForm):
    class Meta:
        model = TimeOff
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: TimeOff | None = None, **kwargs: Any) -> None:
        super().__init__(*args, time_off=instance, instance=instance, **kwargs)

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        return rules.time_off_refusals(row.doctor, row, by=self.staff, now=timezone.now())


class ClosureAdminForm(StaffForm, ClosureForm, forms.ModelForm):
    class Meta:
        model = Closure
        fields = ["clinic", "name"]

    def __init__(self, *args: Any, instance: Closure | None = None, **kwargs: Any) -> None:
        super().__init__(*args, closure=instance, instance=instance, **kwargs)

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        return rules.closure_refusals(row, by=self.staff, now=timezone.now())


@dataclass(frozen=True)
class Preview:
    """What saving a form would do."""

    about: str  # what is saved
    outline: Outline
    note: str = ""


class ByRules(admin.ModelAdmin):
    """Shows what a change would do; saves and deletes through the actions, and says what became
    of the slots."""

    change_form_template = "admin/availability/change_form.html"
    actions = None  # deleting many at once would ask nobody
    list_per_page = 50
    show_full_result_count = False

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.staff = _staff(request)
        form.is_confirmed = SAVE in request.POST
        return form

    def preview(self, form: Any) -> Preview:
        """What saving this form, which is without fault, would do."""
        raise NotImplementedError

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form; or what it would do, whichever of its buttons was pressed."""
        form = context["adminform"].form
        if form.is_bound and not form.errors and BACK not in request.POST:
            context = {**context, "preview": self.preview(form), "posted": posted(request)}
        return super().render_change_form(request, context, *args, **kwargs)

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
        self.warn(request, standing(plan, plan.booked))

    def warn(self, request: HttpRequest, booked: Standing) -> None:
        """Names the booked visits that stay although somebody is away then."""
        if not booked.count:
            return
        words = ngettext(
            "%(n)s booked visit stands in the way and stays:",
            "%(n)s booked visits stand in the way and stay:",
            booked.count,
        ) % {"n": booked.count}
        visits = format_html_join(", ", "{}", ((_link(row),) for row in booked.rows[:BOOKED_NAMED]))
        more = "…" if booked.count > BOOKED_NAMED else ""
        self.message_user(request, format_html("{} {}{}", words, visits, more), messages.WARNING)


def _link(row: Row) -> SafeString:
    """To the visit that the row's slot is booked for."""
    url = reverse("admin:bookings_booking_changelist") + f"?q={row.conflict.slot.reference}"
    when = span_words(*row.conflict.slot.span, row.clinic.time_zone)
    link = format_html('<a href="{}">{}</a>', url, when)
    return format_html("{} ({})", link, isolated(str(row.doctor))) if row.doctor else link


def _preview(doctor: DoctorProfile, words: list[str], plan: Plan) -> Preview:
    about = str(_(", ")).join(word for word in words if word)
    return Preview(f"{isolated(str(doctor))}: {about}", outline(plan))


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

    def preview(self, form: WeeklyHoursAdminForm) -> Preview:
        row, intervals = form.draft(), form.intervals
        plan = actions.preview_weekly_hours(hours=row, intervals=intervals, by=form.staff)
        words = pattern_words(pattern_of(row, intervals))
        return _preview(row.doctor, [words, isolated(str(row.clinic))], plan)

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

    def preview(self, form: ExtraHoursAdminForm) -> Preview:
        row = form.draft()
        plan = actions.preview_extra_hours(hours=row, by=form.staff)
        return _preview(row.doctor, [extra_words(row), isolated(str(row.clinic))], plan)

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

    def preview(self, form: TimeOffAdminForm) -> Preview:
        row = form.draft()
        plan = actions.preview_time_off(time_off=row, by=form.staff)
        return _preview(row.doctor, [days_words(row), repeat_words(row)], plan)

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
        booked = outline_of(closing([closure], closure.clinic)).booked
        if not booked.count:
            return str(_("none"))
        visits = format_html_join("", "<li>{}</li>", ((_link(row),) for row in booked.rows))
        more = format_html("<li>…</li>") if booked.more else ""
        return format_html("<ul>{}{}</ul>", visits, more)

    def preview(self, form: ClosureAdminForm) -> Preview:
        row = form.draft()
        found = actions.preview_closure(closure=row, by=form.staff)
        again = _("Where the clinic is no longer closed, the doctors’ hours hold again.")
        about = f"{isolated(str(row))}: {days_words(row)}"
        return Preview(about, outline_of(found), str(again) if row.pk else "")

    def save_model(
        self, request: HttpRequest, obj: Closure, form: ClosureAdminForm, change: bool
    ) -> None:
        actions.save_closure(closure=form.fill(obj), by=_staff(request))
        self.warn(request, outline_of(closing([obj], obj.clinic)).booked)

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
            clinic = choice["clinic"]
            wanted = [
                (day.day, day.name) for day in days if str(day.day) in request.POST.getlist("day")
            ]
            made = actions.close_on(clinic=clinic, days=wanted, by=_staff(request))
            closed = ngettext("%(n)s day is added.", "%(n)s days are added.", made) % {"n": made}
            self.message_user(request, closed)
            rows = [Closure(clinic=clinic, starts_on=day, ends_on=day) for day, _name in wanted]
            self.warn(request, outline_of(closing(rows, clinic)).booked)
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
