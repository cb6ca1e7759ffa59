"""schemathesis reads the OpenAPI description and tries each operation with valid and invalid requests: no
500, every answer as documented. The same requests each time."""

from __future__ import annotations

from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

import config_api.routers
import incident_mails.routers
import mail_reply.routers
import web.routers
from api.application import create_app
from api.services import Services
from api.settings import ApiSettings
from store.connection import StorageConnection
from tests.api.http_app import http_app, principal
from tests.config_api.forms import configured
from tests.store.support import empty

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    negative_data_rejection,
]
_SETTINGS = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_ADMIN = {"x-ms-client-principal": principal("admin"), "authorization": "Bearer token"}


@pytest.fixture(scope="module")
def description(storage: StorageConnection) -> Any:
    """The description of an application with a mailbox, as its own route gives it."""
    empty(storage)
    app = http_app(storage)
    configured(app)
    return schemathesis.openapi.from_asgi("/api/openapi.json", app.app())


def _operations() -> list[tuple[str, str]]:
    routers = (
        *config_api.routers.ROUTERS,
        *incident_mails.routers.ROUTERS,
        *mail_reply.routers.ROUTERS,
        *web.routers.ROUTERS,
    )
    document = create_app(cast(Services, None), routers, ApiSettings(True)).state.openapi
    return [(path, method) for path, methods in document["paths"].items() for method in methods]


@pytest.mark.parametrize("path,method", _operations())
def test_every_operation_answers_as_described(description: Any, path: str, method: str) -> None:
    @_SETTINGS
    @given(case=description[path][method].as_strategy(), of_default=booleans())
    def answers_as_described(case: Any, of_default: bool) -> None:
        if of_default and "mailbox_id" in (case.path_parameters or {}):
            case.path_parameters["mailbox_id"] = "default"
        case.call_and_validate(headers=_ADMIN, checks=_CHECKS)

    answers_as_described()
