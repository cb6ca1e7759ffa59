"""Routes of the **Incident Notification** email template."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.dependencies import CallerDep, ServicesDep
from api.models import RequestBody
from api.permissions import Permission, needs
from api.problems import FieldError, Problem
from api.services import Services
from config_api.mailboxes import IfMatch
from config_api.settings_resource import SettingsResource
from domain.configuration import BusinessUnitSettings
from domain.notification_template import (
    DEFAULT_TEMPLATE,
    PLACEHOLDERS,
    NotificationTemplate,
    find_mistakes,
    render,
)

router = APIRouter(tags=["Settings"])
_PATH = "/api/config/notification-template"
_BODY_LIMIT_BYTES = 1024 * 1024
_MAX_MISTAKES = 50
_Value = Annotated[str, Field(max_length=1_000)]


class TemplateForm(RequestBody):
    """A template with placeholders such as `{{incident.id}}`. Of `html` and `text` one may be empty: it is
    made from the other when the mail is."""

    subject: str
    html: str = ""
    text: str = ""
    placeholders: Any = Field(None, description="Read-only.")
    is_default: Any = Field(None, description="Read-only.")

    def template(self) -> NotificationTemplate:
        """Line ends as LF."""
        html, text = (body.replace("\r\n", "\n").replace("\r", "\n") for body in (self.html, self.text))
        return NotificationTemplate(self.subject, html, text)


class SampleIncident(RequestBody):
    """What is left out is the placeholder's example."""

    id: _Value | None = None
    title: _Value | None = None
    type: _Value | None = None
    severity: _Value | None = None
    status: _Value | None = None
    url: _Value | None = None


class SampleUnit(RequestBody):
    """What is left out is the placeholder's example."""

    name: _Value | None = None
    description: _Value | None = None


class PreviewForm(RequestBody):
    """`{}` previews the saved template with the examples."""

    template: TemplateForm | None = Field(None, description="Left out: the one that is saved.")
    incident: SampleIncident | None = None
    business_unit: SampleUnit | None = None


def _logged(template: NotificationTemplate) -> dict[str, object]:
    return {"subject": template.subject, "html": template.html, "text": template.text}


def _json(template: NotificationTemplate) -> dict[str, object]:
    placeholders = [asdict(one) for one in PLACEHOLDERS]
    return {
        **_logged(template),
        "isDefault": template == DEFAULT_TEMPLATE,
        "placeholders": placeholders,
    }


_RESOURCE = SettingsResource(
    DEFAULT_TEMPLATE, "notificationTemplate", "settings/notification-template", _json, _logged
)


@router.get(_PATH, summary="The template of incident notifications")
@needs(Permission.CONFIGURATIONS_READ)
def read_notification_template(services: ServicesDep) -> JSONResponse:
    """With the placeholders that it may hold."""
    return _RESOURCE.answer(_RESOURCE.read(services))


@router.put(_PATH, summary="Change the template of incident notifications")
@needs(Permission.CONFIGURATIONS_UPDATE, body_limit_bytes=_BODY_LIMIT_BYTES)
def write_notification_template(
    form: TemplateForm, services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match. Mistakes are told with line and column, in `mistakes` for programs."""
    current = _RESOURCE.read_to_change(services, if_match)
    template = _checked(form, "")
    return _RESOURCE.answer(_RESOURCE.save(services, caller, current, template))


@router.delete(_PATH, summary="Reset the template to its default", status_code=200)
@needs(Permission.CONFIGURATIONS_UPDATE)
def reset_notification_template(
    services: ServicesDep, caller: CallerDep, if_match: IfMatch = None
) -> JSONResponse:
    """Needs If-Match. Answers with the default."""
    current = _RESOURCE.read_to_change(services, if_match)
    return _RESOURCE.answer(_RESOURCE.reset(services, caller, current))


@router.post(f"{_PATH}/preview", summary="The mail that a template makes")
@needs(Permission.CONFIGURATIONS_READ, body_limit_bytes=_BODY_LIMIT_BYTES)
def preview_notification(form: PreviewForm, services: ServicesDep) -> dict[str, Any]:
    """Of the saved template or one that is not saved yet, with a sample incident. Nothing is stored or sent.
    Show `html` in a sandboxed frame."""
    if form.template is not None:
        template = _checked(form.template, "template.")
    else:
        template = _RESOURCE.read(services).value
    return asdict(render(template, _values(form, services)))


def _values(form: PreviewForm, services: Services) -> dict[str, str]:
    stored = services.settings.read(BusinessUnitSettings)
    names = stored.value if stored else BusinessUnitSettings()
    values = {one.name: one.example for one in PLACEHOLDERS}
    values |= {"parameterName": names.parameter_name, "parameterNamePlural": names.parameter_name_plural}
    for prefix, sample in (("incident", form.incident), ("businessUnit", form.business_unit)):
        given = sample.model_dump(exclude_none=True) if sample else {}
        values |= {f"{prefix}.{name}": value for name, value in given.items()}
    return values


def _checked(form: TemplateForm, prefix: str) -> NotificationTemplate:
    template = form.template()
    mistakes = find_mistakes(template)[:_MAX_MISTAKES]
    if mistakes:
        errors = [FieldError(f"{prefix}{one.field}", one.code, one.detail) for one in mistakes]
        refused = Problem.of_fields(errors)
        refused.members["mistakes"] = [
            {
                "field": f"{prefix}{one.field}",
                "code": one.code,
                "position": one.position,
                "line": one.line,
                "column": one.column,
            }
            for one in mistakes
        ]
        raise refused
    return template
