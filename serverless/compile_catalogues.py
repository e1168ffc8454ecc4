"""Compile every locale/*/LC_MESSAGES/mail.po beside itself: python compile_catalogues.py

A small compiler of our own, because GNU gettext is not on every machine and the function may not
need anything outside the standard library. It knows msgid and msgstr; plural forms and contexts
are refused.
"""

import ast
import struct
from pathlib import Path

LOCALE_DIR = Path(__file__).parent / "locale"


def read(po: Path) -> dict[str, str]:
    """The texts of a catalogue by their English words; the header stands under ""."""
    texts: dict[str, dict[str, str]] = {}
    entry: dict[str, str] = {}
    field = ""
    for number, raw in enumerate(po.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        keyword, _space, rest = line.partition(" ")
        if keyword == "msgid":
            entry = {"msgid": "", "msgstr": ""}
        if keyword in {"msgid", "msgstr"}:
            field, line = keyword, rest
        elif not line.startswith('"'):
            raise SystemExit(f"{po}:{number}: {keyword} is not supported.")
        entry[field] += ast.literal_eval(line)
        texts[entry["msgid"]] = entry
    return {text["msgid"]: text["msgstr"] for text in texts.values() if text["msgstr"]}


def compiled(texts: dict[str, str]) -> bytes:
    """The same texts in the binary format that gettext reads."""
    pairs = sorted((key.encode(), value.encode()) for key, value in texts.items())
    count = len(pairs)
    header_size, index_size = 28, 8 * count
    position = header_size + 2 * index_size
    indexes, strings = b"", b""
    for side in (0, 1):
        for pair in pairs:
            indexes += struct.pack("<II", len(pair[side]), position + len(strings))
            strings += pair[side] + b"\0"
    start = struct.pack(
        "<7I", 0x950412DE, 0, count, header_size, header_size + index_size, 0, position
    )
    return start + indexes + strings


def main() -> None:
    for po in sorted(LOCALE_DIR.glob("*/LC_MESSAGES/mail.po")):
        po.with_suffix(".mo").write_bytes(compiled(read(po)))


if __name__ == "__main__":
    main()
