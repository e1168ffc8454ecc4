from django.apps import AppConfig


class CalendarIntegrationConfig(AppConfig):
    name = "calendar_integration"
