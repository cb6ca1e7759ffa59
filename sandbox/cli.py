"""The commands of `scripts/sandbox`: what each takes, what it prints. Only the standard library."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from sandbox.cli_sending import add_sending_commands
from sandbox.control.client import ControlClient, ControlError
from sandbox.control.roles import ROLES
from sandbox.faults import KINDS, PARTS, Fault, FaultError, check
from sandbox.state import MAILBOX, ON_PREMISES, SandboxState

Do = Callable[[SandboxState, argparse.Namespace], int]


class MisuseError(ValueError):
    """The arguments of a command do not fit together."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds a parser for each command; `args.do(state, args)` does it and returns the exit status."""
    add = _Adder(commands)

    sign_in = add("sign-in", "print a bearer token, valid for 12 hours", _sign_in)
    sign_in.add_argument("role", choices=ROLES, metavar="ROLE", help=", ".join(ROLES))
    what = "print the JSON to PUT to /api/config/mailboxes/default"
    settings = add("settings", what, _settings)
    settings.add_argument("--mailbox", metavar="ADDR", help=f"default: {MAILBOX}, {ON_PREMISES} on premises")
    settings.add_argument("--authentication", choices=("oauth2", "ntlm", "basic"), default="oauth2")

    what = "put messages into a folder as the mail system would; print their item ids"
    deliver = add("deliver", what, _deliver)
    _mailbox(deliver)
    deliver.add_argument("--folder", default="Inbox", metavar="PATH", help="default: %(default)s")
    deliver.add_argument("--envelope-from", metavar="ADDR", help="the sender in the SMTP envelope")
    deliver.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a message (.eml); - is stdin")
    add("outbound", "print each mail that left, one JSON line each, oldest first", _outbound)
    add_sending_commands(add)

    create_mailbox = add("create-mailbox", "make a mailbox", _run("create-mailbox", "address", "kind"))
    create_mailbox.add_argument("address", metavar="ADDR")
    create_mailbox.add_argument("--kind", choices=("online", "server"), default="online")
    _mailbox(
        add("folders", "print the folders of a mailbox, one JSON line each", _list("folders", "mailbox"))
    )
    what = "print the items of a folder, one JSON line each"
    items = add("items", what, _list("items", "mailbox", "folder"))
    _mailbox(items)
    items.add_argument("folder", nargs="?", default="Inbox", metavar="PATH", help="default: %(default)s")
    _folder_command(add("create-folder", "make a folder", _run("create-folder", "mailbox", "folder")))
    rename = add("rename-folder", "rename a folder", _run("rename-folder", "mailbox", "folder", "name"))
    _folder_command(rename)
    rename.add_argument("name", metavar="NAME")
    what = "delete a folder for good"
    _folder_command(add("delete-folder", what, _run("delete-folder", "mailbox", "folder")))
    move = add("move", "move an item; print its new id", _run("move", "mailbox", "item", "folder"))
    _item_command(move)
    move.add_argument("folder", metavar="PATH")
    delete = add("delete", "delete an item, into Deleted Items", _run("delete", "mailbox", "item", "hard"))
    _item_command(delete)
    delete.add_argument("--hard", action="store_true", help="for good")
    mark_read = add("mark-read", "mark an item as read", _run("mark-read", "mailbox", "item", "read"))
    _item_command(mark_read)
    mark_read.add_argument("--unread", dest="read", action="store_false", help="as unread")

    what = "give a mailbox of kind server a new password and print it"
    change = add("change-password", what, _run("change-password", "mailbox"))
    change.add_argument("--mailbox", default=ON_PREMISES, metavar="ADDR", help="default: %(default)s")
    rotate = add(
        "rotate-secret", "make a new client secret and print it", _run("rotate-secret", "revoke_old")
    )
    rotate.add_argument("--revoke-old", action="store_true", help="the old ones stop being valid")
    add("expire-secret", "all client secrets expire now", _run("expire-secret"))
    revoke = add("revoke", "disable the app registration and revoke its tokens", _run("revoke", "what"))
    which = revoke.add_mutually_exclusive_group()
    which.add_argument(
        "--tokens-only", dest="what", action="store_const", const="tokens", help="it may get new ones"
    )
    which.add_argument("--undo", dest="what", action="store_const", const="undo", help="enable it again")
    revoke.set_defaults(what="all")
    ews = add("ews", "the tenant's EWSEnabled switch", _ews)
    ews.add_argument("switch", choices=("on", "off"))

    what = "limit the app to mailboxes, as RBAC for Applications does"
    allow = add("allow-app", what, _run("allow-app", "mailbox"))
    allow.add_argument("mailbox", nargs="?", metavar="ADDR", help="one more; without it: every mailbox again")
    what = "an administrator's consent to the app's permissions"
    add("consent", what, _consent).add_argument("switch", choices=("on", "off"))

    _add_fault(add)
    crash = add("crash", "kill the worker that makes the N-th outgoing call from now; once", _crash)
    what = "without it: print what is armed and what happened"
    crash.add_argument("--after", type=_positive, metavar="N", help=what)
    crash.add_argument("--disarm", action="store_true", help="take it back")
    calls = add("calls", "print how often each operation of each part was called", _calls)
    calls.add_argument("--reset", action="store_true", help="start at zero afterwards")


