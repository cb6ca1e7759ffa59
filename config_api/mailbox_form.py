"""The **Mailbox** form as a request body: each field checked by itself, its mistake reported at the field."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from api.models import RequestBody
from config_api.addresses import login_name, mail_domain, smtp_address
from config_api.mistakes import FieldMistakeError, for_pydantic
from config_api.server_address import parse_server_address
from domain.mailboxes import DEFAULT_EWS_PORT, MAX_LOOK_BACK_DAYS, AuthenticationType

_GUID_CHARS = 36
_MAX_SECRET_CHARS = 2_000
_MAX_AUTHSERV_ID_CHARS = 253
_SHARED_TENANTS = ("common", "organizations", "consumers")


def _account_type(value: str) -> str:
    if value != "ews":
        raise FieldMistakeError(
            "UnknownAccountType", "The only account type so far is ews (Exchange Web Services)."
        )
    return value


def _authentication_type(value: str) -> str:
    if value not in tuple(AuthenticationType):
        raise FieldMistakeError("UnknownAuthenticationType", "Choose one of oauth2, ntlm and basic.")
    return value


def _guid(value: str) -> str:
    text = value.strip().strip("{}")
    if len(text) != _GUID_CHARS:
        raise FieldMistakeError("NotAGuid", f"A GUID has {_GUID_CHARS} characters; this has {len(text)}.")
    try:
        return str(UUID(text))
    except ValueError as error:
        raise FieldMistakeError(
            "NotAGuid", "A GUID has the form 00000000-0000-0000-0000-000000000000, of hexadecimal digits."
        ) from error


def _tenant(value: str) -> str:
    text = value.strip().lower()
    if text in _SHARED_TENANTS:
        raise FieldMistakeError(
            "NotATenant", f"{text} stands for all tenants; enter your own tenant's GUID or domain."
        )
    if "." in text:
        return mail_domain(text)
    try:
        return _guid(text)
    except FieldMistakeError as mistake:
        raise FieldMistakeError(
            "NotATenant",
            f"Enter the tenant's GUID, or a verified domain of it such as corp.example. {mistake.detail}",
        ) from mistake


def _server(value: str) -> str:
    parse_server_address(value)
    return value


def _secret(value: str) -> str:
    if not 1 <= len(value) <= _MAX_SECRET_CHARS or not value.isprintable():
        raise FieldMistakeError(
            "BadSecret", f"A secret key has 1 to {_MAX_SECRET_CHARS} printable characters."
        )
    if value != value.strip():
        raise FieldMistakeError(
            "BadSecret", "There is white space before or after the secret key, as copying can add."
        )
    return value


def _authserv_id(value: str) -> str:
    text = value.strip()
    if not 1 <= len(text) <= _MAX_AUTHSERV_ID_CHARS or not re.fullmatch(r"[!-:<-~]+", text):
        raise FieldMistakeError(
            "NotAnAuthservId", "This is a name such as mx.corp.example (RFC 8601), without spaces."
        )
    return text


def _date(value: str) -> str:
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError(value)
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise FieldMistakeError("NotADate", "Enter a date such as 2027-05-01.") from error


def _port(value: int) -> int:
    if not 1 <= value <= 65_535:
        raise FieldMistakeError("PortOutOfRange", "A port is a number from 1 to 65535; EWS mostly has 443.")
    return value


def _look_back(value: int) -> int:
    if not 1 <= value <= MAX_LOOK_BACK_DAYS:
        raise FieldMistakeError("OutOfRange", f"The first sync goes back 1 to {MAX_LOOK_BACK_DAYS} days.")
    return value


class MailboxForm(RequestBody):
    """`PUT` body of a mailbox. Optional fields that are left out keep what they are, at creation their
    defaults.

    What only the answer holds (`secretSet` and the like) may be sent back and counts for nothing.
    """

    account_type: Annotated[str, AfterValidator(for_pydantic(_account_type))] = "ews"
    port: Annotated[int, AfterValidator(for_pydantic(_port))] = DEFAULT_EWS_PORT
    authentication_type: Annotated[str, AfterValidator(for_pydantic(_authentication_type))] = "oauth2"
    email: Annotated[
        str,
        Field(
            description=(
                "The mailbox's SMTP address; with ntlm and basic the mailbox's login, DOMAIN\\user or a UPN."
            )
        ),
    ]
    secret_key: Annotated[str, AfterValidator(for_pydantic(_secret))] | None = Field(
        None,
        description=(
            "Write-only; with ntlm and basic the password. Needed at creation, and when server, tenant, app, "
            "authentication type or, with a password, the login change."
        ),
    )
    incoming_server: Annotated[
        str,
        AfterValidator(for_pydantic(_server)),
        Field(description="A host name; of a pasted URL host and port are understood."),
    ]
    app_id: Annotated[str, AfterValidator(for_pydantic(_guid))] | None = None
    tenant_id: Annotated[str, AfterValidator(for_pydantic(_tenant))] | None = None
    ssl_encrypted: bool = True
    confirm_ssl_off: bool = Field(False, description="Has to be true where sslEncrypted is false.")
    secret_expires_on: Annotated[str, AfterValidator(for_pydantic(_date))] | None = Field(
        None, description="A date; null or left out with a new secret: unknown."
    )
    enabled: bool = Field(False, description="The Mailbox toggle.")
    look_back_days: Annotated[int, AfterValidator(for_pydantic(_look_back))] = Field(
        7, description="How far back the first sync goes, 1 to 365 days."
    )
    authserv_id: Annotated[str, AfterValidator(for_pydantic(_authserv_id))] | None = Field(
        None, description="authserv-id (RFC 8601) of the mailbox's own server."
    )

    id: Any = Field(None, description="Read-only.")
    secret_set: Any = Field(None, description="Read-only.")
    secret_set_at: Any = Field(None, description="Read-only.")
    secret_set_by: Any = Field(None, description="Read-only.")
    warnings: Any = Field(None, description="Read-only.")

    def says(self, field: str) -> bool:
        """Whether the request held this field at all."""
        return field in self.model_fields_set


def check_email(value: str, authentication_type: str) -> str:
    """The field **Email/Username**: its rules depend on how to sign in. Raises `FieldMistakeError`."""
    if authentication_type == AuthenticationType.OAUTH2:
        return smtp_address(value)
    return login_name(value)
