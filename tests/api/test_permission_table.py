"""docs/permissions.md is what the routes say, and every route answers every caller as it says."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

import config_api.routers
import incident_mails.routers
import mail_reply.routers
import web.routers
from api.permission_table import NO_ROLE, NOBODY, listed_routes, permission_page, read_page
from api.system import router as system_router
from tests.api.http_app import ROLES, HttpApp, principal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
_NO_ID = {"claims": [{"typ": "roles", "val": "Configurations.Read"}]}
FORGED = {
    "a principal that is no base64": "admin",
    "a principal without an id": base64.b64encode(json.dumps(_NO_ID).encode()).decode(),
    "two principals": f"{principal('none')},{principal('admin')}",
}


def table() -> dict[tuple[str, str, str], bool]:
    return read_page(PAGE.read_text(encoding="utf-8"))


ROUTES = sorted({(path, method) for method, path, _ in table()})


def test_the_page_is_what_the_routes_say() -> None:
    areas = (
        *config_api.routers.ROUTERS,
        *incident_mails.routers.ROUTERS,
        *mail_reply.routers.ROUTERS,
        *web.routers.ROUTERS,
    )
    routes = listed_routes((system_router, *areas))
    assert PAGE.read_text(encoding="utf-8") == permission_page(routes), "run scripts/permissions"
    assert len(routes) > 20


def caller(column: str) -> dict[str, str]:
    """The headers of a caller of this column."""
    if column == NOBODY:
        return {}
    roles = [] if column == NO_ROLE else [("roles", column)]
    return {"x-ms-client-principal": principal("none", roles), "authorization": "Bearer token"}


def is_let_in(app: HttpApp, method: str, path: str, headers: dict[str, str]) -> bool:
    """Whether the request gets past the gate: it has no body and names nothing that is there, so it changes
    nothing."""
    answer = app.call(method, re.sub(r"{.*?}", "none", path), role=None, headers=headers)
    if answer.status not in (401, 403):
        assert answer.status < 500, answer.body
        return True
    assert (answer.status == 401) == ("x-ms-client-principal" not in headers)
    return False


@pytest.mark.parametrize("path,method", ROUTES)
def test_every_route_answers_every_caller_as_the_page_says(app: HttpApp, path: str, method: str) -> None:
    answers = {
        column: is_let_in(app, method, path, caller(column))
        for one_method, one_path, column in table()
        if (one_method, one_path) == (method, path)
    }
    assert answers == {
        column: says for (one, other, column), says in table().items() if (one, other) == (method, path)
    }


@pytest.mark.parametrize("role", ROLES)
def test_every_kind_of_person_may_do_what_one_of_their_roles_gives(app: HttpApp, role: str) -> None:
    says = table()
    headers = {"x-ms-client-principal": principal(role), "authorization": "Bearer token"}
    for path, method in ROUTES:
        expected = any(says[method, path, column] for column in (NO_ROLE, *ROLES[role]))
        assert is_let_in(app, method, path, headers) == expected, (method, path)


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_principal_opens_nothing_that_is_closed_to_nobody(app: HttpApp, forged: str) -> None:
    says = table()
    headers = {"x-ms-client-principal": forged, "authorization": "Bearer token"}
    for path, method in ROUTES:
        answer = app.call(method, re.sub(r"{.*?}", "none", path), role=None, headers=headers)
        assert (answer.status != 401) == says[method, path, NOBODY], (method, path)


def test_without_the_platform_s_authentication_a_principal_opens_nothing(app: HttpApp) -> None:
    app.authentication = False
    says = table()
    for path, method in ROUTES:
        answer = app.call(method, re.sub(r"{.*?}", "none", path), role="admin")
        assert (answer.status != 401) == says[method, path, NOBODY], (method, path)