class _Adder:
    def __init__(self, commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        self._commands = commands

    def __call__(self, name: str, what: str, do: Do) -> argparse.ArgumentParser:
        parser = self._commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        parser.set_defaults(do=do)
        return parser


def _add_fault(add: _Adder) -> None:
    fault = add("fault", "let calls go wrong, list what does, or clear it", _fault_list)
    actions = fault.add_subparsers(dest="action", metavar="add|list|clear", required=True)
    adding = actions.add_parser("add", description="Lets calls to a part of the world go wrong.")
    adding.set_defaults(do=_fault_add)
    adding.add_argument("part", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    adding.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    adding.add_argument("--operation", metavar="OP", help="such as SyncFolderItems, table.Insert, table.*")
    adding.add_argument("--mailbox", metavar="ADDR", help="only calls that concern this mailbox")
    adding.add_argument("--count", type=_positive, metavar="N", help="N times (default: until cleared)")
    adding.add_argument("--status", type=int, metavar="S", help="HTTP status, for the kind status")
    adding.add_argument("--retry-after", dest="retry_after_s", type=int, metavar="SECONDS")
    adding.add_argument("--error", metavar="CODE", help="such as ErrorServerBusy")
    adding.add_argument("--back-off-ms", type=int, metavar="MS", help="BackOffMilliseconds")
    adding.add_argument("--delay", dest="delay_s", type=float, metavar="SECONDS")
    adding.add_argument("--item", metavar="ID", help="only requests that name this item")
    actions.add_parser("list", description="Prints the faults in force, one JSON line each.")
    clearing = actions.add_parser("clear", description="Clears one fault, or all.")
    clearing.set_defaults(do=_fault_clear)
    clearing.add_argument("id", nargs="?", type=int, metavar="ID")


def _mailbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mailbox", default=MAILBOX, metavar="ADDR", help="default: %(default)s")


def _folder_command(parser: argparse.ArgumentParser) -> None:
    _mailbox(parser)
    parser.add_argument("folder", metavar="PATH")


def _item_command(parser: argparse.ArgumentParser) -> None:
    _mailbox(parser)
    parser.add_argument("item", metavar="ITEM", help="an item id, as deliver and items print it")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run(name: str, *arguments: str) -> Do:
    """Does a command with these arguments and prints what it returns, if anything."""

    def do(state: SandboxState, args: argparse.Namespace) -> int:
        result = ControlClient(state).run(name, **{one: getattr(args, one) for one in arguments})
        if result is not None:
            print(result)
        return 0

    return do


def _list(name: str, *arguments: str) -> Do:
    def do(state: SandboxState, args: argparse.Namespace) -> int:
        _print_lines(ControlClient(state).run(name, **{one: getattr(args, one) for one in arguments}))
        return 0

    return do


def _sign_in(state: SandboxState, args: argparse.Namespace) -> int:
    print(ControlClient(state).run("sign-in", role=args.role))
    return 0


def _settings(state: SandboxState, args: argparse.Namespace) -> int:
    mailbox = args.mailbox or (MAILBOX if args.authentication == "oauth2" else ON_PREMISES)
    arguments = {"mailbox": mailbox, "authentication": args.authentication}
    print(json.dumps(ControlClient(state).run("settings", **arguments)))
    return 0


def _deliver(state: SandboxState, args: argparse.Namespace) -> int:
    client = ControlClient(state)
    for file in args.files:
        try:
            raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            raise ControlError(f"{file} cannot be read: {error.strerror}") from error
        sent = client.deliver(raw, mailbox=args.mailbox, folder=args.folder, envelope_from=args.envelope_from)
        print(sent, flush=True)
    return 0


def _outbound(state: SandboxState, args: argparse.Namespace) -> int:
    _print_lines(ControlClient(state).run("outbound"))
    return 0


def _ews(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("ews", on=args.switch == "on")
    return 0


def _consent(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("consent", on=args.switch == "on")
    return 0


def _fault_add(state: SandboxState, args: argparse.Namespace) -> int:
    wanted = {field.name: getattr(args, field.name) for field in fields(Fault) if field.name != "id"}
    try:
        check(Fault(**wanted))
    except FaultError as error:
        raise MisuseError(str(error)) from error
    print(ControlClient(state).run("fault-add", **wanted)["id"])
    return 0


def _fault_list(state: SandboxState, args: argparse.Namespace) -> int:
    faults = ControlClient(state).run("fault-list")
    _print_lines([{name: value for name, value in fault.items() if value is not None} for fault in faults])
    return 0


def _fault_clear(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("fault-clear", id=args.id)
    return 0


def _crash(state: SandboxState, args: argparse.Namespace) -> int:
    told = ControlClient(state).run("crash", after=args.after, disarm=args.disarm)
    if args.after is None:
        print(json.dumps(told))
    return 0


def _calls(state: SandboxState, args: argparse.Namespace) -> int:
    print(json.dumps(ControlClient(state).run("calls", reset=args.reset), indent=2))
    return 0


def _print_lines(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        print(json.dumps(entry, ensure_ascii=False))
