"""A reply, and what a person says about one later, as request bodies."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from api.models import RequestBody
from api.problems import FieldError, Problem
from domain.compose.addresses import BadAddressError, outgoing_address
from domain.compose.check import MAX_BODY_CHARS
from domain.compose.mistakes import MAX_RECIPIENTS
from domain.compose.recipients import MAX_NAME_CHARS
from domain.mail import Address
from mail_reply.enqueue import digest_of

BODY_LIMIT_BYTES = 8 * 1024 * 1024
MAX_DELAY_SECONDS = 60
MAX_ATTACHMENTS = 100
_MAX_ID_CHARS = 200
_MAX_SUBJECT_CHARS = 1_000
_MAX_LISTED = 2_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LISTS = ("to", "cc", "bcc")
_Id = Annotated[str, Field(min_length=1, max_length=_MAX_ID_CHARS)]


class Recipient(RequestBody):
    """Somebody, as mails show them."""

    address: str
    name: str = ""


_People = Annotated[list[str | Recipient], Field(max_length=_MAX_LISTED)]


class ReplyForm(RequestBody):
    """A reply, a forward or a new mail. Recipients that are left out are those of the mode."""

    mode: Literal["reply", "replyAll", "forward", "new"] = "reply"
    in_reply_to: _Id | None = Field(None, description="The mail that is answered or forwarded.")
    to: _People | None = Field(None, description='"ann@fin.example" or {"name", "address"} each.')
    cc: _People | None = None
    bcc: _People | None = None
    subject: Annotated[str, Field(max_length=_MAX_SUBJECT_CHARS)] | None = Field(
        None, description="Left out: the original's. The incident's token is put in."
    )
    html: Annotated[str, Field(max_length=MAX_BODY_CHARS)] = ""
    text: Annotated[str, Field(max_length=MAX_BODY_CHARS)] = ""
    draft: _Id | None = Field(None, description="Whose uploaded files `attachments` names.")
    attachments: Annotated[list[int], Field(max_length=MAX_ATTACHMENTS)] | None = Field(
        None, description="Numbers of the draft's files; left out: all of them."
    )
    include_attachments: bool = Field(True, description="In a forward: the original's attachments go along.")
    send_after_seconds: Annotated[int, Field(ge=0, le=MAX_DELAY_SECONDS)] = 0
    confirm_recipients: bool = Field(False, description="Yes, also to recipients of no business unit.")
    confirm_sender: bool = Field(False, description="Yes, though its sender is not verified.")
    confirm_answered: bool = Field(False, description="Yes, though a colleague has answered it.")
    confirm_auto_reply: bool = Field(False, description="Yes, though no person wrote it.")

    def digest(self) -> str:
        """Of the mail that is asked for; what is confirmed on the way there is not part of it."""
        body: dict[str, Any] = self.model_dump(mode="json")
        return digest_of({name: value for name, value in body.items() if not name.startswith("confirm_")})

    def people(self, field: str) -> tuple[Address, ...] | None:
        """One of the lists; None where it was left out."""
        given: list[str | Recipient] | None = getattr(self, field)
        if given is None:
            return None
        return tuple(
            Address("", one.strip()) if isinstance(one, str) else Address(one.name, one.address.strip())
            for one in given
        )


class SettleForm(RequestBody):
    """What a person knows about an unconfirmed mail."""

    sent: bool | Literal["again"] = Field(
        description='true: it went out; false: it did not; "again": it did not, send it again.'
    )


def check_fields(form: ReplyForm) -> None:
    """What cannot stand in a header field. Raises 422."""
    errors: list[FieldError] = []
    people = {field: form.people(field) or () for field in _LISTS}
    if sum(len(one) for one in people.values()) > MAX_RECIPIENTS:
        detail = f"A mail goes to at most {MAX_RECIPIENTS} recipients."
        raise Problem.of_fields([FieldError("to", "TooMany", detail)])
    for field, listed in people.items():
        for n, one in enumerate(listed):
            errors += _mistakes(f"{field}.{n}", one)
    if form.subject is not None and _CONTROL.search(form.subject):
        errors.append(_control("subject"))
    if form.mode == "new" and not (form.subject or "").strip():
        errors.append(FieldError("subject", "Required", "A new mail needs a subject."))
    if form.mode == "new" and form.in_reply_to is not None:
        errors.append(FieldError("inReplyTo", "NotWithNew", "A new mail answers none."))
    if form.mode != "new" and form.in_reply_to is None:
        errors.append(FieldError("inReplyTo", "Required", "Which mail is this about?"))
    if form.mode != "forward" and not form.html.strip() and not form.text.strip():
        errors.append(FieldError("html", "Required", "Write something."))
    if form.attachments is not None and form.draft is None:
        errors.append(FieldError("draft", "Required", "Whose files are these?"))
    if errors:
        raise Problem.of_fields(errors)


def _mistakes(field: str, one: Address) -> list[FieldError]:
    found = []
    if _CONTROL.search(one.name):
        found.append(_control(f"{field}.name"))
    elif len(one.name) > MAX_NAME_CHARS:
        found.append(
            FieldError(f"{field}.name", "TooLong", f"A name has at most {MAX_NAME_CHARS} characters.")
        )
    if _CONTROL.search(one.address):
        found.append(_control(field))
        return found
    try:
        outgoing_address(one.address)
    except BadAddressError as error:
        found.append(FieldError(field, error.code, str(error)))
    return found


def _control(field: str) -> FieldError:
    return FieldError(field, "ControlCharacter", "This holds a line break or a control character.")
