"""What each command of `scripts/sandbox` does, inside the world process.

Every command takes the arguments that the command line sends as JSON and returns what it prints. State
changes are written by the part that they concern before a command returns.
"""

import dataclasses
import secrets
from collections.abc import Callable
from typing import Any, Protocol

from sandbox.control.roles import ROLES, SIGN_IN_LIFETIME_S, sign_in_claims
from sandbox.control.sending import sending_commands
from sandbox.edge import Calls
from sandbox.entra.registration import AppRegistration
from sandbox.exchange.access import ON_PREMISES_HOST
from sandbox.exchange.sending_commands import SendingCommands
from sandbox.faults import Fault, FaultError, Faults
from sandbox.smtp.account import SmtpAccount
from sandbox.state import AUTHSERV_ID, MAILBOX, SandboxState
from sandbox.tokens import TokenKeys

Arguments = dict[str, Any]


class CommandError(Exception):
    """The command cannot be done; the message is for the person who gave it."""


class Exchange(Protocol):
    """What people and the mail system do to mailboxes; paths are like `Inbox/Invoices`."""

    def create_mailbox(self, address: str, kind: str = "online") -> None:
        """A new mailbox, of Exchange Online or of a server."""

    def deliver(self, mailbox: str, folder_path: str, raw: bytes, envelope_from: str | None) -> str:
        """Puts a message into a folder; its item id."""

    def folders(self, mailbox: str) -> list[Any]:
        """All folders, as dataclasses."""

    def items(self, mailbox: str, folder_path: str) -> list[Any]:
        """The items of a folder, as dataclasses."""

    def create_folder(self, mailbox: str, path: str) -> Any:
        """A new folder."""

    def rename_folder(self, mailbox: str, path: str, new_name: str) -> None:
        """Another display name."""

    def delete_folder(self, mailbox: str, path: str) -> None:
        """Removes a folder with its items."""

    def move(self, mailbox: str, item_id: str, folder_path: str) -> Any:
        """Moves an item; its new id."""

    def delete(self, mailbox: str, item_id: str, hard: bool) -> None:
        """Deletes an item; not hard: into Deleted Items."""

    def mark_read(self, mailbox: str, item_id: str, read: bool) -> None:
        """Sets the read flag."""

    def outbound(self) -> Any:
        """All mails that left, oldest first."""

    def login(self, address: str) -> tuple[str, str]:
        """Login and password of a mailbox of kind `server`."""

    def change_password(self, address: str, password: str) -> None:
        """Another password for a mailbox of kind `server`."""

    @property
    def sending(self) -> SendingCommands:
        """What is done to mails that are sent."""

    def ews_switch(self, on: bool) -> None:
        """The tenant's `EWSEnabled`."""

    def allow_app(self, app_id: str, mailbox: str | None) -> None:
        """Limits an application to a mailbox (further ones add to it); None: every mailbox again."""


