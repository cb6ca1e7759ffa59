"""What the scripts beside it share: installs what is missing, then becomes the program that was asked for.

It becomes that program by `exec`, so signals reach it directly and nothing of this process stays.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from install_step import InstallationError
from installation import install

ROOT = Path(__file__).resolve().parent.parent

HELP = {
    "test": """\
usage: scripts/test [PATH ...] [PYTEST OPTION ...]

Without arguments: style, types and import rules, then every test.
With paths or options of pytest: just those tests, for example
  scripts/test tests/store -k checkpoint
""",
    "bench": """\
usage: scripts/bench [--full] [NAME ...]

Measures the project's figures, all or those named, and writes bench/results/latest.json and docs/figures.md.
Without --full it takes some ten minutes. NAME is a figure of docs/figures.md or the start of several,
such as sync.idle. Ends with status 1 where a figure falls short of its limit.
""",
    "package": """\
usage: scripts/package [--output FILE]

Builds the zip that is deployed to Azure, by default .local/package/respond-mailbox.zip.
""",
    "permissions": """\
usage: scripts/permissions

Writes docs/permissions.md, the table of routes and roles, from the routes.
""",
    "states": """\
usage: scripts/states

Writes the state table of docs/sending.md, what can become of a mail on its way out, from the code.
""",
    "link-histories": """\
usage: scripts/link-histories [--count N] [--seed FIRST]

Runs N (100,000) random histories of linking from seed FIRST (0) and prints those whose links did not end
as the rules say. Ends with status 1 where there are any.
""",
    "format": """\
usage: scripts/format

Puts all Python code into the project's style and mends what can be mended by rule.
""",
}


def main(script: str, arguments: list[str]) -> int:
    """Runs the script's program with these arguments; returns only when that cannot be done."""
    asks_for_help = not {"-h", "--help"}.isdisjoint(arguments)
    if asks_for_help and script in HELP:
        print(HELP[script], end="")
        return 0
    if script == "test" and (missing := _missing_paths(arguments)):
        print(f"scripts/test: no such file or folder: {missing[0]}", file=sys.stderr)
        return 2
    if script in ("format", "permissions", "states") and arguments:
        print(f"scripts/{script} takes no arguments, but was given {arguments[0]}", file=sys.stderr)
        return 2
    if asks_for_help:  # the sandbox tells its options without anything installed
        _become([sys.executable, "-P", *_program(script, arguments)], {**os.environ, "PYTHONPATH": str(ROOT)})
    # A person who ends an installation also ends the pip or npm that it waits for.
    signal.signal(signal.SIGTERM, _interrupt)
    # What scripts/sandbox prints is read by other programs: a token, item ids.
    progress = sys.stderr if script == "sandbox" else sys.stdout
    try:
        tools = install(
            ROOT, lambda line: print(line, file=progress, flush=True), with_checkov=script == "test"
        )
    except InstallationError as error:
        print(f"scripts/{script}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"scripts/{script}: cannot install into {ROOT}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"scripts/{script}: interrupted; the next start goes on", file=sys.stderr)
        return 130
    _become([str(tools.python), "-P", *_program(script, arguments)], tools.environment())


def _program(script: str, arguments: list[str]) -> list[str]:
    match script:
        case "run":
            return ["-m", "sandbox", "run", *arguments]
        case "sandbox":
            return ["-m", "sandbox", *arguments]
        case "bench":
            return ["-m", "bench", *arguments]
        case "package":
            return [str(ROOT / "scripts" / "app_package.py"), *arguments]
        case "link-histories":
            return ["-m", "tests.linking.campaign", *arguments]
        case "states":
            return [str(ROOT / "scripts" / "state_table.py")]
        case "permissions":
            return [str(ROOT / "scripts" / "permission_page.py")]
        case _:
            return [str(ROOT / "scripts" / "checks.py"), script, *arguments]


def _missing_paths(arguments: list[str]) -> list[str]:
    """The arguments that look like paths and name nothing; what follows an option may be its value."""
    paths = [
        argument
        for before, argument in zip(["", *arguments], arguments, strict=False)
        if not argument.startswith("-") and not before.startswith("-")
    ]
    return [path for path in paths if not Path(path.split("::")[0]).exists()]


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
