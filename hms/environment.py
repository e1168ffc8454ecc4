"""Settings read from the environment, refused with one sentence when missing or misspelt."""

import os
from base64 import b64decode
from binascii import Error as Base64Error
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

load_dotenv(os.environ.get("HMS_ENV_FILE") or Path(__file__).resolve().parent.parent / ".env")


def text(name: str, default: str | None = None) -> str:
    """The variable's value; an empty one counts as not set."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"Set {name}; .env.example lists every setting.")
    return value


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def boolean(name: str, default: bool) -> bool:
    return choice(name, ("True", "False"), str(default)) == "True"


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be a whole number from {least} up."
        )
    return int(value)


def words(name: str, default: str | None = None) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, default: str | None = None) -> str:
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be an address such as https://clinic.example."
        )
    return value


def secret(name: str) -> str:
    value = text(name)
    if len(value) < 32 or len(set(value)) < 8:
        raise ImproperlyConfigured(
            f"{name} is too easy to guess; use at least 32 random characters."
        )
    return value


def signing_keys(name: str) -> list[str]:
    keys = words(name)
    if any(len(key) < 32 for key in keys):
        raise ImproperlyConfigured(f"{name} must list keys of at least 32 characters each.")
    return keys


def encryption_keys(name: str) -> dict[str, bytes]:
    """`id:base64` pairs as {id: 32 bytes}, in the order given; the first one encrypts."""
    keys = {}
    for pair in words(name):
        key_id, _, encoded = pair.partition(":")
        try:
            key = b64decode(encoded, validate=True)
        except Base64Error:
            key = b""
        if not key_id.isalnum() or len(key) != 32:
            raise ImproperlyConfigured(
                f"{name} must list pairs id:key, each key 32 bytes in base64; see .env.example."
            )
        keys[key_id] = key
    return keys


def database() -> dict[str, str]:
    """Django's NAME, USER, PASSWORD, HOST, PORT and sslmode from DATABASE_URL or the DB_ names."""
    address = text("DATABASE_URL", "")
    if not address:
        return {
            "NAME": text("DB_NAME"),
            "USER": text("DB_USER"),
            "PASSWORD": text("DB_PASSWORD", ""),
            "HOST": text("DB_HOST"),
            "PORT": text("DB_PORT", "5432"),
        }
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(address).items()}
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name."
        ) from error
    return {
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        **parts,
    }
