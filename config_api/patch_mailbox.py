"""Changes single fields of the **Mailbox** form: JSON Merge Patch (RFC 7396).

The patch is merged into the form as it stands and the whole is saved as any other form: same rules, same
crashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from api.caller import Caller
from api.etags import check_if_match, entity_tag
from api.problems import FieldError, Problem
from api.services import Services
from api.validation import problem_of
from config_api.mailbox_form import MailboxForm
from config_api.mailbox_json import mailbox_json
from config_api.mistakes import FieldMistakeError
from config_api.save_mailbox import SavedMailbox, save_mailbox
from config_api.server_address import parse_server_address
from domain.mailboxes import MailboxSettings
from domain.stored import Versioned

_FIELDS = {str(field.alias): field for field in MailboxForm.model_fields.values()}


def patch_mailbox(
    services: Services,
    caller: Caller,
    stored: Versioned[MailboxSettings],
    patch: Mapping[str, Any],
    if_match: str | None,
) -> SavedMailbox:
    """Raises `Problem` for preconditions and field mistakes, and what Key Vault and storage raise."""
    tag = entity_tag(stored.etag)
    today = services.clock.now().date()
    check_if_match(if_match, tag, mailbox_json(stored.value, today))
    if patch.get("secretKey", "") is None:
        raise Problem.of_fields(
            [FieldError("secretKey", "NotRemovable", "The secret key can be replaced, not taken away.")]
        )
    merged = _merged(stored.value, mailbox_json(stored.value, today), patch)
    try:
        form = MailboxForm.model_validate(merged)
    except ValidationError as error:
        raise problem_of(error.errors()) from None
    # The version that was merged, and no other: `*` would let a change in between be lost.
    return save_mailbox(services, caller, stored.value.mailbox_id, form, tag)


def _merged(
    settings: MailboxSettings, shown: Mapping[str, object], patch: Mapping[str, Any]
) -> dict[str, object]:
    form: dict[str, object] = {
        name: value for name, value in shown.items() if name in _FIELDS and value != ""
    }
    if "secretKey" in patch:
        # The old key's expiry says nothing of the new one.
        del form["secretExpiresOn"]
    if _names_a_port(patch.get("incomingServer")):
        del form["port"]
    form["confirmSslOff"] = not settings.ssl_encrypted
    for name, value in patch.items():
        if value is not None:
            form[name] = value
        elif (field := _FIELDS.get(name)) is None or field.is_required():
            form.pop(name, None)
        else:
            form[name] = field.default
    if patch.get("sslEncrypted") is False and settings.ssl_encrypted:
        form["confirmSslOff"] = patch.get("confirmSslOff", False)
    return form


def _names_a_port(server: object) -> bool:
    if not isinstance(server, str):
        return False
    try:
        return parse_server_address(server).port is not None
    except FieldMistakeError:
        return False
