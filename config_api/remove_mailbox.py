"""Takes a mailbox out of the configuration. What came in through it stays: mails, links and log are evidence.

In this order: settings, folder selection and activity log entry in one transaction; then nothing is due any
more; then the secret's version is switched off in Key Vault. Dies after the transaction: the next poll finds
no mailbox and stops by itself; the version may stay on, and the log's entry names it. Repeated, it answers
404. Checkpoints of folders stay, and so do the mails' ids: a mailbox that is configured again under this id
goes on where it stopped and repeats no mail.
"""

from __future__ import annotations

from api.caller import Caller
from api.dependencies import activity
from api.etags import check_if_match, entity_tag, stale
from api.problems import FieldError, Problem
from api.services import Services
from config_api.mailbox_json import logged, mailbox_json, warning
from config_api.poll_request import stop_polling
from config_api.secret_versions import switch_off
from domain.errors import ConflictError
from domain.mailboxes import MailboxSettings, SecretRef
from domain.remedies import remedy_for
from domain.stored import Versioned

KEEP_MAIL = "keepMail"
_CONSEQUENCES = (
    "Polling stops. Mail that is stored stays as evidence and stays linked. The settings, the folder"
    " selection and the secret go; configuring the mailbox again under the same id repeats no mail."
)


def remove_mailbox(
    services: Services,
    caller: Caller,
    stored: Versioned[MailboxSettings],
    if_match: str | None,
    confirm: str | None,
) -> dict[str, object]:
    """What became of it, with a warning where the secret could not be switched off.

    Raises `Problem` for preconditions and a missing confirmation, and what storage raises.
    """
    settings, now = stored.value, services.clock.now()
    check_if_match(if_match, entity_tag(stored.etag), mailbox_json(settings, now.date()))
    if confirm != KEEP_MAIL:
        raise Problem.of_fields(
            [FieldError("confirm", "ConfirmationNeeded", f"{_CONSEQUENCES} Confirm by confirm={KEEP_MAIL}.")]
        )
    entry = activity(
        services,
        caller,
        "mailbox.removed",
        f"mailbox/{settings.mailbox_id}",
        {**(logged(settings, now) or {}), **_named(settings.secret)},
        {"mail": "kept", "secretKey": "changed"},
    )
    try:
        services.mailboxes.remove(settings.mailbox_id, stored.etag, entry)
    except ConflictError:
        raise _conflict(services, settings.mailbox_id) from None
    stop_polling(services, settings.mailbox_id)
    warnings = _disable(services, settings.secret)
    return {
        "id": settings.mailbox_id,
        "removed": True,
        "detail": _CONSEQUENCES,
        "secretDisabled": settings.secret is not None and not warnings,
        "warnings": warnings,
    }


def _named(secret: SecretRef | None) -> dict[str, object]:
    """Where the secret lies, for whoever has to switch it off by hand."""
    return {"secretName": secret.name, "secretVersion": secret.version} if secret else {}


def _disable(services: Services, secret: SecretRef | None) -> list[dict[str, object]]:
    if secret is None:
        return []
    error = switch_off(services, secret)
    if error is None:
        return []
    remedy = remedy_for(error.code)
    detail = (
        f"The mailbox is removed, but version {secret.version} of the secret {secret.name} is still"
        f" enabled in Key Vault: disable it there by hand. {remedy.detail} {remedy.remedy}"
    )
    return [warning("SecretNotDisabled", "The secret key is still enabled", detail) | {"cause": error.code}]


def _conflict(services: Services, mailbox_id: str) -> Problem:
    current = services.mailboxes.read_settings(mailbox_id)
    if current is None:
        return Problem(404, "MailboxNotConfigured", "This mailbox is not configured.")
    return stale(entity_tag(current.etag), mailbox_json(current.value, services.clock.now().date()))
