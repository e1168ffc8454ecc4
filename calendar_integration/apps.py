import logging

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CalendarIntegrationConfig(AppConfig):
    name = "calendar_integration"
    verbose_name = _("Calendars")

    def ready(self) -> None:
        from calendar_integration import checks  # noqa: F401

        # At level DEBUG these two log codes, verifiers and tokens.
        for name in ("requests_oauthlib", "oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
