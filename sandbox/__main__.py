"""`python -m sandbox …`: starts a sandbox (`run`), is one of its processes, or gives a running one a command.

Only the standard library is loaded before it is known what to do, so that `--help` and commands answer at
once.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from sandbox.cli import MisuseError, add_commands
from sandbox.control.client import ControlError
from sandbox.places import default_data
from sandbox.state import StateError, load

RUN_PORT = 7071


def main(arguments: list[str]) -> int:
    """Does what the command line says; returns the exit status: 0 done, 1 failed, 2 misused."""
    parser = _parser()
    args = parser.parse_args(arguments)
    args.data = Path(args.data).expanduser().resolve()
    try:
        match args.command:
            case "run":
                from sandbox.supervisor import run

                return run(args)
            case "world":
                from sandbox.world import run_world

                asyncio.run(run_world(load(args.data)))
                return 0
            case "host":
                from sandbox.host.cli import main as run_host

                return asyncio.run(run_host(args))
            case "seed":
                return _seed(args.data)
            case _:
                return int(args.do(load(args.data), args))
    except (ControlError, StateError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except MisuseError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has had enough
        sys.stderr.close()
        return 0


def _seed(data: Path) -> int:
    from sandbox.demo.front_door import FrontDoorError
    from sandbox.demo.seed import seed

    try:
        seed(load(data))
    except FrontDoorError as error:
        print(f"demo data: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="Speaks to the sandbox of scripts/run: signs in, delivers mail, lets things fail.",
        epilog="`sandbox COMMAND --help` says more about each command.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=default_data(),
        metavar="DIR",
        help="the sandbox's folder (default: %(default)s)",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_commands(commands)
    _add_run(commands)
    for name in ("world", "host", "seed"):  # processes of a sandbox; nobody calls them by hand
        process = commands.add_parser(name)
        _add_data(process)
        if name == "host":
            process.add_argument("--port", type=int, required=True)
            process.add_argument("--instances", type=int, default=1)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        prog="scripts/run",
        help="start a sandbox (what scripts/run does)",
        description="Starts the app on a sandbox of its own: Exchange, Entra ID, Key Vault, storage, "
        "Functions host, all on 127.0.0.1. Prints `ready http://127.0.0.1:PORT` once everything answers. "
        "Ctrl-C stops it; the same --data goes on where it stopped.",
    )
    run.add_argument(
        "--port",
        type=_port,
        default=RUN_PORT,
        help="where the app answers (default: %(default)s; 0: a free one)",
    )
    _add_data(run)
    run.add_argument("--empty", action="store_true", help="without demo data")
    run.add_argument(
        "--instances",
        type=_positive,
        default=1,
        metavar="N",
        help="how many worker processes run (default: %(default)s)",
    )
    run.add_argument(
        "--setting",
        dest="settings",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an app setting of the app and its host; may be given again",
    )
    run.add_argument(
        "--record", type=Path, metavar="DIR", help="write every SOAP request and answer into DIR as XML"
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help=f"where the sandbox keeps its state (default: {default_data()})",
    )


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is no port: 1 to 65535, or 0 for a free one")
    return number


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
