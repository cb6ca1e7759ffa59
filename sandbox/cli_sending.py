"""The commands of `scripts/sandbox` about mails that are sent. Only the standard library."""

import argparse
import json
from collections.abc import Callable
from typing import Protocol

from sandbox.control.client import ControlClient
from sandbox.state import MAILBOX, SandboxState

Do = Callable[[SandboxState, argparse.Namespace], int]
SECURITIES = ("starttls", "tls", "none")


class Add(Protocol):
    """Adds a command's parser: name, what it does, and how."""

    def __call__(self, name: str, what: str, do: Do) -> argparse.ArgumentParser: ...


def add_sending_commands(add: Add) -> None:
    """Adds a parser for each command."""
    what = "print the JSON to PUT to /api/config/email-server"
    settings = add("smtp-settings", what, _smtp_settings)
    settings.add_argument("--security", choices=SECURITIES, default="starttls", help="default: %(default)s")

    refuse = add("refuse", "let a recipient's mail system refuse mails", _refuse)
    what = "an address, or a pattern such as *@fin.example"
    refuse.add_argument("address", metavar="ADDR", help=what)
    refuse.add_argument("code", type=int, metavar="CODE", help="an SMTP reply code, 400 to 599")
    refuse.add_argument("text", metavar="TEXT", help="such as '5.1.1 User unknown'")
    what = "take mails and send a report then: a bounce, or for a code of the 400s that delivery is delayed"
    refuse.add_argument("--later", action="store_true", help=what)
    add("refusals", "print what is refused, one JSON line each", _refusals)
    accept = add("accept", "take a refusal back; what was delayed is delivered", _accept)
    accept.add_argument("address", nargs="?", metavar="ADDR", help="as it was refused; without it: all")

    quota = add("quota", "make a mailbox full", _quota)
    what = "send: it cannot send; full: it cannot save, send or receive; off: there is room"
    quota.add_argument("value", choices=("send", "full", "off"), help=what)
    quota.add_argument("--mailbox", default=MAILBOX, metavar="ADDR", help="default: %(default)s")
    limit = add("message-size-limit", "how large a mail may be that is sent", _message_size_limit)
    limit.add_argument("size_bytes", type=int, metavar="BYTES")
    what = "whether a sent mail gets a Message-ID of the server's own (EWS)"
    replace = add("replace-message-ids", what, _replace_message_ids)
    replace.add_argument("switch", choices=("on", "off"))
    delay = add("sent-items-delay", "how late the copy in Sent Items comes", _sent_items_delay)
    delay.add_argument("seconds", type=float, metavar="SECONDS")


def _smtp_settings(state: SandboxState, args: argparse.Namespace) -> int:
    print(json.dumps(ControlClient(state).run("smtp-settings", security=args.security)))
    return 0


def _refuse(state: SandboxState, args: argparse.Namespace) -> int:
    wanted = {"address": args.address, "code": args.code, "text": args.text, "later": args.later}
    ControlClient(state).run("refuse", **wanted)
    return 0


def _refusals(state: SandboxState, args: argparse.Namespace) -> int:
    for refusal in ControlClient(state).run("refusals"):
        print(json.dumps(refusal))
    return 0


def _accept(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("accept", address=args.address)
    return 0


def _quota(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("quota", mailbox=args.mailbox, value=args.value)
    return 0


def _message_size_limit(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("message-size-limit", size_bytes=args.size_bytes)
    return 0


def _replace_message_ids(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("replace-message-ids", on=args.switch == "on")
    return 0


def _sent_items_delay(state: SandboxState, args: argparse.Namespace) -> int:
    ControlClient(state).run("sent-items-delay", seconds=args.seconds)
    return 0
