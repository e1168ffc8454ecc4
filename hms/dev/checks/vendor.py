"""Fetch the vendored scripts, fonts and icons from npm, each at a pinned version.

    python -m hms.dev.checks.vendor              fetch every package and write its files
    python -m hms.dev.checks.vendor --check      compare the files with the manifest, offline
    python -m hms.dev.checks.vendor --pin NAME@VERSION    change one package's version first

The manifest `static/vendor/vendor.json` lists each package's name, version, licence and checksum,
and the path and checksum of each of its files. To add an icon, add its name here and its name in
Lucide under `sprites`, then run this without an argument.
"""

import argparse
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hms.dev.layout import ROOT, SetupProblem
from hms.dev.screen import print_line
from hms.dev.stack.install import installer_env, node_on_path
from hms.dev.stack.keys import write_atomically

MANIFEST = "static/vendor/vendor.json"
SVG = re.compile(r"<svg\b[^>]*>(?P<shapes>.*)</svg>", re.DOTALL)


@dataclass
class Package:
    """One npm package at one version, and the files that we use of it."""

    name: str
    version: str
    licence: str  # as its package.json names it
    licence_file: str  # one of `copies`
    integrity: str  # of the archive, as npm writes it
    copies: dict[str, str] = field(default_factory=dict)  # our file: the one in the package
    sprites: dict[str, dict[str, str]] = field(default_factory=dict)  # our file: {our name: theirs}
    sha256: dict[str, str] = field(default_factory=dict)  # of each of our files

    @property
    def files(self) -> list[str]:
        return [*self.copies, *self.sprites]


def read_manifest(root: Path = ROOT) -> list[Package]:
    return [Package(**entry) for entry in json.loads((root / MANIFEST).read_text("utf-8"))]


def write_manifest(packages: list[Package], root: Path = ROOT) -> None:
    entries = [{key: value for key, value in asdict(p).items() if value} for p in packages]
    text = json.dumps(entries, indent=2, ensure_ascii=False)
    write_atomically(root / MANIFEST, f"{text}\n", 0o644)


def problems(root: Path = ROOT) -> list[str]:
    """A sentence for each file, licence or README that does not match the manifest."""
    packages = read_manifest(root)
    found = [problem for package in packages for problem in _package_problems(package, root)]
    known = {MANIFEST, *(file for package in packages for file in package.files)}
    for path in sorted((root / MANIFEST).parent.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name not in known and path.name != "README.md":
            found.append(f"{name} is in no package of {MANIFEST}.")
    return found


def _package_problems(package: Package, root: Path) -> list[str]:
    label, found = f"{package.name} {package.version}", []
    for name in package.files:
        path = root / name
        if not path.is_file():
            found.append(f"{label}: {name} is missing.")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256.get(name):
            found.append(f"{label}: {name} differs from the manifest.")
    if package.licence_file not in package.copies:
        found.append(f"{label}: its licence is not one of its files.")
    for folder in {(root / name).parent for name in package.files}:
        note = folder / "README.md"
        if not note.is_file() or not {package.name, package.version} <= _words_of(note):
            found.append(f"{label}: {note.relative_to(root)} does not name it with its version.")
    return found


def _words_of(note: Path) -> set[str]:
    return {word.strip("`,.;:()") for word in note.read_text("utf-8").split()}


def fetch(package: Package, folder: Path) -> bytes:
    """Download the package's archive from npm. Raises SetupProblem if that fails."""
    node = node_on_path()
    if node is None:
        raise SetupProblem("Fetching vendored files needs Node 20.19 or newer, with npm.")
    release = f"{package.name}@{package.version}"
    command = (*node.npm, "pack", release, "--ignore-scripts", "--pack-destination", str(folder))
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=installer_env(node)
    )
    archives = list(folder.glob("*.tgz"))
    if ran.returncode or len(archives) != 1:
        reason = [line for line in ran.stderr.splitlines() if "error" in line]
        raise SetupProblem(f"npm could not download {release}. {'; '.join(reason[:2])}")
    return archives[0].read_bytes()


def integrity_of(archive: bytes) -> str:
    return f"sha512-{b64encode(hashlib.sha512(archive).digest()).decode()}"


def contents(package: Package, archive: bytes) -> dict[str, bytes]:
    """Our files of the package with their content.

    Raises SetupProblem if the archive is not the pinned one, or of another package or licence.
    """
    if integrity_of(archive) != package.integrity:
        raise SetupProblem(f"{package.name}@{package.version} is not the pinned archive.")
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        about = json.loads(_member(members, "package.json"))
        if (about["name"], about["version"], about["license"]) != (
            package.name,
            package.version,
            package.licence,
        ):
            raise SetupProblem(
                f"The archive of {package.name}@{package.version} contains "
                f"{about['name']}@{about['version']} under {about['license']}."
            )
        files = {ours: _member(members, theirs) for ours, theirs in package.copies.items()}
        for ours, icons in package.sprites.items():
            files[ours] = _sprite(
                {
                    name: _member(members, f"icons/{icon}.svg").decode()
                    for name, icon in icons.items()
                }
            )
    return files


def _member(members: tarfile.TarFile, name: str) -> bytes:
    # All files are in one folder, which is usually but not always named `package`.
    for member in members:
        if member.isfile() and member.name.partition("/")[2] == name:
            file = members.extractfile(member)
            assert file is not None
            return file.read()
    raise SetupProblem(f"The package has no file {name}.")


def _sprite(icons: dict[str, str]) -> bytes:
    """An SVG file with one symbol for each icon; the shapes are unchanged."""
    lines = ['<svg xmlns="http://www.w3.org/2000/svg">']
    for name, source in icons.items():
        drawn = SVG.search(source)
        if drawn is None:
            raise SetupProblem(f"The icon {name} is not an SVG in the format of Lucide.")
        shapes = re.sub(r"\s*\n\s*", "", drawn["shapes"]).replace(" />", "/>")
        lines.append(f'  <symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return "\n".join([*lines, "</svg>\n"]).encode()


def update_files(package: Package, root: Path = ROOT, *, new_version: bool = False) -> None:
    """Fetch the package and write its files.

    `new_version` accepts the archive and records its checksum; otherwise the archive must have
    the recorded one, or SetupProblem is raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = fetch(package, Path(folder))
    if new_version:
        package.integrity = integrity_of(archive)
    files = contents(package, archive)
    for name, data in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    package.sha256 = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hms.dev.checks.vendor", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="compare only, without the network")
    parser.add_argument("--pin", metavar="NAME@VERSION", help="change to this version")
    return parser.parse_args(arguments)


def pin(packages: list[Package], release: str) -> Package:
    """Set the version of the package in `release`, a NAME@VERSION, and return the package.

    Raises SetupProblem if the manifest has no such package.
    """
    name, _at, version = release.rpartition("@")
    for package in packages:
        if package.name == name and version:
            package.version = version
            return package
    raise SetupProblem(f"{release} is not NAME@VERSION of a package in {MANIFEST}.")


def main() -> int:
    options = parse(sys.argv[1:])
    if not options.check:
        packages = read_manifest()
        pinned = pin(packages, options.pin) if options.pin else None
        for package in packages:
            update_files(package, new_version=package is pinned)
            print_line(f"  ok    {package.name} {package.version}")
        write_manifest(packages)
    wrong = problems()
    for problem in wrong:
        print_line(f"  wrong {problem}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupProblem as problem:
        sys.exit(str(problem))
