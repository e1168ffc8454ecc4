"""AES-256-GCM for what must be readable again: tokens, codes, links (security requirement M-58)."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


class DecryptionError(Exception):
    """The text was not made by a key of ours for this place."""


def encrypt(text: str, *, aad: str) -> str:
    """`keyid.base64`, readable again only with the same `aad` (the row and field it belongs to)."""
    key_id, key = next(iter(settings.FIELD_ENCRYPTION_KEYS.items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), aad.encode())
    return f"{key_id}.{urlsafe_b64encode(sealed).decode()}"


def decrypt(token: str, *, aad: str) -> str:
    """The text behind encrypt()'s answer. Raises DecryptionError."""
    key_id, _, encoded = token.partition(".")
    try:
        key = settings.FIELD_ENCRYPTION_KEYS[key_id]
        sealed = urlsafe_b64decode(encoded)
        plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad.encode())
    except (KeyError, ValueError, InvalidTag) as error:
        raise DecryptionError(f"cannot decrypt with key {key_id!r}") from error
    return plain.decode()


def is_current(token: str) -> bool:
    """Whether the key that encrypts today made it; otherwise a rotation is owed."""
    return token.partition(".")[0] == next(iter(settings.FIELD_ENCRYPTION_KEYS))
