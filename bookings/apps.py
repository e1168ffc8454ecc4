from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = _("bookings")

    def ready(self) -> None:
        from bookings.job_names import MIRROR_UPCOMING
        from calendar_integration.hooks import calendar_connected
        from hms.lib.jobs import defer

        def mirror_upcoming(user_id: int) -> None:
            defer(MIRROR_UPCOMING, user_id=user_id)

        calendar_connected.connect(mirror_upcoming)
