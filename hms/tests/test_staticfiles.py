"""The static files: one stylesheet, in development and after collectstatic."""

import re
import shutil
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finder
from django.core.management import call_command

from hms.backends.static_files import ENTRY, JoinedManifestStaticFilesStorage, joined

STATIC = Path(__file__).parents[2] / "static"
# Linked only in Django's admin, beside the admin's own stylesheets.
ADMIN_ONLY = {"admin.css", "admin-desk.css"}


def test_joined_puts_an_import_in_its_layer_and_adapts_its_paths():
    files = {
        "css/hms.css": '@layer base;\n@import url("components/chip.css") layer(components);\n',
        "css/components/chip.css": '/* why */\n.chip { mask: url("../../img/chip.svg") }\n',
    }
    assert joined(files.__getitem__) == (
        '@layer base;\n@layer components {\n.chip { mask: url("../img/chip.svg") }\n}\n'
    )


@pytest.mark.parametrize("line", ['@import "chip.css";', "@import url(chip.css) layer(base);"])
def test_joined_refuses_an_import_that_it_can_not_inline(line):
    with pytest.raises(ValueError, match="an import must read"):
        joined({"css/hms.css": line, "css/chip.css": ""}.__getitem__)


def test_every_stylesheet_is_imported_once():
    imports = re.findall(r'@import url\("([^"]+)"\)', (STATIC / ENTRY).read_text())
    files = {str(path.relative_to(STATIC / "css")) for path in (STATIC / "css").rglob("*.css")}
    assert sorted(imports) == sorted(files - {"hms.css"} - ADMIN_ONLY)


def test_stylesheets_load_nothing_from_other_sites():
    assert [p.name for p in (STATIC / "css").rglob("*.css") if "//" in p.read_text()] == []


def test_colours_are_only_in_the_tokens():
    files = [
        path
        for path in (STATIC / "css").rglob("*.css")
        if path.name not in {"tokens.css"} | ADMIN_ONLY
    ]
    one = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)\(")
    assert {path.name: one.findall(path.read_text()) for path in files} == {
        path.name: [] for path in files
    }


# A small site: compressing all of our files and the admin's takes ten seconds.
SMALL = {
    "css/hms.css": '@layer components;\n@import url("components/chip.css") layer(components);\n',
    "css/components/chip.css": '.chip { mask: url("../../img/chip.svg") }\n' * 40,
    "img/chip.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n' * 40,
    "js/hms.js": "// nothing\n" * 40,
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def collect(tmp_path, settings):
    """Runs collectstatic over the given folders, earlier ones first; earlier output remains."""
    settings.STATIC_ROOT = str(tmp_path / "collected")
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "hms.backends.static_files.JoinedManifestStaticFilesStorage"},
    }

    def collect(*folders: Path) -> JoinedManifestStaticFilesStorage:
        settings.STATICFILES_DIRS = folders
        # Django caches the finders.
        get_finder.cache_clear()
        call_command("collectstatic", interactive=False, verbosity=0)
        return JoinedManifestStaticFilesStorage(location=settings.STATIC_ROOT)

    yield collect
    get_finder.cache_clear()


def test_collectstatic_writes_one_hashed_compressed_stylesheet(collect, tmp_path):
    ours = tmp_path / "ours"
    for part in ("css", "fonts", "img"):
        shutil.copytree(STATIC / part, ours / part)
    storage = collect(ours)
    name, collected = storage.stored_name(ENTRY), Path(storage.location)
    css = (collected / name).read_text()
    assert (name != ENTRY, "@import" in css, "@layer pages {" in css) == (True, False, True)
    assert (collected / f"{name}.gz").exists()
    assert (collected / f"{name}.br").exists()
    for font in re.findall(r'url\("\.\./(fonts/[^"]+)"\)', css):
        assert re.fullmatch(r"fonts/outfit-[a-z-]+\.[0-9a-f]{12}\.woff2", font)
        assert (collected / font).exists()


def test_collectstatic_twice_changes_nothing(collect, tmp_path):
    source = write(tmp_path / "source", SMALL)
    manifest = Path(collect(source).location) / "staticfiles.json"
    before = manifest.read_text()
    collect(source)
    assert manifest.read_text() == before


def test_a_changed_component_changes_the_stylesheets_name(collect, tmp_path):
    source = write(tmp_path / "source", SMALL)
    first = collect(source).stored_name(ENTRY)
    changed = write(tmp_path / "changed", {"css/components/chip.css": ".chip { gap: 0 }"})
    assert collect(changed, source).stored_name(ENTRY) != first
