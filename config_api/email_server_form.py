"""The **Email Server** form as a request body."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from api.models import RequestBody
from config_api.addresses import ascii_host, ip_literal
from config_api.mistakes import FieldMistakeError, for_pydantic
from config_api.plain_text import one_line, several_lines
from domain.configuration import EmailServerKind, SmtpSecurity

_MAX_PASSWORD_CHARS = 2_000
_MAX_USER_NAME_CHARS = 320
_MAX_SENDER_NAME_CHARS = 200
_MAX_SIGNATURE_CHARS = 4_000


def _kind(value: str) -> str:
    if value not in tuple(EmailServerKind):
        raise FieldMistakeError("UnknownKind", "Choose ews (this mailbox) or smtp.")
    return value


def _security(value: str) -> str:
    if value not in tuple(SmtpSecurity):
        raise FieldMistakeError("UnknownSecurity", "Choose starttls, tls or none.")
    return value


def _host(value: str) -> str:
    text = value.strip()
    if "://" in text or re.search(r"[/?#\\@\s]", text):
        raise FieldMistakeError(
            "NotAHost",
            "Enter the host name alone, such as smtp.corp.example; the port has a field of its own.",
        )
    if literal := ip_literal(text):
        return literal
    if ":" in text:
        raise FieldMistakeError("NotAHost", "Leave the port out here: it has a field of its own.")
    return ascii_host(text)


def _port(value: int) -> int:
    if not 1 <= value <= 65_535:
        raise FieldMistakeError("PortOutOfRange", "A port is a number from 1 to 65535; SMTP mostly has 587.")
    return value


def _password(value: str) -> str:
    if not 1 <= len(value) <= _MAX_PASSWORD_CHARS or not value.isprintable():
        raise FieldMistakeError(
            "BadSecret", f"A password has 1 to {_MAX_PASSWORD_CHARS} printable characters."
        )
    return value


class EmailServerForm(RequestBody):
    """`PUT` body. With `ews` the SMTP fields are null or left out; a password that was set is forgotten then.

    What only the answer holds may be sent back and counts for nothing.
    """

    kind: Annotated[str, AfterValidator(for_pydantic(_kind))] = Field(
        description="`ews`: mail goes out by the configured mailbox; `smtp`: by an SMTP server."
    )
    host: Annotated[str, AfterValidator(for_pydantic(_host))] | None = None
    port: Annotated[int, AfterValidator(for_pydantic(_port))] | None = Field(
        None, description="Left out: 587 for starttls, 465 for tls, 25 for none."
    )
    security: Annotated[str, AfterValidator(for_pydantic(_security))] | None = Field(
        None, description="`starttls` where left out, `tls` or `none`."
    )
    confirm_unencrypted: bool = Field(False, description="Has to be true where security is none.")
    user_name: Annotated[str, AfterValidator(for_pydantic(one_line(_MAX_USER_NAME_CHARS)))] | None = Field(
        None, description="Null or left out: the server is not signed in to."
    )
    password: Annotated[str, AfterValidator(for_pydantic(_password))] | None = Field(
        None,
        description=(
            "Write-only. Needed when userName is first given, and when host, port, security or userName "
            "change."
        ),
    )
    sender_name: Annotated[
        str, AfterValidator(for_pydantic(one_line(_MAX_SENDER_NAME_CHARS, may_be_empty=True)))
    ] = Field("", description="The display name of what is sent; empty: the mailbox's own.")
    signature: Annotated[str, AfterValidator(for_pydantic(several_lines(_MAX_SIGNATURE_CHARS)))] = Field(
        "", description="Plain text below what is sent."
    )

    password_set: Any = Field(None, description="Read-only.")
    password_set_at: Any = Field(None, description="Read-only.")
    password_set_by: Any = Field(None, description="Read-only.")
    warnings: Any = Field(None, description="Read-only.")
