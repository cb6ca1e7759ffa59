"""The key of subject tokens is rotated by an admin; tokens that were sent stay valid."""

from __future__ import annotations

from domain.subject_token import find_tokens, make_token
from tests.api.http_app import HttpApp


def test_a_rotation_signs_with_a_new_key_and_keeps_the_old_one(app: HttpApp) -> None:
    old = app.services.token_keys.keys()
    token = make_token("INC-1", old[0])
    rotated = app.call("POST", "/api/config/subject-token-key/rotate")
    assert (rotated.status, rotated.json) == (200, {"keys": 2})
    keys = app.services.token_keys.keys()
    assert keys[0] != old[0]
    assert [one.incident_id for one in find_tokens(f"Re: {token}", keys)] == ["INC-1"]
    [entry] = app.call("GET", "/api/config/audit?action=subjectTokenKey.rotated").json["items"]
    assert (entry["actor"], entry["after"]) == ("admin@corp.example", {"key": "changed"})
    assert old[0].hex() not in str(entry)
    assert app.call("POST", "/api/config/subject-token-key/rotate", role="viewer").status == 403