class Commands:
    """The commands by name; `run` does one."""

    def __init__(
        self,
        state: SandboxState,
        *,
        exchange: Exchange,
        registration: AppRegistration,
        keys: TokenKeys,
        faults: Faults,
        calls: Calls,
        smtp_account: SmtpAccount,
    ) -> None:
        self._state = state
        self._exchange = exchange
        self._registration = registration
        self._keys = keys
        self._faults = faults
        self._calls = calls
        self._by_name: dict[str, Callable[[Arguments], Any]] = {
            "sign-in": self._sign_in,
            "settings": self._settings,
            "outbound": lambda a: self._exchange.outbound(),
            "create-mailbox": lambda a: self._exchange.create_mailbox(a["address"], a["kind"]),
            "folders": lambda a: _as_json(self._exchange.folders(a["mailbox"])),
            "items": lambda a: _as_json(self._exchange.items(a["mailbox"], a["folder"])),
            "create-folder": lambda a: self._exchange.create_folder(a["mailbox"], a["folder"]),
            "rename-folder": lambda a: self._exchange.rename_folder(a["mailbox"], a["folder"], a["name"]),
            "delete-folder": lambda a: self._exchange.delete_folder(a["mailbox"], a["folder"]),
            "move": lambda a: self._exchange.move(a["mailbox"], a["item"], a["folder"]),
            "delete": lambda a: self._exchange.delete(a["mailbox"], a["item"], a["hard"]),
            "mark-read": lambda a: self._exchange.mark_read(a["mailbox"], a["item"], a["read"]),
            **sending_commands(state, exchange.sending, smtp_account),
            "ews": lambda a: self._exchange.ews_switch(a["on"]),
            "allow-app": lambda a: self._exchange.allow_app(registration.app_id, a["mailbox"]),
            "consent": lambda a: registration.set_consented(a["on"]),
            "change-password": self._change_password,
            "rotate-secret": lambda a: registration.rotate(revoke_old=a["revoke_old"]),
            "expire-secret": lambda a: registration.expire_secrets(),
            "revoke": self._revoke,
            "fault-add": self._fault_add,
            "fault-list": lambda a: [dataclasses.asdict(fault) for fault in faults.list()],
            "fault-clear": self._fault_clear,
            "crash": self._crash,
            "calls": self._count_calls,
        }

    def run(self, name: str, arguments: Arguments) -> Any:
        """Does a command. Raises CommandError, and ValueError for what the Exchange server does not have."""
        command = self._by_name.get(name)
        if command is None:
            raise CommandError(f"there is no command {name}")
        try:
            return command(arguments)
        except KeyError as error:
            raise CommandError(f"{name} wants {error.args[0]}") from error

    def deliver(self, mailbox: str, folder: str, raw: bytes, envelope_from: str | None) -> str:
        """Puts one message into a folder and returns its item id."""
        return self._exchange.deliver(mailbox, folder, raw, envelope_from)

    def _sign_in(self, arguments: Arguments) -> str:
        role = arguments["role"]
        if role not in ROLES:
            raise CommandError(f"there is no role {role}: use one of {', '.join(ROLES)}")
        return self._keys.sign(sign_in_claims(role, self._state.tenant_id), SIGN_IN_LIFETIME_S)

    def _settings(self, arguments: Arguments) -> dict[str, Any]:
        mailbox, authentication = arguments.get("mailbox") or MAILBOX, arguments.get("authentication")
        if authentication in ("ntlm", "basic"):
            return self._settings_on_premises(mailbox, authentication)
        return {
            "accountType": "ews",
            "port": self._state.ports.exchange,
            "authenticationType": "oauth2",
            "email": mailbox,
            "secretKey": self._registration.current_secret,
            "incomingServer": "localhost",
            "appId": self._state.app_id,
            "tenantId": self._state.tenant_id,
            "sslEncrypted": True,
            "enabled": True,
            "authservId": AUTHSERV_ID,
        }

    def _settings_on_premises(self, mailbox: str, authentication: str) -> dict[str, Any]:
        login, password = self._exchange.login(mailbox)
        return {
            "accountType": "ews",
            "port": self._state.ports.exchange,
            "authenticationType": authentication,
            "email": login,
            "secretKey": password,
            "incomingServer": ON_PREMISES_HOST,
            "sslEncrypted": True,
            "enabled": True,
        }

    def _change_password(self, arguments: Arguments) -> str:
        """A new password for a mailbox of kind `server`."""
        password = secrets.token_urlsafe(18)
        self._exchange.change_password(arguments["mailbox"], password)
        return password

    def _revoke(self, arguments: Arguments) -> None:
        what = arguments["what"]
        if what != "undo":
            self._keys.revoke(self._registration.app_id)
        if what != "tokens":
            self._registration.set_enabled(what == "undo")

    def _fault_add(self, arguments: Arguments) -> dict[str, Any]:
        try:
            return dataclasses.asdict(self._faults.add(Fault(**arguments)))
        except (FaultError, TypeError) as error:
            raise CommandError(str(error)) from error

    def _fault_clear(self, arguments: Arguments) -> int:
        fault_id = arguments["id"]
        cleared = self._faults.clear(fault_id)
        if fault_id is not None and not cleared:
            raise CommandError(f"there is no fault {fault_id}: see fault list")
        return cleared

    def _crash(self, arguments: Arguments) -> dict[str, Any]:
        rule = self._calls.crash
        if rule is None:
            raise CommandError("this sandbox has no workers to crash")
        if arguments["after"] is not None:
            rule.arm(arguments["after"])
        elif arguments["disarm"]:
            rule.disarm()
        return {"remaining": rule.remaining, "happened": [dataclasses.asdict(c) for c in rule.happened]}

    def _count_calls(self, arguments: Arguments) -> dict[str, dict[str, int]]:
        counters = self._calls.as_json()
        if arguments["reset"]:
            self._calls.reset()
        return counters


def _as_json(entries: list[Any]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(entry) for entry in entries]
