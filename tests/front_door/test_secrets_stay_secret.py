"""A canary put through everything as the secret is found nowhere but in Key Vault and at the token endpoint:
in no answer, and in no file that the sandbox wrote."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.faults import going_wrong
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import Answer, RunningSandbox

MAILBOXES = "/api/config/mailboxes"
MAILBOX = f"{MAILBOXES}/default"
CANARY = "canary~7Qx.secret-value'<&>9Zk"
PASSWORD = "canary~4Lp.smtp-password'<&>2Wd"
_HOLD_SECRETS = ("keyvault/", "entra/")
"""Where the sandbox plays the services that know the secret."""


def traces() -> set[bytes]:
    """The canaries as they are, and as logs, URLs, forms, XML, JSON and headers would write them."""
    found = set()
    for text in (CANARY, PASSWORD):
        plain = text.encode()
        # The middle alone holds no character that anybody escapes.
        found |= {plain, quote(text, safe="").encode(), text[:18].encode(), json.dumps(text).encode()}
        found |= {b64encode(plain)[:-4], b64encode(b"x" + plain)[4:-4], b64encode(b"xx" + plain)[4:-4]}
        found |= {text.encode("utf-16-le"), plain.hex().encode()}
    return found


class Listener:
    """Makes requests and looks into every answer."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox
        self.leaks: list[str] = []
        self.statuses: list[int] = []

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """One request."""
        answer = self._sandbox.call(method, path, body, **options)
        said = answer.body + json.dumps(answer.headers).encode()
        self.leaks += [f"{method} {path} {answer.status}" for one in traces() if one in said]
        self.statuses.append(answer.status)
        return answer

    def change(self, **changes: Any) -> Answer:
        """PUTs the mailbox as the sandbox's, with the canary as its secret, changed by `changes`."""
        form = {**json.loads(self._sandbox.command("settings")), "secretKey": CANARY, **changes}
        current = self.call("GET", MAILBOX)
        headers = {"If-Match": current.headers["etag"]} if current.status == 200 else {}
        return self.call("PUT", MAILBOX, form, headers=headers)


def test_the_canary_is_found_nowhere(sandbox: RunningSandbox) -> None:
    ask = Listener(sandbox)
    typed_wrong(ask)
    while_key_vault_fails(sandbox, ask)
    assert ask.change().status in (200, 201)
    # The canary is no secret of the app: the token endpoint refuses it in every poll.
    sandbox.sync()
    sandbox.until(lambda: sandbox.status()["error"] is not None, 60)
    while_others_fail(sandbox, ask)
    smtp_password(ask)
    everything_that_can_be_read(ask)
    rotated_patched_and_removed(sandbox, ask)

    assert ask.leaks == []
    assert {200, 201, 400, 412, 422, 428, 502, 503} <= set(ask.statuses)
    found = files_with_traces(sandbox.data)
    assert [one for one in found if not one.startswith(_HOLD_SECRETS)] == []
    assert any(one.startswith("keyvault/") for one in found), "the search finds nothing at all"


def typed_wrong(ask: Listener) -> None:
    """Bodies that are refused, the canary where it belongs and where it does not."""
    for change in (
        {"port": 0},
        {"secretKey": f" {CANARY} "},
        {"secretKey": [CANARY]},
        {"email": CANARY},
        {"appId": CANARY},
        {"tenantId": CANARY},
        {"incomingServer": f"https://soc:{CANARY}@mail.corp.example/"},
        {"authservId": f"{CANARY} {CANARY}"},
        {"secretExpiresOn": CANARY},
        {"accountType": CANARY},
        {"authenticationType": CANARY},
        {"port": CANARY},
    ):
        assert ask.change(**change).status == 422
    ask.call("PUT", MAILBOX, b'{"secretKey": "' + CANARY.encode() + b'"')
    ask.call("PUT", MAILBOX, {"secretKey": CANARY}, role="viewer")
    ask.call("PUT", MAILBOX, {"secretKey": CANARY}, role=None)
    ask.call("POST", f"{MAILBOXES}/test", {"secretKey": CANARY})


