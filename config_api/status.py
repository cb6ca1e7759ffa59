"""Routes that show how a mailbox is doing and ask for a poll."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.dependencies import ServicesDep
from api.models import rfc3339
from api.permissions import Permission, needs
from api.problems import Problem
from config_api.mailbox_status import mailbox_status
from config_api.mailboxes import configured_mailbox
from config_api.poll_request import poll_now

router = APIRouter(tags=["Mailbox"])


@router.get("/api/config/mailboxes/{mailbox_id}/status", summary="How the mailbox is doing")
@needs(Permission.CONFIGURATIONS_READ)
def read_status(mailbox_id: str, services: ServicesDep) -> dict[str, Any]:
    """Last and next poll, lag, counts, and each failure with its remedy."""
    config = configured_mailbox(services, mailbox_id)
    poll = services.schedule.read(mailbox_id)
    if config.settings.enabled and (poll is None or (poll.value.due_at or poll.value.claimed_until) is None):
        # A save that was cut off before it asked for the poll.
        poll_now(services, mailbox_id)
        poll = services.schedule.read(mailbox_id)
    syncs = [row.value for row in services.folder_syncs.read_all(mailbox_id)]
    return mailbox_status(config, poll.value if poll else None, syncs, services.clock.now())


@router.post("/api/config/mailboxes/{mailbox_id}/sync", summary="Poll the mailbox now", status_code=202)
@needs(Permission.CONFIGURATIONS_UPDATE)
def request_sync(mailbox_id: str, services: ServicesDep) -> dict[str, Any]:
    """`startsAt` lies ahead where the server has asked to be left alone until then. 409 while the mailbox is
    off."""
    config = configured_mailbox(services, mailbox_id)
    if not config.settings.enabled:
        raise Problem(
            409, "MailboxOff", "The mailbox is off: turn it on first. Nothing is polled until then."
        )
    request = poll_now(services, mailbox_id)
    return {
        "requestedAt": rfc3339(request.requested_at),
        "startsAt": rfc3339(request.starts_at),
        "statusUrl": f"/api/config/mailboxes/{mailbox_id}/status",
    }
