from hms.lib.ids import ALPHABET, REFERENCE_LENGTH


class ReferenceConverter:
    """A booking's reference in a URL; anything else is not found."""

    regex = f"[{ALPHABET}]{{{REFERENCE_LENGTH}}}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
