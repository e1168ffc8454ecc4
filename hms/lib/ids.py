"""Identifiers that we make."""

import secrets
import uuid

# Crockford's base 32: no I, L, O, U, so that a reference can be read out on the phone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 8


def new_reference() -> str:
    """Eight characters, 40 random bits: short enough to read out, too many to guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(REFERENCE_LENGTH))


def new_event_id() -> str:
    """Fits Google's event ids (a-v and 0-9, 5 to 1024 characters)."""
    return uuid.uuid4().hex
