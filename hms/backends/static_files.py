"""Static files for production: one hashed stylesheet, and compressed copies of all files."""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

ENTRY = "css/hms.css"
IMPORT = re.compile(r'@import url\("(?P<name>[^"]+)"\) layer\((?P<layer>[\w-]+)\);')
URL = re.compile(r'url\("(?P<name>[^":]+)"\)')
COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)

Found = dict[str, tuple[Storage, str]]


def joined(read: Callable[[str], str], entry: str = ENTRY) -> str:
    """The stylesheet `entry` with its imports inlined and its comments removed.

    `read` returns the text of a static file by its name. Raises ValueError for an import that is
    not written as `@import url("…") layer(…);`: it would remain, and cost every page a second
    round trip.
    """
    folder = posixpath.dirname(entry)

    def inline(match: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(folder, match["name"]))
        here = posixpath.dirname(name)

        def from_entry(url: re.Match[str]) -> str:
            target = posixpath.normpath(posixpath.join(here, url["name"]))
            return f'url("{posixpath.relpath(target, folder)}")'

        text = URL.sub(from_entry, COMMENT.sub("", read(name))).strip()
        return f"@layer {match['layer']} {{\n{text}\n}}"

    css = IMPORT.sub(inline, COMMENT.sub("", read(entry)))
    if "@import" in css:
        raise ValueError(f'{entry}: an import must read @import url("…") layer(…);')
    return css


class JoinedManifestStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's hashed and compressed files, after inlining the stylesheet's imports.

    File names do not change: a development server can serve the files in `static/` directly.
    """

    def post_process(
        self, paths: Found, dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str | None, bool | Exception]]:
        if ENTRY in paths and not dry_run:
            paths = {**paths, ENTRY: (self._joined_source(paths), ENTRY)}
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _joined_source(self, paths: Found) -> Storage:
        def read(name: str) -> str:
            storage, path = paths[name]
            with storage.open(path) as file:
                return file.read().decode()

        css = joined(read)
        source = InMemoryStorage()
        source.save(ENTRY, ContentFile(css))
        # Replace the unhashed copy too, for pages that link it without its hash.
        self.delete(ENTRY)
        self._save(ENTRY, ContentFile(css))
        return source
