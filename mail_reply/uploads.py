"""The files of a draft: uploaded one by one, and those that go along with a reply."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from api.caller import Caller
from api.problems import FieldError, Problem
from api.services import Services
from domain.compose.check import DEFAULT_CONTENT_BYTES
from domain.compose.file_names import safe_file_name
from domain.compose.message import OutgoingPart
from domain.compose.parts import media_type
from domain.drafts import DraftFile, DraftTooLargeError, ReplyDraft
from domain.errors import ConflictError, RetryLaterError
from domain.stored import Versioned
from mail_reply.people import owner_of
from mail_reply.reply_form import ReplyForm

_TRIES = 8
_CHUNK_BYTES = 1024 * 1024


def stored_draft(
    services: Services, caller: Caller, incident_id: str, draft_id: str
) -> Versioned[ReplyDraft]:
    """Raises 404, also for somebody else's."""
    stored = services.drafts.read(incident_id, owner_of(caller), draft_id)
    if stored is None:
        raise Problem.not_found("The draft")
    return stored


def change_draft(
    services: Services,
    stored: Versioned[ReplyDraft],
    change: Callable[[ReplyDraft], ReplyDraft],
) -> Versioned[ReplyDraft]:
    """Whoever changes it at the same time, both changes hold. Raises 404, 413 and what storage raises."""
    for _ in range(_TRIES):
        try:
            return services.drafts.save(change(stored.value), stored.etag)
        except DraftTooLargeError:
            raise Problem(413, "DraftTooLarge", "A draft's text may have about 400,000 characters.") from None
        except ConflictError:
            before = stored.value
            again = services.drafts.read(before.incident_id, before.owner, before.id)
            if again is None:
                raise Problem.not_found("The draft") from None
            stored = again
    raise RetryLaterError("StorageUnavailable", "the draft keeps changing")


def add_file(
    services: Services,
    stored: Versioned[ReplyDraft],
    number: int,
    content: bytes,
    *,
    name: str,
    content_type: str,
    content_id: str | None,
) -> Versioned[ReplyDraft]:
    """Blob first, then the row that names it. Raises 413 beyond what all files together may have."""
    key = f"drafts/{uuid.uuid4().hex}"
    chunks = (content[start : start + _CHUNK_BYTES] for start in range(0, len(content), _CHUNK_BYTES))
    _check_total(stored.value, number, len(content))
    services.contents.put(key, chunks)
    file = DraftFile(number, key, safe_file_name(name), media_type(content_type), len(content), content_id)

    def change(draft: ReplyDraft) -> ReplyDraft:
        _check_total(draft, number, len(content))
        others = tuple(one for one in draft.files if one.number != number)
        files = tuple(sorted((*others, file), key=lambda one: one.number))
        return replace(draft, files=files, saved_at=services.clock.now())

    saved = change_draft(services, stored, change)
    drop_files(services, stored.value, [one for one in stored.value.files if one.number == number])
    return saved


def drop_files(services: Services, draft: ReplyDraft, files: list[DraftFile]) -> None:
    """Their bytes, unless a reply was made of them."""
    if not draft.is_used:
        for one in files:
            services.contents.delete(one.key)


def uploaded_parts(
    services: Services, caller: Caller, incident_id: str, form: ReplyForm, *, use: bool
) -> tuple[OutgoingPart, ...]:
    """In the order of `attachments`. `use`: a reply is made of them, so their bytes stay. Raises 422 where
    the draft or a file is not there."""
    if form.draft is None:
        return ()
    stored = services.drafts.read(incident_id, owner_of(caller), form.draft)
    if stored is None:
        raise Problem.of_fields([FieldError("draft", "UnknownDraft", "There is no such draft of yours.")])
    if use and not stored.value.is_used:
        stored = change_draft(services, stored, lambda draft: replace(draft, is_used=True))
    files = {one.number: one for one in stored.value.files}
    wanted = list(files) if form.attachments is None else form.attachments
    errors = [
        FieldError(f"attachments.{n}", "UnknownFile", "The draft has no file of this number.")
        for n, number in enumerate(wanted)
        if number not in files
    ]
    if errors:
        raise Problem.of_fields(errors)
    return tuple(_part(files[number]) for number in dict.fromkeys(wanted))


def _check_total(draft: ReplyDraft, number: int, size_bytes: int) -> None:
    total = size_bytes + sum(one.size_bytes for one in draft.files if one.number != number)
    if total > DEFAULT_CONTENT_BYTES:
        megabytes = DEFAULT_CONTENT_BYTES // (1024 * 1024)
        raise Problem(413, "AttachmentsTooLarge", f"All files of a mail have at most {megabytes} MB.")


def _part(file: DraftFile) -> OutgoingPart:
    return OutgoingPart(file.key, file.name, file.content_type, file.size_bytes, file.content_id)
