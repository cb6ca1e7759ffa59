"""Builds the zip that is deployed: the product's packages, host.json, and what requirements.txt names, where
Azure's Python worker looks for it (`.python_packages/lib/site-packages`; Microsoft: "Azure Functions Python
developer reference guide", folder structure and "Deployment options").

The same files and wheels make the same bytes. The zip is written beside its place and moved there as a whole,
so a process that dies on any line leaves the old one; downloaded wheels are kept in `.local/package`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".local" / "package"
DEFAULT_ZIP = KEPT / "respond-mailbox.zip"
SITE_PACKAGES = ".python_packages/lib/site-packages"
AZURE_PYTHON = (3, 13)
SINGLE_FILES = ("function_app.py", "wiring.py", "host.json")
OPTIONAL_FILES = ("exchange-ca.pem",)
"""The certificate authority of an Exchange Server, which an operator puts here (docs/operator.md)."""
LEFT_OUT = {"__pycache__"}
LEFT_OUT_SUFFIXES = {".pyc", ".md"}
# What Azure's images for Python 3.13 can load: glibc 2.36 (Debian 12) and everything older.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_UNPACKED_DATA = {"purelib", "platlib"}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can name
_FILE_MODE = 0o644


class PackagingError(Exception):
    """The package cannot be built; the message is one line for people."""


def build(target: Path, python: tuple[int, int] = AZURE_PYTHON) -> int:
    """Writes the zip for that Python on Linux x86-64; its size in bytes. Raises `PackagingError`."""
    entries = dict(product_files())
    for wheel in wheels(python):
        for name, content in unpacked(wheel):
            path = f"{SITE_PACKAGES}/{name}"
            if entries.setdefault(path, content) != content:
                raise PackagingError(f"{wheel.name} brings another {name} than a wheel before it")
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f"{target.name}.half")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(entries):
            entry = zipfile.ZipInfo(path, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, entries[path])
    half.replace(target)
    return target.stat().st_size


def product_files() -> Iterator[tuple[str, bytes]]:
    """What of this tree runs in Azure: path in the package and content."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(configuration["tool"]["importlinter"]["root_packages"]) - {"sandbox"}
    for name in (*SINGLE_FILES, *OPTIONAL_FILES):
        if name in SINGLE_FILES or (ROOT / name).exists():
            yield name, (ROOT / name).read_bytes()
    for package in sorted(packages):
        for path in sorted((ROOT / package).rglob("*")):
            within = path.relative_to(ROOT)
            if path.is_file() and not LEFT_OUT & set(within.parts) and path.suffix not in LEFT_OUT_SUFFIXES:
                yield within.as_posix(), path.read_bytes()


def wheels(python: tuple[int, int]) -> list[Path]:
    """The wheels of requirements.txt for that Python, downloaded unless they are there already."""
    pinned = requirements(python)
    stamp = hashlib.sha256("\n".join((*pinned, *PLATFORMS, repr(python))).encode()).hexdigest()[:12]
    folder = KEPT / f"wheels-{python[0]}.{python[1]}-{stamp}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=KEPT) as half:
                _download(pinned, python, Path(half) / "wheels")
                for old in KEPT.glob(f"wheels-{python[0]}.{python[1]}-*"):
                    shutil.rmtree(old)
                (Path(half) / "wheels").replace(folder)
    return sorted(folder.glob("*.whl"))


def requirements(python: tuple[int, int]) -> list[str]:
    """The pinned packages of requirements.txt for that Python; pip would judge markers by its own."""
    environment = {
        "python_version": f"{python[0]}.{python[1]}",
        "python_full_version": f"{python[0]}.{python[1]}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = [Requirement(text) for line in lines if (text := line.partition("#")[0].strip())]
    return [
        f"{one.name}{one.specifier}" for one in named if not one.marker or one.marker.evaluate(environment)
    ]


def unpacked(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """A wheel's files as in site-packages (PyPA: "Binary distribution format"); no console scripts."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            first, _, rest = entry.filename.partition("/")
            if first.endswith(".data"):
                kind, _, rest = rest.partition("/")
                if kind in _UNPACKED_DATA:
                    yield rest, archive.read(entry)
            else:
                yield entry.filename, archive.read(entry)


def _download(pinned: list[str], python: tuple[int, int], folder: Path) -> None:
    abi = f"cp{python[0]}{python[1]}"
    target = [part for platform in PLATFORMS for part in ("--platform", platform)]
    target += ["--python-version", f"{python[0]}.{python[1]}", "--implementation", "cp"]
    target += ["--abi", abi, "--abi", "abi3", "--abi", "none"]
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--quiet", "--no-deps"]
    command = [sys.executable, "-m", "pip", "download", *quiet, "--only-binary=:all:", *target]
    done = subprocess.run(
        [*command, "--dest", str(folder), *pinned], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["pip gave no reason"]
        raise PackagingError(f"the wheels cannot be downloaded: {last[0]}")


def main(arguments: list[str]) -> int:
    """Builds it and says where it is."""
    parser = argparse.ArgumentParser(
        prog="scripts/package", description="Builds the zip that is deployed to Azure."
    )
    parser.add_argument("--output", type=Path, default=DEFAULT_ZIP, help=f"default: {DEFAULT_ZIP}")
    options = parser.parse_args(arguments)
    try:
        size = build(options.output)
    except PackagingError as error:
        print(f"scripts/package: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}  {size / 1_000_000:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
