"""The settings. Read from the environment on each call: a missing one is an error answer."""

import os
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import urlsplit

from answers import not_configured

SHORTEST_KEY = 32
_SENDER_WRONG = "MAIL_FROM must be one address, for example HMS <no-reply@hms.example>."


@dataclass(frozen=True)
class Smtp:
    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Settings:
    smtp: Smtp
    sender: Address
    domain: str
    link_prefix: str


def signing_keys() -> list[bytes]:
    """The secrets with which a call may be signed, newest first."""
    keys = [key.strip() for key in os.environ.get("EMAIL_SIGNING_KEYS", "").split(",")]
    keys = [key for key in keys if key]
    if not keys or any(len(key) < SHORTEST_KEY for key in keys):
        raise not_configured(
            f"EMAIL_SIGNING_KEYS must hold secrets of at least {SHORTEST_KEY} characters."
        )
    return [key.encode() for key in keys]


def load() -> Settings:
    """All settings but the keys. Raises ErrorAnswer if one is missing or wrong."""
    return Settings(smtp=_smtp(), sender=_sender(), domain=_domain(), link_prefix=_link_prefix())


def _smtp() -> Smtp:
    port = _required("SMTP_PORT")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise not_configured("SMTP_PORT must be a port number.")
    return Smtp(
        host=_required("SMTP_HOST"),
        port=int(port),
        user=os.environ.get("SMTP_USER", ""),
        password=os.environ.get("SMTP_PASS", ""),
    )


def _sender() -> Address:
    value = _required("MAIL_FROM")
    name, spec = parseaddr(value)
    try:
        sender = Address(display_name=name, addr_spec=spec)
    except (ValueError, IndexError, HeaderParseError):
        raise not_configured(_SENDER_WRONG) from None
    whole = sender.username and sender.domain and sender.addr_spec.isascii()
    if not whole or not value.isprintable():
        raise not_configured(_SENDER_WRONG)
    return sender


def _domain() -> str:
    domain = _required("MAIL_DOMAIN")
    if not all(character.isalnum() or character in "-." for character in domain):
        raise not_configured("MAIL_DOMAIN must be a plain domain name.")
    return domain


def _link_prefix() -> str:
    prefix = _required("ALLOWED_LINK_PREFIX")
    parts = urlsplit(prefix)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise not_configured("ALLOWED_LINK_PREFIX must be the site's address with http or https.")
    # Without the slash, https://site.example would also allow https://site.example.evil.test.
    return prefix if prefix.endswith("/") else prefix + "/"


def _required(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise not_configured(f"{name} is not set.")
    return value