def while_key_vault_fails(sandbox: RunningSandbox, ask: Listener) -> None:
    """Every way to fail that the vault has, before anything is stored."""
    for fault in (
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 500},
        {"kind": "cut-before"},
        {"kind": "cut-after"},
        {"kind": "cut-mid"},
    ):
        with going_wrong(sandbox, "keyvault", operation="SetSecret", **fault):
            assert ask.change().status >= 200


def while_others_fail(sandbox: RunningSandbox, ask: Listener) -> None:
    """Faults of storage, token endpoint and Exchange while the canary is in use."""
    with going_wrong(sandbox, "storage", kind="status", status=503, operation="table.Batch"):
        ask.change()
    ask.call("PUT", MAILBOX, json.loads(sandbox.command("settings")), headers={"If-Match": '"old"'})
    ask.call("PUT", MAILBOX, {**json.loads(sandbox.command("settings")), "secretKey": CANARY})
    for part, fault in (
        ("token", {"kind": "status", "status": 500}),
        ("token", {"kind": "cut-after"}),
        ("exchange", {"kind": "status", "status": 500}),
        ("keyvault", {"kind": "status", "status": 500}),
    ):
        with going_wrong(sandbox, part, **fault):
            ask.call("POST", f"{MAILBOX}/sync")
            ask.call("GET", f"{MAILBOX}/folders")
            ask.call("POST", f"{MAILBOX}/test")
            form = {**json.loads(sandbox.command("settings")), "secretKey": CANARY}
            ask.call("POST", f"{MAILBOXES}/test", form)


def smtp_password(ask: Listener) -> None:
    """The other secret that admins type."""
    path = "/api/config/email-server"
    form = {
        "kind": "smtp",
        "host": "smtp.corp.example",
        "port": 587,
        "security": "starttls",
        "userName": "soc",
        "password": PASSWORD,
    }
    etag = ask.call("GET", path).headers["etag"]
    ask.call("PUT", path, {**form, "host": f"https://{PASSWORD}@x"}, headers={"If-Match": etag})
    assert ask.call("PUT", path, form, headers={"If-Match": etag}).status == 200


def everything_that_can_be_read(ask: Listener) -> None:
    """Every GET route without a parameter, and those of the mailbox."""
    document = ask.call("GET", "/api/openapi.json").json
    paths = [path for path, methods in document["paths"].items() if "get" in methods]
    for path in {one.replace("{mailbox_id}", "default") for one in paths}:
        if "{" not in path:
            ask.call("GET", path)
    assert "changed" in ask.call("GET", "/api/config/audit?limit=100").body.decode()


def rotated_patched_and_removed(sandbox: RunningSandbox, ask: Listener) -> None:
    """The canary again by PATCH; then the real key, a mail, and the mailbox goes."""
    etag = ask.call("GET", MAILBOX).headers["etag"]
    headers = {"If-Match": etag, "Content-Type": "application/merge-patch+json"}
    patched = ask.call("PATCH", MAILBOX, json.dumps({"secretKey": CANARY}).encode(), headers=headers)
    assert patched.status == 200
    assert ask.change(secretKey=json.loads(sandbox.command("settings"))["secretKey"]).status == 200
    sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.deliver(plain_mail("after@fin.example"))
    synced(sandbox, lambda: mail_with_id(sandbox, "after@fin.example"), 60)
    etag = ask.call("GET", MAILBOX).headers["etag"]
    with going_wrong(sandbox, "keyvault", kind="status", status=403, operation="UpdateSecret"):
        gone = ask.call("DELETE", f"{MAILBOX}?confirm=keepMail", headers={"If-Match": etag})
    assert [one["code"] for one in gone.json["warnings"]] == ["SecretNotDisabled"]
    assert mail_with_id(sandbox, "after@fin.example")


def files_with_traces(data: Path) -> list[str]:
    """Every file under the sandbox's data that holds a canary: state, tables, blobs, queues and logs."""
    files = [path for path in sorted(data.rglob("*")) if path.is_file()]
    assert any("logs" in path.parts for path in files)
    return [
        path.relative_to(data).as_posix()
        for path in files
        if any(one in content for content in [path.read_bytes()] for one in traces())
    ]
