"""Staff keep doctors' hours and time off, and say when a clinic is closed, by the same rules."""

from dataclasses import dataclass
from datetime import date
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
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from availability.actions import SlotError
from availability.hours import actions
from availability.hours.admin_forms import (
    ClosureAdminForm,
    ExtraHoursAdminForm,
    TimeOffAdminForm,
    WeeklyHoursAdminForm,
)
from availability.hours.closures import closing, suggestions
from availability.hours.forms import ClosureForm, SuggestionsForm, TimeOffForm
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from availability.hours.pages import (
    BACK,
    SAVE,
    ConflictList,
    ConflictRow,
    Outline,
    outline,
    outline_of,
    outline_of_opening,
    posted,
    standing,
)
from availability.hours.plans import Plan
from availability.hours.reading import pattern_of, source_of
from availability.hours.timetable import DAY
from availability.hours.words import (
    days_words,
    done_words,
    extra_words,
    part_words,
    pattern_words,
    repeat_words,
    weekday_words,
    weekly_words,
)
from availability.slots.wording import span_words
from hms.lib.clock import local
from hms.lib.texts import isolated
from users.models import DoctorProfile, User

BOOKED_NAMED = 20


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


@dataclass(frozen=True)
class AdminPreview:
    """What saving a form, or deleting a row, would do."""

    about: str  # what is saved or deleted
    outline: Outline
    note: str = ""


class ByRules(admin.ModelAdmin):
    """Shows what a change would do; saves and deletes through the actions, and says what became
    of the slots."""

    change_form_template = "admin/availability/change_form.html"
    delete_confirmation_template = "admin/availability/delete_confirmation.html"
    delete_words: tuple[Promise, Promise]  # the title of that page, and its button
    actions = None  # deleting many at once would ask nobody
    list_per_page = 50

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.staff = _staff(request)
        form.is_confirmed = SAVE in request.POST
        return form

    def preview(self, form: Any) -> AdminPreview:
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
            messages.error(request, error.sentence)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except SlotError as error:
            messages.error(request, error.sentence)
            if request.method == "POST":
                return HttpResponseRedirect(request.get_full_path())
            # Not even to be asked about: to ask again would be refused again.
            return redirect(f"admin:availability_{self.opts.model_name}_change", object_id)

    def deletion(self, obj: Any, by: User) -> AdminPreview:
        """What deleting that row would do."""
        raise NotImplementedError

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """The question, and what a yes would do."""
        title, button = self.delete_words
        preview = self.deletion(context["object"], _staff(request))
        context |= {"title": title, "button": button, "preview": preview}
        return super().render_delete_form(request, context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        # Slots that hours made stay or go by the rules of publishing.
        return [str(row) for row in objs], {}, set(), []

    def tell(self, request: HttpRequest, plan: Plan) -> None:
        self.message_user(request, done_words(plan))
        self.warn(request, standing(plan, plan.booked))

    def warn(self, request: HttpRequest, booked: ConflictList) -> None:
        """Names the booked visits that stay although somebody is away then."""
        if not booked.count:
            return
        words = ngettext(
            "%(n)s booked appointment conflicts and stays booked:",
            "%(n)s booked appointments conflict and stay booked:",
            booked.count,
        ) % {"n": booked.count}
        visits = format_html_join(", ", "{}", ((_link(row),) for row in booked.rows[:BOOKED_NAMED]))
        more = "…" if booked.count > BOOKED_NAMED else ""
        self.message_user(request, format_html("{} {}{}", words, visits, more), messages.WARNING)


def _link(row: ConflictRow) -> SafeString:
    """To the visit that the row's slot is booked for."""
    url = reverse("admin:bookings_booking_changelist") + f"?q={row.conflict.slot.reference}"
    when = span_words(*row.conflict.slot.span, row.clinic.time_zone)
    link = format_html('<a href="{}">{}</a>', url, when)
    return format_html("{} ({})", link, isolated(str(row.doctor))) if row.doctor else link


def _preview(doctor: DoctorProfile, words: list[str], plan: Plan) -> AdminPreview:
    about = str(_(", ")).join(word for word in words if word)
    return AdminPreview(f"{isolated(str(doctor))}: {about}", outline(plan))


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
    delete_words = _("End weekly hours"), _("Stop repeating")
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

    def preview(self, form: WeeklyHoursAdminForm) -> AdminPreview:
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
            messages.warning(request, _("These hours have already ended."))
            return redirect("admin:availability_weeklyhours_change", hours.pk)
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: WeeklyHours) -> None:
        """They end at once; what they made before stays known."""
        plan = actions.end_weekly_hours(hours=obj, last_day=_yesterday(obj), by=_staff(request))
        self.tell(request, plan)

    def deletion(self, obj: WeeklyHours, by: User) -> AdminPreview:
        plan = actions.preview_end(hours=obj, last_day=_yesterday(obj), by=by)
        return _preview(obj.doctor, [weekly_words(obj), isolated(str(obj.clinic))], plan)


