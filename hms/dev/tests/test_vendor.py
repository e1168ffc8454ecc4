"""Vendored files match their manifest, and only the pinned archives are accepted."""

import io
import json
import tarfile

import pytest

from hms.dev.checks import vendor
from hms.dev.layout import SetupProblem

ICON = '<!-- by -->\n<svg\n  width="24"\n>\n  <path d="M1 1" />\n</svg>\n'


def test_every_vendored_file_matches_the_manifest():
    # If this fails after a change of icons, add the icon to static/vendor/vendor.json and run
    # `python -m hms.dev.checks.vendor`.
    assert vendor.problems() == []


def test_every_package_has_a_version_a_licence_and_checksums():
    for package in vendor.read_manifest():
        assert package.version
        assert package.licence
        assert package.integrity.startswith("sha512-")
        assert package.licence_file in package.copies
        assert sorted(package.sha256) == sorted(package.files)


def archive_of(files, *, name="ink", version="1.0.0", licence="MIT"):
    about = {"name": name, "version": version, "license": licence}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as members:
        for path, text in {"package.json": json.dumps(about), **files}.items():
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(text.encode())
            members.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


FILES = {"LICENSE": "be kind", "ink.js": "ink()", "icons/pencil.svg": ICON}


def ink(archive, **changes):
    return vendor.Package(
        **{
            "name": "ink",
            "version": "1.0.0",
            "licence": "MIT",
            "licence_file": "lib/LICENSE",
            "integrity": vendor.integrity_of(archive),
            "copies": {"lib/LICENSE": "LICENSE", "lib/ink.js": "ink.js"},
            "sprites": {"lib/icons.svg": {"edit": "pencil"}},
            **changes,
        }
    )


def test_contents_are_the_listed_files_and_the_sprite():
    archive = archive_of(FILES)
    assert vendor.contents(ink(archive), archive) == {
        "lib/LICENSE": b"be kind",
        "lib/ink.js": b"ink()",
        "lib/icons.svg": (
            b'<svg xmlns="http://www.w3.org/2000/svg">\n'
            b'  <symbol id="edit" viewBox="0 0 24 24"><path d="M1 1"/></symbol>\n'
            b"</svg>\n"
        ),
    }


def test_an_archive_with_another_checksum_is_refused():
    archive = archive_of(FILES)
    with pytest.raises(SetupProblem, match="not the pinned archive"):
        vendor.contents(ink(archive), archive_of({**FILES, "ink.js": "evil()"}))


@pytest.mark.parametrize("changes", [{"name": "oil"}, {"version": "1.0.1"}, {"licence": "EVIL"}])
def test_an_archive_of_another_package_is_refused(changes):
    archive = archive_of(FILES, **changes)
    with pytest.raises(SetupProblem, match="contains"):
        vendor.contents(ink(archive), archive)


def test_a_package_without_the_listed_file_is_refused():
    archive = archive_of({"LICENSE": "be kind"})
    with pytest.raises(SetupProblem, match=r"has no file ink\.js"):
        vendor.contents(ink(archive), archive)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one vendored package that matches its manifest."""
    archive = archive_of(FILES)
    (tmp_path / vendor.MANIFEST).parent.mkdir(parents=True)
    package = ink(archive)
    monkeypatch.setattr(vendor, "fetch", lambda package, folder: archive)
    vendor.update_files(package, tmp_path)
    (tmp_path / "lib/README.md").write_text("`ink`, version 1.0.0.\n")
    vendor.write_manifest([package], tmp_path)
    return tmp_path


def test_a_matching_project_has_no_problems(project):
    assert vendor.problems(project) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda project: (project / "lib/ink.js").write_text("ink(2)"), "differs from"),
        (lambda project: (project / "lib/ink.js").unlink(), "is missing"),
        (lambda project: (project / "lib/LICENSE").unlink(), "is missing"),
        (lambda project: (project / "lib/README.md").unlink(), "does not name it"),
        (lambda project: (project / "lib/README.md").write_text("ink 0.9"), "does not name it"),
        (lambda project: (project / "static/vendor/more.js").write_text("?"), "in no package"),
    ],
)
def test_a_problem_is_found(project, damage, message):
    damage(project)
    found = vendor.problems(project)
    assert len(found) == 1
    assert message in found[0]


def test_pin_sets_the_version_and_accepts_only_its_archive(project):
    packages = vendor.read_manifest(project)
    pinned = vendor.pin(packages, "ink@2.0.0")
    with pytest.raises(SetupProblem, match="contains"):
        vendor.update_files(pinned, project, new_version=True)
    for release in ("ink", "oil@1.0.0", ""):
        with pytest.raises(SetupProblem, match="is not NAME@VERSION"):
            vendor.pin(packages, release)
