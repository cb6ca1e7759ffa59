"""**Test connection**: tries a mailbox's settings out, saved or as they stand in the form. Stores nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from api.dependencies import ServicesDep
from api.permissions import Permission, needs
from api.services import Services
from config_api.addresses import smtp_address
from config_api.connection_test_json import connection_test_json
from config_api.mailbox_form import MailboxForm
from config_api.mailboxes import configured_mailbox
from config_api.mistakes import for_pydantic
from config_api.save_mailbox import settings_of_form
from domain.connection_test import OtherMailboxResult, Step
from domain.mailboxes import DEFAULT_MAILBOX_ID, MailboxSettings

router = APIRouter(tags=["Mailbox"])

OneStep = Annotated[Step | None, Query(description="Only this step; what it needs is done for it.")]
OtherMailbox = Annotated[str, AfterValidator(for_pydantic(smtp_address))]
_OTHER = "A mailbox that the app should not be able to open; a warning says so if it can."


class ConnectionTestForm(MailboxForm):
    """The **Mailbox** form as it stands, saved or not."""

    other_mailbox: OtherMailbox | None = Field(None, description=_OTHER)


@router.post("/api/config/mailboxes/test", summary="Test connection with unsaved settings")
@needs(Permission.CONFIGURATIONS_UPDATE)
def try_form(
    form: ConnectionTestForm,
    services: ServicesDep,
    step: OneStep = None,
    mailbox: Annotated[str, Query(max_length=100, description="Whose stored secret key may be used.")] = (
        DEFAULT_MAILBOX_ID
    ),
) -> dict[str, Any]:
    """Takes the body of `PUT` and stores nothing. Without `secretKey` the stored one is used, where nothing
    that it depends on (server, port, tenant, app, authentication type, encryption) changed."""
    stored = services.mailboxes.read(mailbox)
    before = stored.settings if stored else None
    settings = settings_of_form(form, before, mailbox)
    if form.secret_key is not None:
        settings = replace(settings, secret=None)
    return _tested(services, settings, form.secret_key, step, form.other_mailbox)


@router.post("/api/config/mailboxes/{mailbox_id}/test", summary="Test connection with the saved settings")
@needs(Permission.CONFIGURATIONS_UPDATE)
def try_saved(
    mailbox_id: str,
    services: ServicesDep,
    step: OneStep = None,
    other_mailbox: Annotated[OtherMailbox | None, Query(alias="otherMailbox", description=_OTHER)] = None,
) -> dict[str, Any]:
    """Walks the steps one by one and answers within 15 seconds where one fails. A draft is saved in the
    mailbox and removed again; nothing is sent."""
    stored = configured_mailbox(services, mailbox_id)
    return _tested(services, stored.settings, None, step, other_mailbox)


def _tested(
    services: Services,
    settings: MailboxSettings,
    secret: str | None,
    step: Step | None,
    other_mailbox: str | None,
) -> dict[str, Any]:
    steps = (step,) if step else tuple(Step)
    results = list(services.tester.run(settings, secret, steps))
    other: OtherMailboxResult | None = None
    opened = any(result.step is Step.MAILBOX_ACCESS for result in results)
    if other_mailbox and opened and all(result.is_fine for result in results):
        other = services.tester.try_other_mailbox(settings, secret, other_mailbox)
    return connection_test_json(settings, results, other, services.clock.now().date())