def _yesterday(hours: WeeklyHours) -> date:
    return local(timezone.now(), hours.clinic.time_zone).date() - DAY


def _has_ended(hours: WeeklyHours) -> bool:
    return hours.valid_until is not None and hours.valid_until <= _yesterday(hours)


@admin.register(ExtraHours)
class ExtraHoursAdmin(HoursAdmin):
    form = ExtraHoursAdminForm
    delete_words = _("Withdraw extra hours"), _("Withdraw these hours")
    list_display = ["when", "doctor", "clinic", "kind"]
    ordering = ["-day", "-pk"]
    fields = ("doctor", "clinic", "kind", "day", "starts", "ends", "length", "pause")

    @admin.display(description=_("when"), ordering="day")
    def when(self, hours: ExtraHours) -> str:
        return extra_words(hours)

    def preview(self, form: ExtraHoursAdminForm) -> AdminPreview:
        row = form.draft()
        plan = actions.preview_extra_hours(hours=row, by=form.staff)
        return _preview(row.doctor, [extra_words(row), isolated(str(row.clinic))], plan)

    def save_model(
        self, request: HttpRequest, obj: ExtraHours, form: ExtraHoursAdminForm, change: bool
    ) -> None:
        self.tell(request, actions.save_extra_hours(hours=form.fill(obj), by=_staff(request)))

    def delete_model(self, request: HttpRequest, obj: ExtraHours) -> None:
        self.tell(request, actions.withdraw_extra_hours(hours=obj, by=_staff(request)))

    def deletion(self, obj: ExtraHours, by: User) -> AdminPreview:
        plan = actions.preview(doctor=obj.doctor, without=source_of(obj))
        return _preview(obj.doctor, [extra_words(obj), isolated(str(obj.clinic))], plan)


@admin.register(TimeOff)
class TimeOffAdmin(ByRules):
    form = TimeOffAdminForm
    delete_words = _("Delete time off"), _("Delete this time off")
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

    def preview(self, form: TimeOffAdminForm) -> AdminPreview:
        row = form.draft()
        plan = actions.preview_time_off(time_off=row, by=form.staff)
        return _preview(row.doctor, [days_words(row), repeat_words(row)], plan)

    def save_model(
        self, request: HttpRequest, obj: TimeOff, form: TimeOffAdminForm, change: bool
    ) -> None:
        self.tell(request, actions.save_time_off(time_off=form.fill(obj), by=_staff(request)))

    def delete_model(self, request: HttpRequest, obj: TimeOff) -> None:
        self.tell(request, actions.delete_time_off(time_off=obj, by=_staff(request)))

    def deletion(self, obj: TimeOff, by: User) -> AdminPreview:
        plan = actions.preview(doctor=obj.doctor, without=source_of(obj))
        return _preview(obj.doctor, [days_words(obj), repeat_words(obj)], plan)


@admin.register(Closure)
class ClosureAdmin(ByRules):
    form = ClosureAdminForm
    delete_words = _("Delete a closure"), _("Open the clinic again")
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

    @admin.display(description=_("booked appointments then"))
    def booked(self, closure: Closure) -> SafeString | str:
        """They stay until somebody cancels them, who then tells the patient."""
        booked = outline_of(closing([closure], closure.clinic)).booked
        if not booked.count:
            return str(_("none"))
        visits = format_html_join("", "<li>{}</li>", ((_link(row),) for row in booked.rows))
        more = format_html("<li>…</li>") if booked.more else ""
        return format_html("<ul>{}{}</ul>", visits, more)

    def preview(self, form: ClosureAdminForm) -> AdminPreview:
        row = form.draft()
        found = actions.preview_closure(closure=row, by=form.staff)
        again = _("Where the clinic is no longer closed, the doctors’ hours apply again.")
        about = f"{isolated(str(row))}: {days_words(row)}"
        return AdminPreview(about, outline_of(found), str(again) if row.pk else "")

    def save_model(
        self, request: HttpRequest, obj: Closure, form: ClosureAdminForm, change: bool
    ) -> None:
        actions.save_closure(closure=form.fill(obj), by=_staff(request))
        self.warn(request, outline_of(closing([obj], obj.clinic)).booked)

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        actions.delete_closure(closure=obj, by=_staff(request))

    def deletion(self, obj: Closure, by: User) -> AdminPreview:
        found = actions.preview_opening(closure=obj, by=by)
        words = ngettext(
            "The hours of %(n)s more doctor apply again. Their slots are not counted here.",
            "The hours of %(n)s more doctors apply again. Their slots are not counted here.",
            found.not_counted,
        )
        note = words % {"n": found.not_counted} if found.not_counted else ""
        about = f"{isolated(str(obj))}: {days_words(obj)}"
        return AdminPreview(about, outline_of_opening(found), note)

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
