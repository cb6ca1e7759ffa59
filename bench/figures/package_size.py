"""Size of the zip that is deployed: what an instance fetches and mounts before its first invocation."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from bench.figure import Figure, Limit, Measurement, Result

ROOT = Path(__file__).resolve().parents[2]
_OURS_BEGIN_NOT_WITH = ".python_packages/"
SIZE = Figure(
    "package.mb",
    "MB",
    Limit("<=", 20),
    "The zip that `scripts/package` builds for Azure: Python 3.13 on Linux x86-64.",
    "nothing; a start on a new instance fetches it, so what grows is noticed here",
)


def run(full: bool) -> dict[str, Result]:
    """One build; `full` changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "app.zip"
        command = [sys.executable, "-P", str(ROOT / "scripts" / "app_package.py"), "--output", str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        size = target.stat().st_size / 1_000_000
        with zipfile.ZipFile(target) as archive:
            entries = archive.infolist()
    ours = sum(one.compress_size for one in entries if not one.filename.startswith(_OURS_BEGIN_NOT_WITH))
    details = {
        "files": float(len(entries)),
        "unpacked_mb": sum(one.file_size for one in entries) / 1_000_000,
        "own_code_mb": ours / 1_000_000,
    }
    return {SIZE.name: Result(size, [size], details)}


MEASUREMENT = Measurement((SIZE,), run)
