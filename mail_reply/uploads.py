"""The files of a draft that go along with a reply."""

from __future__ import annotations

from api.caller import Caller
from api.problems import FieldError, Problem
from api.services import Services
from domain.compose.message import OutgoingPart
from mail_reply.reply_form import ReplyForm


def uploaded_parts(
    services: Services, caller: Caller, incident_id: str, form: ReplyForm
) -> tuple[OutgoingPart, ...]:
    """In the order of `attachments`. Raises 422 where the draft or a file is not there."""
    if form.draft is None:
        return ()
    raise Problem.of_fields([FieldError("draft", "UnknownDraft", "There is no such draft of yours.")])
