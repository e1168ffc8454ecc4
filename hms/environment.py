"""Reads settings from the environment.

Every function raises ImproperlyConfigured, with one sentence, for a missing or invalid value.
"""

import json
import os
import warnings
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

_INVALID_DATABASE_URL = "DATABASE_URL must look like postgresql://user:password@host:5432/name."

ENV_FILE = Path(os.environ.get("HMS_ENV_FILE") or Path(__file__).resolve().parent.parent / ".env")
load_dotenv(ENV_FILE)


def text(name: str, default: str | None = None) -> str:
    """The value of the variable. An empty value counts as missing; `default=None`: required."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"Set {name}; .env.example lists every setting.")
    return value


def renamed(name: str, *, old: str) -> str:
    """The variable to read: `old`, with a warning, where it is set and `name` is not."""
    if text(name, "") or not text(old, ""):
        return name
    warnings.warn(f"{old} is now called {name}; please rename it.", FutureWarning, stacklevel=2)
    return old


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def boolean(name: str, default: bool) -> bool:
    return choice(name, ("True", "False"), str(default)) == "True"


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be a whole number of at least {minimum}."
        )
    return int(value)


def comma_separated(name: str, default: str | None = None) -> list[str]:
    """The elements of a comma-separated list, without blanks and empty elements."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def url(name: str, default: str | None = None) -> str:
    """An http or https address, without a slash at its end. Empty only if the default is."""
    value = text(name, default).rstrip("/")
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be an address such as https://clinic.example."
        )
    return value


def site(name: str, default: str) -> str:
    """The origin of a website: lower case, without a path. The same spelling as in browsers."""
    value = url(name, default).lower()
    parts = urlsplit(value)
    if value != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be a site's address without a path, such as "
            "https://clinic.example."
        )
    return value


def json_object(name: str, value: str) -> dict[str, Any] | None:
    """The JSON object in the text `value`; None if it is empty. `name` is for the error."""
    try:
        found = json.loads(value) if value else None
    except json.JSONDecodeError:
        found = value
    if found is not None and not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name} must be the JSON of Google's console.")
    return found


def secret(name: str) -> str:
    value = text(name)
    if len(value) < 32 or len(set(value)) < 8:
        raise ImproperlyConfigured(
            f"{name} is too easy to guess; use at least 32 random characters."
        )
    return value


def signing_keys(name: str) -> list[str]:
    keys = comma_separated(name)
    if not keys or any(len(key) < 32 for key in keys):
        raise ImproperlyConfigured(f"{name} must list keys of at least 32 characters each.")
    return keys


def encryption_keys(name: str) -> dict[str, bytes]:
    """`id:base64` pairs as {id: 32 bytes}, in the given order. The first key encrypts."""
    keys: dict[str, bytes] = {}
    pairs = comma_separated(name)
    for pair in pairs:
        key_id, _, encoded = pair.partition(":")
        try:
            key = b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if key_id.isalnum() and len(key) == 32:
            keys[key_id] = key
    if not keys or len(keys) < len(pairs):
        raise ImproperlyConfigured(
            f"{name} must list pairs id:key, no id twice, each key 32 bytes in base64; "
            "see .env.example."
        )
    return keys


def media_storage() -> dict[str, Any]:
    """The STORAGES entry for doctors' photos: files in MEDIA_ROOT, or an S3 bucket."""
    bucket = text("MEDIA_S3_BUCKET", "")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if find_spec("storages") is None:
        raise ImproperlyConfigured("MEDIA_S3_BUCKET is set: install requirements-s3.txt as well.")
    options = {
        "bucket_name": bucket,
        "endpoint_url": url("MEDIA_S3_ENDPOINT", "") or None,
        "region_name": text("MEDIA_S3_REGION", "") or None,
        "location": text("MEDIA_S3_PREFIX", ""),
    }
    return {"BACKEND": "hms.backends.bucket.Bucket", "OPTIONS": options}


def database() -> dict[str, Any]:
    """Django's NAME, USER, PASSWORD, HOST and PORT from DATABASE_URL or the DB_ variables.

    OPTIONS holds the other parameters of DATABASE_URL, such as sslmode and sslrootcert.
    """
    address = text("DATABASE_URL", "")
    if not address:
        return {
            "NAME": text("DB_NAME"),
            "USER": text("DB_USER"),
            "PASSWORD": text("DB_PASSWORD", ""),
            "HOST": text("DB_HOST"),
            "PORT": str(integer("DB_PORT", 5432, minimum=1)),
            "OPTIONS": {},
        }
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(address).items()}
    except ProgrammingError as error:
        raise ImproperlyConfigured(_INVALID_DATABASE_URL) from error
    if not parts.get("dbname"):
        raise ImproperlyConfigured(_INVALID_DATABASE_URL)
    return {
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": parts,
    }
