"""Routes of retention: how long each kind of data is kept."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from config_api.mailboxes import IfMatch
from config_api.settings_resource import SettingsResource
from domain.configuration import MAX_RETENTION_DAYS, MIN_ACTIVITY_LOG_DAYS, Retention

router = APIRouter(tags=["Settings"])
_PATH = "/api/config/retention"


class RetentionForm(RequestBody):
    """Days, or null (and left out) for good."""

    mails: int | None = Field(None, description="Mails of incidents, with their raw messages.")
    raw: int | None = Field(None, description="Raw messages, where they go before their mails.")
    activity_log: int | None = Field(None, description=f"At least {MIN_ACTIVITY_LOG_DAYS}.")
    triage: int | None = Field(None, description="Mails that nobody linked to an incident.")


def _json(retention: Retention) -> dict[str, object]:
    return {
        "mails": retention.mails_days,
        "raw": retention.raw_days,
        "activityLog": retention.activity_log_days,
        "triage": retention.triage_days,
    }


_RESOURCE = SettingsResource(Retention(), "retention", "settings/retention", _json, _json)


@router.get(_PATH, summary="How long each kind of data is kept")
@needs(Permission.CONFIGURATIONS_READ)
def read_retention(services: ServicesDep) -> JSONResponse:
    """In days; null, the default, is for good."""
    return _RESOURCE.answer(_RESOURCE.read(services))


@router.put(_PATH, summary="Set how long each kind of data is kept")
@needs(Permission.CONFIGURATIONS_UPDATE)
def write_retention(
    form: RetentionForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match. What is left out is kept for good."""
    current = _RESOURCE.read_to_change(services, if_match)
    if errors := _mistakes(form):
        raise Problem.of_fields(errors)
    value = Retention(
        mails_days=form.mails,
        raw_days=form.raw,
        activity_log_days=form.activity_log,
        triage_days=form.triage,
    )
    return _RESOURCE.answer(_RESOURCE.save(services, caller, current, value))


def _mistakes(form: RetentionForm) -> list[FieldError]:
    bounds = (
        ("mails", form.mails, 1),
        ("raw", form.raw, 1),
        ("activityLog", form.activity_log, MIN_ACTIVITY_LOG_DAYS),
        ("triage", form.triage, 1),
    )
    errors = [
        FieldError(field, "OutOfRange", f"This is {least} to {MAX_RETENTION_DAYS} days, or null.")
        for field, days, least in bounds
        if days is not None and not least <= days <= MAX_RETENTION_DAYS
    ]
    if form.raw is not None and form.mails is not None and form.raw > form.mails:
        detail = "A raw message goes with its mail at the latest: make this no more than mails."
        errors.append(FieldError("raw", "LongerThanMails", detail))
    return errors
