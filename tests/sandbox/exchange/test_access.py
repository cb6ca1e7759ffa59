"""Who gets in: tokens, impersonation, the tenant's switch, access by mailbox, concurrent
connections, faults.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.faults import Fault
from tests.sandbox.exchange.running_server import (
    APP_ID,
    SOC,
    M,
    RunningServer,
    Start,
    answer_tree,
    codes,
    envelope,
    fault_code,
    fields,
    get_item_request,
    sync_request,
    wait_for,
)

SYNC = sync_request("inbox", properties=fields("item:Subject"))


def test_without_a_token_the_server_says_which_tokens_it_takes(running: RunningServer) -> None:
    answer = requests.post(running.url, data=b"", verify=str(running.ca_file), timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("claims", [{"aud": "https://graph"}, {"iat": 1, "exp": 2}])
def test_a_token_for_another_resource_or_an_expired_one_is_refused(
    running: RunningServer, claims: dict[str, object]
) -> None:
    answer = running.post(SYNC, token=running.token(**claims))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_token_is_refused_and_a_new_one_taken(running: RunningServer) -> None:
    old = running.token()
    running.keys.revoke(APP_ID)
    assert running.post(SYNC, token=old).status_code == 401
    assert running.post(SYNC).status_code == 200


def test_an_application_without_the_role_is_forbidden(running: RunningServer) -> None:
    assert running.post(SYNC, token=running.token(roles=[])).status_code == 403


def test_an_application_must_impersonate_a_mailbox_that_exists_and_anchor_it(running: RunningServer) -> None:
    headers = {"Authorization": f"Bearer {running.token()}", "X-AnchorMailbox": SOC}

    def post(mailbox: str | None, **changed: str) -> requests.Response:
        return requests.post(
            running.url,
            data=envelope(SYNC, mailbox).encode(),
            headers={**headers, **changed},
            verify=str(running.ca_file),
            timeout=10,
        )

    assert fault_code(post(None)) == "ErrorImpersonationRequired"
    assert fault_code(post("ghost@corp.example")) == "ErrorNonExistentMailbox"
    assert post(SOC, **{"X-AnchorMailbox": ""}).status_code == 400
    assert post(SOC.upper()).status_code == 200


def test_the_tenants_switch_turns_everybody_away_until_it_is_on_again(running: RunningServer) -> None:
    running.server.ews_switch(False)
    assert running.post(SYNC).status_code == 403
    running.server.ews_switch(True)
    assert running.post(SYNC).status_code == 200


def test_an_application_can_be_limited_to_mailboxes(running: RunningServer) -> None:
    running.server.allow_app(APP_ID, "fin@fin.example")
    assert fault_code(running.post(SYNC)) == "ErrorAccessDenied"
    running.server.allow_app(APP_ID, SOC)
    assert running.post(SYNC).status_code == 200
    running.server.allow_app(APP_ID, None)
    assert running.post(SYNC, mailbox="hr@hr.example").status_code == 200


def test_more_connections_than_a_mailbox_has_are_refused_and_free_ones_serve_again(
    start_server: Start,
) -> None:
    running = start_server(max_connections=2)
    big = running.server.deliver(SOC, "Inbox", b"Subject: big\r\n\r\n" + b"x" * 40_000_000)
    held = [running.post(get_item_request(big, mime=True), stream=True) for _ in range(2)]
    assert fault_code(running.post(SYNC)) == "ErrorExceededConnectionCount"
    assert running.post(SYNC, mailbox="hr@hr.example").status_code == 200
    for answer in held:
        assert len(answer.content) > 50_000_000
    assert running.post(SYNC).status_code == 200


def test_an_answer_that_is_slow_in_coming_holds_its_connection(start_server: Start) -> None:
    running = start_server(max_connections=1)
    running.faults.add(Fault("exchange", "delay", delay_s=1, count=1))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(running.post, SYNC)
        wait_for(lambda: running.calls.counters["exchange"]["SyncFolderItems"] == 1)
        assert fault_code(running.post(SYNC)) == "ErrorExceededConnectionCount"
        assert slow.result().status_code == 200


def test_a_busy_server_says_for_how_long(running: RunningServer) -> None:
    running.faults.add(
        Fault("exchange", "exchange-error", error="ErrorServerBusy", back_off_ms=4500, count=1)
    )
    answer = running.post(SYNC)
    assert fault_code(answer) == "ErrorServerBusy"
    assert b'<t:Value Name="BackOffMilliseconds">4500</t:Value>' in answer.content
    assert running.post(SYNC).status_code == 200


@pytest.mark.parametrize("kind", ["cut-before", "cut-after", "cut-mid"])
@pytest.mark.parametrize("size_bytes", [1_000, 5_000_000])
def test_an_answer_short_or_streamed_can_be_cut_off(
    running: RunningServer, kind: str, size_bytes: int
) -> None:
    item_id = running.server.deliver(SOC, "Inbox", b"Subject: a\r\n\r\n" + b"x" * size_bytes)
    request = get_item_request(item_id, mime=True)
    running.faults.add(Fault("exchange", kind, count=1))
    with pytest.raises(requests.RequestException):
        running.post(request)
    assert codes(running.post(request)) == ["NoError"]


def test_one_item_can_fail_for_good_while_its_neighbours_do_not(running: RunningServer) -> None:
    first, second = (running.server.deliver(SOC, "Inbox", b"Subject: a\r\n\r\nb") for _ in range(2))
    running.faults.add(Fault("exchange", "item-error", item=first, error="ErrorMimeContentInvalid"))
    for _ in range(2):
        assert codes(running.post(get_item_request(first, second))) == ["ErrorMimeContentInvalid", "NoError"]


def test_a_stale_sync_state_can_be_asked_for(running: RunningServer) -> None:
    state = answer_tree(running.post(SYNC)).findtext(f".//{M}SyncState") or ""
    running.faults.add(Fault("exchange", "stale-sync-state", count=1))
    assert codes(running.post(sync_request("inbox", state))) == ["ErrorInvalidSyncStateData"]
    assert codes(running.post(sync_request("inbox", state))) == ["NoError"]


def test_an_answer_with_an_entity_bomb_or_forbidden_characters_can_be_asked_for(
    running: RunningServer,
) -> None:
    running.server.deliver(SOC, "Inbox", b"Subject: a\r\n\r\nb")
    running.faults.add(Fault("exchange", "entity-bomb", count=1))
    running.faults.add(Fault("exchange", "forbidden-characters", count=1))
    assert b"<!DOCTYPE" in running.post(SYNC).content
    assert b"a&#x1F;</t:Subject>" in running.post(SYNC).content
    assert b"<t:Subject>a</t:Subject>" in running.post(SYNC).content


def test_what_is_no_request_is_a_fault_and_not_a_crash(running: RunningServer) -> None:
    headers = {"Authorization": f"Bearer {running.token()}", "X-AnchorMailbox": SOC}
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>' + envelope(SYNC, SOC).partition("?>")[2]
    for body in (b"", b"<a/>", b"<a", bomb.encode(), envelope("", SOC).encode()):
        answer = requests.post(
            running.url, data=body, headers=headers, verify=str(running.ca_file), timeout=10
        )
        assert fault_code(answer) in ("ErrorSchemaValidation", "ErrorInvalidRequest")
    assert fault_code(running.post("<m:FindPeople/>")) == "ErrorInvalidRequest"
    assert fault_code(running.post(sync_request("inbox", limit=513))) == "ErrorSchemaValidation"
