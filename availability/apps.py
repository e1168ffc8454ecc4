from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AvailabilityConfig(AppConfig):
    name = "availability"
    verbose_name = _("slots")

    def ready(self) -> None:
        from availability.finding import left_behind
        from availability.hours import actions
        from users.people import hooks

        hooks.doctor_changed.connect(actions.publish_later)
        hooks.left_behind.connect(left_behind.sentences)
