"""Django's admin site with our own first page: what needs attention, clinic performance, and all
lists in the order in which the staff need them."""

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.figures.forms import FiguresForm
from bookings.figures.tables import FIGURES, Ask, as_rows, on_page
from hms.desk.waiting import waiting_for
from hms.lib.clock import place_of
from hms.lib.csv_file import csv_response
from users.models import User

# In the order in which staff need them during a day; a list not named here comes last.
GROUPS = (
    (
        _("Appointments"),
        (
            *("Booking", "Call", "TimeSlot", "PatientProfile"),
            *("WeeklyHours", "ExtraHours", "TimeOff", "Closure"),
        ),
    ),
    (_("People and places"), ("DoctorProfile", "Clinic", "Specialty", "User", "Group")),
    (
        _("Messages and jobs"),
        ("Email", "CalendarEvent", "GoogleAccount", "Revocation", "ProcrastinateJob"),
    ),
)
# An action submits one form field for each selected row, and a form may have at most
# DATA_UPLOAD_MAX_NUMBER_FIELDS.
ROWS_ON_A_PAGE = 50
ORDER = [name for _title, names in GROUPS for name in names]


class DeskSite(AdminSite):
    site_title = site_header = "HMS"
    index_title = _("Desk")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        rows = {"list_per_page": ROWS_ON_A_PAGE, "list_max_show_all": ROWS_ON_A_PAGE}
        # Counting the whole table for each search takes longer than the search itself.
        rows["show_full_result_count"] = False
        super().register(model_or_iterable, admin_class, **rows | options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Apps and their lists in ORDER instead of alphabetically."""
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=_position)
            if app["app_label"] == "procrastinate":
                # Staff don't know the library's name.
                app["name"] = app["models"][0]["name"] = _("jobs")
        return sorted(apps, key=lambda app: min(_position(model) for model in app["models"]))

    def _groups(self, request: HttpRequest) -> list[tuple[str | Promise, list[Any]]]:
        """The lists that the user may open, by GROUPS; lists not in GROUPS join the last group."""
        models = [model for app in self.get_app_list(request) for model in app["models"]]
        last = GROUPS[-1][0]
        found: dict[str | Promise, list[Any]] = {title: [] for title, _names in GROUPS}
        for model in sorted(models, key=_position):
            titles = [title for title, names in GROUPS if model["object_name"] in names]
            found[titles[0] if titles else last].append(model)
        return [(title, lists) for title, lists in found.items() if lists]

    def get_urls(self) -> list[URLPattern | URLResolver]:
        view = self.admin_view(self.figure_csv)
        return [path("figures/<slug:slug>.csv", view, name="figure_csv"), *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        assert isinstance(request.user, User)  # checked by admin_view
        context = {
            "waiting": waiting_for(request.user),
            "groups": self._groups(request),
            **(extra_context or {}),
        }
        if _may_see_figures(request):
            context |= _figures(request)
        return super().index(request, context)

    def figure_csv(self, request: HttpRequest, slug: str) -> StreamingHttpResponse:
        """One figure with all its rows as a CSV file."""
        if not _may_see_figures(request):
            raise PermissionDenied
        figure = next((figure for figure in FIGURES if figure.slug == slug), None)
        if figure is None:
            raise Http404
        form = FiguresForm(request.GET)
        if not form.is_valid():
            raise BadRequest("invalid days or clinic")
        ask = _ask(request, form)
        clinic = f"_clinic-{ask.scope.clinic_id}" if ask.scope.clinic_id else ""
        days = ask.scope.days
        return csv_response(as_rows(figure, ask), f"{slug}_{days.first}_{days.last}{clinic}.csv")


def _position(model: dict[str, Any]) -> int:
    name = model["object_name"]
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _may_see_figures(request: HttpRequest) -> bool:
    return request.user.has_perm("bookings.view_booking")


def _figures(request: HttpRequest) -> dict[str, Any]:
    """The form and, if it is valid, all figures."""
    form = FiguresForm(request.GET)
    if not form.is_valid():
        return {"form": form}
    ask = _ask(request, form)
    one_zone = ask.scope.clinic_id or len(form.zones) == 1
    return {
        "form": form,
        "figures": on_page(ask),
        "days": ask.scope.days.words(),
        "zone": place_of(ask.scope.zone) if one_zone else "",
    }


def _ask(request: HttpRequest, form: FiguresForm) -> Ask:
    def may(model: str) -> bool:
        app, name = model.split(".")
        return any(request.user.has_perm(f"{app}.{act}_{name}") for act in ("view", "change"))

    return Ask(form.scope(), may)
