"""The commands about mails that are sent, inside the world process; see `sandbox/cli_sending.py`."""

import dataclasses
from collections.abc import Callable
from typing import Any

from sandbox.exchange.sending_commands import SendingCommands
from sandbox.smtp.account import SmtpAccount
from sandbox.state import SandboxState

Command = Callable[[dict[str, Any]], Any]


def sending_commands(
    state: SandboxState, sending: SendingCommands, account: SmtpAccount
) -> dict[str, Command]:
    """Commands by name; each takes the arguments of the command line."""
    return {
        "smtp-settings": lambda a: _smtp_settings(state, account, a["security"]),
        "refuse": lambda a: sending.refuse(a["address"], a["code"], a["text"], later=a["later"]),
        "accept": lambda a: sending.accept(a["address"]),
        "refusals": lambda a: [dataclasses.asdict(one) for one in sending.refusals()],
        "quota": lambda a: sending.quota(a["mailbox"], a["value"]),
        "message-size-limit": lambda a: sending.message_size_limit(a["size_bytes"]),
        "replace-message-ids": lambda a: sending.replace_message_ids(a["on"]),
        "sent-items-delay": lambda a: sending.sent_items_delay(a["seconds"]),
    }


def _smtp_settings(state: SandboxState, account: SmtpAccount, security: str) -> dict[str, Any]:
    settings = {
        "kind": "smtp",
        "host": "localhost",
        "port": state.smtp_ports[security],
        "security": security,
    }
    if security == "none":
        return {**settings, "confirmUnencrypted": True}
    return {**settings, "userName": account.user_name, "password": account.password}
