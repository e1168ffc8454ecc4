"""AES-256-GCM for secrets that must be read again: tokens, codes, links (requirement M-58)."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


class DecryptionError(Exception):
    """The text was not encrypted with one of our keys for this row and field."""


def encrypt(text: str, *, aad: str) -> str:
    """`keyid.base64`. Only the same `aad` decrypts it: it names the row and field."""
    key_id, key = next(iter(settings.FIELD_ENCRYPTION_KEYS.items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), aad.encode())
    return f"{key_id}.{urlsafe_b64encode(sealed).decode()}"


def decrypt(token: str, *, aad: str) -> str:
    """The text that encrypt() was given. Raises DecryptionError."""
    key_id, _, encoded = token.partition(".")
    try:
        key = settings.FIELD_ENCRYPTION_KEYS[key_id]
        sealed = urlsafe_b64decode(encoded)
        plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad.encode())
    except (KeyError, ValueError, InvalidTag) as error:
        raise DecryptionError(f"cannot decrypt with key {key_id!r}") from error
    return plain.decode()


def is_current(token: str) -> bool:
    """Whether the current key encrypted it; if not, it must be encrypted again."""
    return token.partition(".")[0] == next(iter(settings.FIELD_ENCRYPTION_KEYS))
