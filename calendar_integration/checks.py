"""System checks of the settings for Google."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from calendar_integration.google import client

NEEDED = ("client_id", "client_secret", "auth_uri", "token_uri")


@register
def google_endpoints(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """The client secrets are complete, and secrets go to other machines only over https."""
    if settings.GOOGLE_CLIENT_CONFIG is None:
        return []
    config = client.client_config() if isinstance(settings.GOOGLE_CLIENT_CONFIG, dict) else {}
    missing = [name for name in NEEDED if not config.get(name)]
    if missing:
        return [
            Error(
                f"Google's client secrets lack {', '.join(missing)}.",
                hint="Use the JSON of an OAuth client of type “Web application”, unchanged.",
                id="calendar_integration.E001",
            )
        ]
    addresses = {
        "auth_uri": config["auth_uri"],
        "token_uri": config["token_uri"],
        "GOOGLE_API_BASE": settings.GOOGLE_API_BASE,
        "GOOGLE_REVOKE_URL": settings.GOOGLE_REVOKE_URL,
    }
    return [
        Error(
            f"{name} must be https, or on this machine.",
            hint="HMS sends tokens of users' Google accounts there.",
            id="calendar_integration.E002",
        )
        for name, address in addresses.items()
        if not _is_safe(address)
    ]


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in client.LOOPBACK)
