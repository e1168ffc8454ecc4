"""Stores the sizes of a photo in Django's storage, under names with one random key."""

import logging
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from users.photos.renditions import LARGE, SIDES, TYPES, Renditions

log = logging.getLogger(__name__)

FOLDER = "doctors"
KEY = re.compile(r"doctors/([0-9a-f]{32})-\d+\.\w+")
# Files are written before the row that names them, so younger ones may still get their row.
UPLOAD_TAKES_AT_MOST = timedelta(hours=1)
SWEPT_AT_ONCE = 1000


class PhotoStorageError(Exception):
    """The storage failed; its own error is in the log."""


def name_of(key: str, side: int = LARGE, kind: str = "webp") -> str:
    """The file's name in the storage; without side and kind the name that a doctor's row has."""
    return f"{FOLDER}/{key}-{side}.{kind}"


def key_in(name: str) -> str:
    """The key in a file's name; empty for a name that `name_of` has not made."""
    found = KEY.fullmatch(name)
    return found[1] if found else ""


def store(pictures: Renditions) -> str:
    """Store all sizes under a new key and return the key.

    Raises PhotoStorageError; then no size is stored.
    """
    # Nothing of the upload's name is used, and nobody can guess the key of another photo.
    key = secrets.token_hex(16)
    try:
        for (side, kind), content in pictures.items():
            name = name_of(key, side, kind)
            if default_storage.save(name, ContentFile(content)) != name:
                raise FileExistsError("the storage chose another name")
    except Exception as error:
        # Each storage raises its own classes of errors.
        log.exception("photo not stored")
        forget(key)
        raise PhotoStorageError from error
    return key


def read(key: str, side: int, kind: str) -> bytes:
    """The content of one file. Raises FileNotFoundError, or PhotoStorageError if storage fails."""
    try:
        with default_storage.open(name_of(key, side, kind), "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise
    except Exception as error:
        log.exception("photo not read")
        raise PhotoStorageError from error


def forget(key: str) -> None:
    """Remove all sizes. Files that the storage fails to remove are left for `sweep`."""
    _delete(name_of(key, side, kind) for side in SIDES for kind in TYPES)


def sweep(*, names_in_use: set[str]) -> int:
    """Remove old files that no row names, at most SWEPT_AT_ONCE. Returns how many."""
    keys = {key_in(name) for name in names_in_use}
    before = timezone.now() - UPLOAD_TAKES_AT_MOST
    orphans = []
    for name in _names():
        if name in names_in_use or (key_in(name) and key_in(name) in keys):
            continue
        if default_storage.get_modified_time(name) < before:
            orphans.append(name)
        if len(orphans) == SWEPT_AT_ONCE:
            break
    return _delete(orphans)


def _names() -> list[str]:
    try:
        _folders, files = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return []  # before the first photo
    return [str(PurePosixPath(FOLDER, file)) for file in files]


def _delete(names: Iterator[str] | list[str]) -> int:
    removed = 0
    for name in names:
        try:
            default_storage.delete(name)
            removed += 1
        except Exception:
            # One file that can't be removed must not stop the others from being removed.
            log.exception("photo not removed")
    return removed
