"""Text that people typed, made fit for one line."""

# Not printable by themselves, but letters of Persian and of the Indic scripts need them.
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """The printable signs, with a single space wherever there was any white space or line end."""
    kept = (sign for sign in text if sign.isprintable() or sign.isspace() or sign in JOINERS)
    return " ".join("".join(kept).split())
