"""A business unit as a request body."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from api.models import RequestBody
from config_api.addresses import mail_domain, smtp_address
from config_api.mistakes import FieldMistakeError, for_pydantic
from domain.business_units import normalise_address, normalise_domain

_MAX_NAME_CHARS = 200
_MAX_DESCRIPTION_CHARS = 4_000
_MAX_ENTRIES = 500


def _name(value: str) -> str:
    name = " ".join(value.split())
    if not name or len(name) > _MAX_NAME_CHARS or not name.isprintable():
        raise FieldMistakeError("BadName", f"A name has 1 to {_MAX_NAME_CHARS} printable characters.")
    return name


def _description(value: str) -> str:
    if len(value) > _MAX_DESCRIPTION_CHARS or "\0" in value:
        raise FieldMistakeError(
            "BadDescription", f"A description has at most {_MAX_DESCRIPTION_CHARS} characters."
        )
    return value


def _domain(value: str) -> str:
    text = value.strip()
    if text.startswith("@"):
        text = text[1:]
    if text.startswith("*."):
        return "*." + mail_domain(text[2:])
    return mail_domain(text)


_Address = Annotated[str, AfterValidator(for_pydantic(smtp_address))]
_Domain = Annotated[str, AfterValidator(for_pydantic(_domain))]
_Addresses = Annotated[list[_Address], Field(max_length=_MAX_ENTRIES)]


class UnitForm(RequestBody):
    """`id` and `uuid` are ours: they may be sent back and count for nothing."""

    name: Annotated[str, AfterValidator(for_pydantic(_name))]
    description: Annotated[str, AfterValidator(for_pydantic(_description))] = ""
    recipients: _Addresses = Field([], description="Who gets incident notifications.")
    follow_up_recipients: _Addresses = Field([], description="Who gets follow-ups.")
    addresses: _Addresses = Field([], description="Addresses that the unit's mail comes from.")
    domains: Annotated[list[_Domain], Field(max_length=_MAX_ENTRIES)] = Field(
        [], description="Domains that its mail comes from; `*.hr.example` stands for the subdomains."
    )
    archived: bool = False
    id: Any = Field(None, description="Read-only.")
    uuid: Any = Field(None, description="Read-only.")


def unique_addresses(addresses: list[str]) -> tuple[str, ...]:
    """Each address once, as first written."""
    return tuple({normalise_address(one): one for one in reversed(addresses)}.values())[::-1]


def unique_domains(domains: list[str]) -> tuple[str, ...]:
    """Each domain once, as first written."""
    return tuple({normalise_domain(one): one for one in reversed(domains)}.values())[::-1]
