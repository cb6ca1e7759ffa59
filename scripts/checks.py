"""The checks and the tests of the project, one after another, each with its time; or its style, put right.

Runs in the environment that scripts/launch.py makes. Writes nothing but caches, in `.local`.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".local" / "cache"
BIN = Path(sys.executable).parent

# Files of one suite stay in one process, so that the servers which it starts are shared by its tests.
ALL_TESTS = ["-n", "2", "--dist", "loadfile"]

# Without ruff's cache, which does not see that a module of ours has come or gone.
CHECKS = {
    "style (ruff check)": [
        str(BIN / "ruff"),
        "check",
        "--no-cache",
        "--quiet",
        "--output-format=concise",
        ".",
    ],
    "format (ruff format)": [
        str(BIN / "ruff"),
        "format",
        "--check",
        "--quiet",
        "--output-format=concise",
        ".",
    ],
    "types (mypy)": [str(BIN / "mypy"), "--no-error-summary", "."],
    "import rules (lint-imports)": [
        str(BIN / "lint-imports"),
        "--no-logo",
        "--cache-dir",
        str(CACHE / "imports"),
    ],
}


def check() -> int:
    """Runs every check and shows what the failing ones say; 0 when none fails."""
    failed = []
    for title, command in CHECKS.items():
        began = time.monotonic()
        print(f"{title} ...", end="", flush=True)
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        passed = done.returncode == 0
        print(f" {'ok' if passed else 'FAILED'} in {time.monotonic() - began:.1f} s", flush=True)
        if not passed:
            failed.append(title)
            sys.stdout.buffer.write(done.stdout)
            sys.stdout.flush()
    if failed:
        print(f"scripts/test: failed: {', '.join(failed)}; the tests were not run", file=sys.stderr)
    return 1 if failed else 0


def test(arguments: list[str]) -> int:
    """Runs pytest with these arguments, paths among them being as seen from where the script was called."""
    absolute = [str(Path(argument).absolute()) if _is_path(argument) else argument for argument in arguments]
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(CACHE / "hypothesis"))
    command = [sys.executable, "-m", "pytest", *(absolute or ALL_TESTS)]
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)


def put_right() -> int:
    """Mends what ruff can mend and formats everything; 0 when nothing is left to do by hand."""
    commands = [[str(BIN / "ruff"), "check", "--fix", "."], [str(BIN / "ruff"), "format", "."]]
    return max(subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands)


def _is_path(argument: str) -> bool:
    return not argument.startswith("-") and Path(argument.split("::")[0]).exists()


def main(script: str, arguments: list[str]) -> int:
    """Does what scripts/test or scripts/format asks for; returns the exit status."""
    if script == "format":
        return put_right()
    if arguments:
        return test(arguments)
    return check() or test([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
