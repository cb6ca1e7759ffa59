"""What a person does about a reply that was queued: retry, cancel, release, settle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from api.dependencies import CallerDep, ServicesDep
from api.path_ids import IncidentId
from api.permissions import Permission, needs
from api.problems import Problem
from api.services import Services
from domain import outbox_moves as moves
from domain.errors import ConflictError, RetryLaterError
from domain.outbox import OutboxEntry
from domain.outbox_moves import NotAllowedError
from mail_reply.enqueue import saved, wake
from mail_reply.replies import stored_reply
from mail_reply.reply_form import SettleForm
from mail_reply.reply_json import reply_json
from mail_reply.standing import mailbox_is_off, sending_is_stopped

router = APIRouter(tags=["Replies"])
_PATH = "/api/incidents/{incident_id}/replies/{reply_id}"
_TRIES = 5


@router.post(f"{_PATH}/retry", summary="Send again what failed")
@needs(Permission.MAILS_REPLY)
def retry_reply(
    incident_id: IncidentId, reply_id: str, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """409 while it is not `failed`."""
    _check_may_send(services, incident_id, reply_id)

    def change(entry: OutboxEntry) -> OutboxEntry:
        return moves.retry(entry, services.clock.now(), caller.name, caller.acting_for)

    return _changed(services, incident_id, reply_id, change, "reply.retried")


@router.post(f"{_PATH}/cancel", summary="Stop it before it leaves")
@needs(Permission.MAILS_REPLY)
def cancel_reply(
    incident_id: IncidentId, reply_id: str, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """409 once it is on its way."""

    def change(entry: OutboxEntry) -> OutboxEntry:
        return moves.cancel(entry, services.clock.now(), caller.name, caller.acting_for)

    return _changed(services, incident_id, reply_id, change, "reply.cancelled")


@router.post(f"{_PATH}/release", summary="Let go what was held")
@needs(Permission.MAILS_REPLY)
def release_reply(
    incident_id: IncidentId, reply_id: str, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """409 while it is not held, or what holds it still does: the mailbox is off, sending is stopped."""
    _check_may_send(services, incident_id, reply_id)

    def change(entry: OutboxEntry) -> OutboxEntry:
        return moves.release(entry, services.clock.now(), caller.name, caller.acting_for)

    return _changed(services, incident_id, reply_id, change, "reply.released")


@router.post(f"{_PATH}/settle", summary="Say whether an unconfirmed mail went out")
@needs(Permission.MAILS_REPLY)
def settle_reply(
    incident_id: IncidentId, reply_id: str, form: SettleForm, services: ServicesDep, caller: CallerDep
) -> dict[str, Any]:
    """409 while it is not `unconfirmed`."""
    now, by = services.clock.now(), caller

    def change(entry: OutboxEntry) -> OutboxEntry:
        if form.sent == "again":
            return moves.send_again(entry, now, by.name, by.acting_for)
        return moves.settle(entry, now, sent=bool(form.sent), by=by.name, acting_for=by.acting_for)

    if form.sent == "again":
        _check_may_send(services, incident_id, reply_id)
    return _changed(services, incident_id, reply_id, change, "reply.settled")


def _changed(
    services: Services,
    incident_id: str,
    reply_id: str,
    change: Callable[[OutboxEntry], OutboxEntry],
    action: str,
) -> dict[str, Any]:
    for _ in range(_TRIES):
        stored = stored_reply(services, incident_id, reply_id)
        try:
            entry = saved(services, stored, change(stored.value), action)
        except NotAllowedError as refused:
            raise Problem(
                409,
                "NotPossibleNow",
                f"This is not possible while the reply is {refused.state.value}.",
                members={"current": reply_json(stored.value)},
            ) from None
        except ConflictError:
            continue
        wake(services, entry)
        return reply_json(entry)
    raise RetryLaterError("StorageUnavailable", "the reply keeps changing")


def _check_may_send(services: Services, incident_id: str, reply_id: str) -> None:
    entry = stored_reply(services, incident_id, reply_id).value
    if sending_is_stopped(services.settings):
        raise Problem(409, "SendingStopped", "An admin has stopped all sending.")
    if mailbox_is_off(services.mailboxes, entry.mailbox_id):
        raise Problem(409, "MailboxOff", "The mailbox is off: nothing is sent from it.")
