"""What a connection test looks at, step by step, and how a step ended. Pure values; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Step(StrEnum):
    """The steps in the order in which they are taken."""

    NAME_RESOLUTION = "nameResolution"
    CONNECTION = "connection"
    TLS = "tls"
    TOKEN = "token"
    MAILBOX_ACCESS = "mailboxAccess"
    FOLDER_LIST = "folderList"
    PERMISSION_TO_SEND = "permissionToSend"


class Outcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "notReached"


SSL_OFF = "SslOff"
"""The code of the TLS step of a mailbox without TLS: there is nothing to test, and nothing failed."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """`code`: the failing side's own name for the cause, None where there is none; `server_message`: what it
    said. A step that was not reached has the code of the cause where that lies in no other result.

    `facts`: short texts by name, such as `address`, `issuer`, `validUntil` (a date), `folders` (a number).
    """

    step: Step
    outcome: Outcome
    took: timedelta
    code: str | None = None
    server_message: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_fine(self) -> bool:
        """Whether nothing about it needs mending."""
        return self.outcome is Outcome.PASSED or self.code == SSL_OFF


@dataclass(frozen=True, slots=True)
class OtherMailboxResult:
    """Whether the app can open a mailbox that is not its own. `code`: how it was refused, else None."""

    address: str
    opened: bool
    code: str | None = None
    server_message: str = ""
