"""Who is let in through the running front: roles, forged headers, forged and expired tokens, acting users."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.tokens import TokenKeys
from tests.support.running_sandbox import Answer, RunningSandbox

MAILBOX = "/api/config/mailboxes/default"
ROUTES = (
    ("GET", MAILBOX, {"admin", "editor", "viewer"}),
    ("PUT", MAILBOX, {"admin", "editor"}),
    ("DELETE", MAILBOX, {"admin", "editor"}),
    ("POST", "/api/config/business-units", {"admin", "editor"}),
    ("GET", "/api/config/audit", {"admin", "editor", "viewer"}),
    ("GET", "/api/triage", {"admin", "analyst", "viewer", "respond"}),
    ("GET", "/api/me", {"admin", "editor", "analyst", "viewer", "respond", "none"}),
    ("GET", "/api/health", {"admin", "editor", "analyst", "viewer", "respond", "none", None}),
)
ROLES = ("admin", "editor", "analyst", "viewer", "respond", "none", None)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_let_in_where_it_should_be_and_nowhere_else(
    sandbox: RunningSandbox, role: str | None
) -> None:
    for method, path, let_in in ROUTES:
        answer = sandbox.call(method, path, role=role)
        refusal = 401 if role is None else 403
        assert (answer.status != refusal) == (role in let_in), (method, path, answer.status)
        assert answer.status < 500


def refused(sandbox: RunningSandbox, **headers: str) -> Answer:
    """Nobody is let in with these headers, neither to read nor to write."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    write = sandbox.call("POST", "/api/config/business-units", {"name": "Forged"}, role=None, headers=named)
    assert write.status == 401, write.body
    answer = sandbox.call("GET", "/api/config/business-units", role=None, headers=named)
    assert answer.status == 401, answer.body
    units = sandbox.call("GET", "/api/config/business-units").json["items"]
    assert "Forged" not in [unit["name"] for unit in units]
    return answer


def test_the_platform_s_headers_from_outside_count_for_nothing(sandbox: RunningSandbox) -> None:
    claims = [("oid", "me"), ("preferred_username", "admin@corp.example"), ("roles", "BusinessUnits.Update")]
    principal = {"claims": [{"typ": kind, "val": value} for kind, value in claims]}
    encoded = base64.b64encode(json.dumps(principal).encode()).decode()
    refused(sandbox, X_MS_CLIENT_PRINCIPAL=encoded)
    refused(sandbox, x_ms_client_principal=encoded, X_MS_CLIENT_PRINCIPAL_NAME="admin@corp.example")
    as_nobody = {"X-MS-CLIENT-PRINCIPAL": encoded}
    assert sandbox.call("GET", "/api/triage", role="none", headers=as_nobody).status == 403


def changed_token(token: str, **changes: Any) -> dict[str, Any]:
    """The claims of a token that the sandbox issued, changed."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return {**claims, **changes}


def test_forged_and_expired_tokens_are_refused(sandbox: RunningSandbox) -> None:
    token = sandbox.command("sign-in", "admin").strip()
    header, payload, signature = token.split(".")
    kid = jwt.get_unverified_header(token).get("kid")
    keys = TokenKeys(sandbox.data / "entra")
    good = {"Authorization": f"Bearer {keys.sign(changed_token(token), 3_600)}"}
    assert sandbox.call("GET", "/api/me", role=None, headers=good).status == 200
    stranger = rsa.generate_private_key(65_537, 2_048)
    more = json.dumps(changed_token(token, roles=["BusinessUnits.Update"])).encode()
    forged = [
        "rubbish",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{base64.urlsafe_b64encode(more).decode().rstrip('=')}.{signature}",
        jwt.encode(changed_token(token), stranger, "RS256", headers={"kid": kid}),
        jwt.encode(changed_token(token), "", "none"),
        keys.sign(changed_token(token, exp=int(time.time()) - 3_600), 0),
        keys.sign(changed_token(token, aud="api://another-app"), 3_600),
    ]
    for one in forged:
        refused(sandbox, Authorization=f"Bearer {one}")
    refused(sandbox, Authorization="Basic YWRtaW46YWRtaW4=")


def test_only_an_application_acts_for_somebody_and_me_says_both(sandbox: RunningSandbox) -> None:
    acting = {"X-Acting-User": "ann@corp.example"}
    me = sandbox.call("GET", "/api/me", role="respond", headers=acting).json
    assert (me["kind"], me["actingFor"]) == ("application", "ann@corp.example")
    for role in ("admin", "editor", "none"):
        answer = sandbox.call("GET", "/api/me", role=role, headers=acting)
        assert (answer.status, answer.json["code"]) == (403, "ActAsNotAllowed")


def test_reading_a_mailbox_reads_one_table_entity(sandbox: RunningSandbox) -> None:
    sandbox.configure(enabled=False)
    assert sandbox.call("GET", MAILBOX).status == 200

    def reads() -> dict[str, int]:
        counted = json.loads(sandbox.command("calls")).get("storage", {})
        return {name: count for name, count in counted.items() if name.startswith(("table.", "blob."))}

    for _ in range(3):
        # A timer's own look at the due mailboxes may fall in between: then it is asked again.
        before = reads()
        assert sandbox.call("GET", MAILBOX).status == 200
        after = reads()
        made = {name: count - before.get(name, 0) for name, count in after.items()}
        if (made := {name: count for name, count in made.items() if count}) == {"table.Get": 1}:
            break
    assert made == {"table.Get": 1}
