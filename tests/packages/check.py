#!/usr/bin/env python3
"""Runs the scripts of this folder under wxmcp and under native CPython and node, and compares what they print.

Fills `target/packages` once, from PyPI and npm, exactly as locked here: `wheels` and `site` (what is in the wheels, without
extension modules, which both sides go without), and `javascript/node_modules`. The runs themselves use no network.

    check.py WXMCP [--way mounted] [NAME..]
"""

import argparse
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target" / "packages"
WHEELS, SITE, NODE = TARGET / "wheels", TARGET / "site", TARGET / "javascript"
SECONDS = 300
# Both sides get this environment and nothing else, and begin in an empty folder.
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8", "TZ": "UTC"}


def main():
    arguments = argparse.ArgumentParser(description="Compare packages under wxmcp with native CPython and node")
    arguments.add_argument("wxmcp", type=pathlib.Path)
    arguments.add_argument("names", nargs="*", metavar="NAME", help="`pyyaml`, `zod.mjs`: these alone")
    arguments.add_argument("--way", choices=WAYS, default="locked", help="how the sandbox gets the packages")
    arguments = arguments.parse_args()
    fill_python()
    fill_javascript()
    way = WAYS[arguments.way](arguments.wxmcp.resolve())
    scripts = sorted((HERE / "python").glob("*.py")) + sorted((HERE / "javascript").glob("*.mjs"))
    if arguments.names:
        scripts = [script for script in scripts if {script.name, script.stem} & set(arguments.names)]
    failed = 0
    for script in scripts:
        fault = compare(script, way)
        failed += fault is not None
        print(f"{script.name:24} {'same' if fault is None else 'DIFFERENT'}", flush=True)
        if fault is not None:
            print(fault)
    print(f"{len(scripts) - failed} passed, {failed} failed")
    return 1 if failed or not scripts else 0


def compare(script, way):
    """What is different, or None."""
    native = run(native_command(script), script)
    if native[0] != 0:
        return f"  the script fails natively:\n{indented(native[2])}"
    guest = run(way.command(script), script)
    if guest[:2] == native[:2]:
        return None
    return f"  exit code {guest[0]}\n{difference(native[1], guest[1])}\n{indented(guest[2])}"


def run(command, script):
    empty = TARGET / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir(parents=True)
    environment = ENVIRONMENT | {"PATH": os.environ["PATH"], "HOME": str(empty), "WXMCP_CACHE_DIR": str(TARGET / "cache")}
    if script.suffix == ".py":
        environment["PYTHONPATH"] = str(SITE)
    try:
        done = subprocess.run(
            command, cwd=empty, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return None, b"", b"timed out"
    return done.returncode, done.stdout, done.stderr


def native_command(script):
    # -P: the folder of the scripts, which have the names of packages, is not on sys.path.
    return [python(), "-P", script] if script.suffix == ".py" else ["node", in_project(script)]


@functools.cache
def python():
    """The newest CPython up to the guest's version: `$PYTHON`, else what is installed."""
    versions = [f"python3.{minor}" for minor in (14, 13, 12)]
    pyenv = pathlib.Path.home() / ".pyenv" / "versions"
    installed = [str(found) for name in versions for found in pyenv.glob(f"{name.removeprefix('python')}.*/bin/{name}")]
    for name in (os.environ.get("PYTHON"), *versions, *installed):
        found = name and shutil.which(name)
        # A name on PATH may be a shim of pyenv, of a version that is not chosen.
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return found
    return sys.executable


def in_project(script):
    """The script's copy beside `node_modules`, where node finds its packages."""
    copy = NODE / script.name
    shutil.copyfile(script, copy)
    return copy


class Mounted:
    """The unpacked wheels as a folder, and the folder with `node_modules` as the project."""

    def __init__(self, wxmcp):
        self.options = [wxmcp, "run", "--timeout", f"{SECONDS}s", "--memory", "512MiB", "-e", "TZ=UTC"]

    def command(self, script):
        if script.suffix != ".py":
            return [*self.options, "--project", NODE, in_project(script)]
        return [*self.options, "--site", SITE, script]


class Locked(Mounted):
    """As projects have packages: declared in a `wxmcp.toml`, and locked from the folder of wheels, without the network."""

    def __init__(self, wxmcp):
        super().__init__(wxmcp)
        project = TARGET / "project"
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir()
        names = [line.split(" ")[0] for line in (HERE / "python.txt").read_text().splitlines() if "==" in line]
        declared = ", ".join(f'"{name}"' for name in names)
        (project / "wxmcp.toml").write_text(f"[packages]\npython = [{declared}]\n")
        environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "WXMCP_CACHE_DIR": str(TARGET / "cache")}
        subprocess.run([wxmcp, "lock"], cwd=project, env=os.environ | environment, check=True)
        self.config = ["--config", project / "wxmcp.toml"]

    def command(self, script):
        if script.suffix != ".py":
            return super().command(script)
        return [*self.options, *self.config, script]


WAYS = {"locked": Locked, "mounted": Mounted}


def fill_python():
    """Downloads the wheels, each checked against its digest, and unpacks them."""
    stamp = hashlib.sha256((HERE / "python.txt").read_bytes()).hexdigest()
    if is_stamped(SITE, stamp):
        return
    for folder in (SITE, WHEELS):
        shutil.rmtree(folder, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    tags = ["--python-version", "3.14", "--implementation", "cp", "--abi", "cp314", "--abi", "none"]
    tags += ["--platform", "any", "--platform", "manylinux_2_17_x86_64"]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        + ["--only-binary=:all:", *tags, "-r", HERE / "python.txt", "-d", WHEELS],
        check=True,
    )
    for wheel in WHEELS.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(SITE, [name for name in archive.namelist() if not name.endswith(".so")])
    (SITE / ".stamp").write_text(stamp)


def fill_javascript():
    inputs = [HERE / "javascript" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    stamp = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    if is_stamped(NODE, stamp):
        return
    shutil.rmtree(NODE, ignore_errors=True)
    NODE.mkdir(parents=True)
    for path in inputs:
        shutil.copyfile(path, NODE / path.name)
    subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=NODE, check=True)
    (NODE / ".stamp").write_text(stamp)


def is_stamped(folder, stamp):
    path = folder / ".stamp"
    return path.is_file() and path.read_text() == stamp


def difference(native, guest):
    """The first lines that are not the same."""
    wanted, had = (text.decode("utf-8", "replace").splitlines() for text in (native, guest))
    for number, pair in enumerate(zip(wanted + [None] * len(had), had + [None] * len(wanted)), 1):
        if pair[0] != pair[1]:
            return f"  line {number}\n    native: {pair[0]}\n    wxmcp:  {pair[1]}"
    return "  the same lines"


def indented(text):
    return "\n".join("    " + line for line in text.decode("utf-8", "replace").splitlines()[-14:])


if __name__ == "__main__":
    sys.exit(main())
