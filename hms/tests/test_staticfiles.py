"""One stylesheet leaves the house, whether it is served as it lies or collected."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command

from hms.staticfiles import ENTRY, JoinedManifestStaticFilesStorage, joined

STATIC = Path(__file__).parents[2] / "static"
# Linked by Django's admin alone, beside the admin's own stylesheets.
APART = "admin.css"


def test_joined_puts_an_import_in_its_layer_and_mends_its_paths():
    files = {
        "css/hms.css": '@layer base;\n@import url("components/chip.css") layer(components);\n',
        "css/components/chip.css": '/* why */\n.chip { mask: url("../../img/chip.svg") }\n',
    }
    assert joined(files.__getitem__) == (
        '@layer base;\n@layer components {\n.chip { mask: url("../img/chip.svg") }\n}\n'
    )


@pytest.mark.parametrize("line", ['@import "chip.css";', "@import url(chip.css) layer(base);"])
def test_joined_refuses_an_import_that_would_be_left_in(line):
    with pytest.raises(ValueError, match="an import must read"):
        joined({"css/hms.css": line, "css/chip.css": ""}.__getitem__)


def test_every_stylesheet_is_in_the_order_once():
    imports = re.findall(r'@import url\("([^"]+)"\)', (STATIC / ENTRY).read_text())
    files = {str(path.relative_to(STATIC / "css")) for path in (STATIC / "css").rglob("*.css")}
    assert sorted(imports) == sorted(files - {"hms.css", APART})


def test_nothing_is_loaded_from_elsewhere():
    assert [p.name for p in (STATIC / "css").rglob("*.css") if "//" in p.read_text()] == []


def test_no_colour_stands_outside_the_tokens():
    files = [
        path for path in (STATIC / "css").rglob("*.css") if path.name not in {"tokens.css", APART}
    ]
    one = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)\(")
    assert {path.name: one.findall(path.read_text()) for path in files} == {
        path.name: [] for path in files
    }


@pytest.fixture
def collected(tmp_path, settings):
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "hms.staticfiles.JoinedManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_collectstatic_leaves_one_hashed_compressed_stylesheet(collected):
    storage = JoinedManifestStaticFilesStorage(location=collected)
    name = storage.stored_name(ENTRY)
    css = (collected / name).read_text()
    assert (name != ENTRY, "@import" in css, "@layer pages {" in css) == (True, False, True)
    assert (collected / f"{name}.gz").exists()
    for font in re.findall(r'url\("\.\./(fonts/[^"]+)"\)', css):
        assert re.fullmatch(r"fonts/outfit-[a-z-]+\.[0-9a-f]{12}\.woff2", font)
        assert (collected / font).exists()


def test_collectstatic_twice_changes_nothing(collected):
    before = (collected / "staticfiles.json").read_text()
    call_command("collectstatic", interactive=False, verbosity=0)
    assert (collected / "staticfiles.json").read_text() == before


def test_a_changed_component_changes_the_stylesheets_name(collected, tmp_path, settings):
    changed = tmp_path / "source"
    (changed / "css/components").mkdir(parents=True)
    (changed / "css/components/chip.css").write_text(".chip { gap: 0 }")
    first = JoinedManifestStaticFilesStorage(location=collected).stored_name(ENTRY)
    settings.STATICFILES_DIRS = [changed, *settings.STATICFILES_DIRS]
    call_command("collectstatic", interactive=False, verbosity=0)
    assert JoinedManifestStaticFilesStorage(location=collected).stored_name(ENTRY) != first
