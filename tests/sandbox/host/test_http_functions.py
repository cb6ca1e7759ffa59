"""HTTP functions answer through the front as they do in Azure."""

import base64
import http.client
import json
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.sandbox.host.host_process import APPS, KEY, HostProcess, running_host, wait_until
from tests.support.azurite import RunningAzurite

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def host(azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A host with two workers and the HTTP functions of `apps/web`."""
    settings = {"GREETING": "hello", "AzureWebJobs.off.Disabled": "true"}
    data = tmp_path_factory.mktemp("web")
    with running_host(data, azurite, APPS / "web", settings, instances=2) as running:
        yield running


def test_function_sees_method_url_headers_parameters_and_body_as_they_were_sent(host: HostProcess) -> None:
    target = "/api/echo/a%20b/c?x=1&x=2&empty=&y=%C3%A9"
    answer = host.call("PATCH", target, b"\x00\xffraw", {"X-Own": "value", "Content-Type": "a/b"})
    seen = answer.json()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert seen["method"] == "PATCH"
    assert seen["url"] == f"http://127.0.0.1:{host.port}{target}"
    assert seen["params"] == {"rest": "a b/c"}
    assert seen["query"] == {"x": "1,2", "y": "é"}
    assert base64.b64decode(seen["body"]) == b"\x00\xffraw"
    assert seen["headers"]["x-own"] == "value"
    assert seen["headers"]["content-type"] == "a/b"
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_path_is_normalised_before_it_is_matched(host: HostProcess) -> None:
    seen = host.call("GET", "/api/x/../echo/%7Ea/./b%2Fc%25").json()
    assert seen["url"].endswith("/api/echo/~a/b%2Fc%25")
    assert seen["params"] == {"rest": "~a/b%2Fc%"}


def test_path_with_a_null_character_is_refused(host: HostProcess) -> None:
    assert host.call("GET", "/api/echo/%00").status == 400


def test_body_without_an_announced_length_arrives_empty_as_in_azure(host: HostProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    connection.request("POST", "/api/echo/", iter([b"chunk"]), encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == ""
    connection.close()


def test_functions_are_tried_in_the_order_of_their_names_and_the_first_match_wins(host: HostProcess) -> None:
    assert host.call("GET", "/api/order/fixed").body == b"a_first"


def test_route_constraint_and_methods_decide_whether_a_function_answers(host: HostProcess) -> None:
    assert host.call("GET", "/api/items/42").body == b"42"
    assert host.call("GET", "/api/items/forty").status == 404
    assert host.call("DELETE", "/api/items/42").status == 404


def test_literal_parts_match_in_any_case(host: HostProcess) -> None:
    assert host.call("GET", "/API/Items/7").body == b"7"


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/a/b.css"])
def test_catch_all_route_without_a_prefix_answers_below_its_path_and_at_it(
    host: HostProcess, path: str
) -> None:
    answer = host.call("GET", path)
    assert (answer.status, answer.body) == (200, b"<p>page")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_status_headers_cookies_and_bytes_of_an_answer_reach_the_caller(host: HostProcess) -> None:
    answer = host.call("GET", "/api/cookies")
    assert (answer.status, answer.body, answer.headers["X-Own"]) == (201, b"\x00\xff", "kept")
    assert answer.headers.get_all("Set-Cookie") == [
        "one=1; Path=/; SameSite=Lax; HttpOnly",
        "two=2; Max-Age=60; Secure",
    ]


def test_function_that_raises_gives_500_without_a_word_about_it(host: HostProcess) -> None:
    answer = host.call("GET", "/api/fails")
    assert (answer.status, answer.body) == (500, b"")
    assert "Executed 'Functions.fails' (Failed" in host.log()


def test_unknown_path_gives_404(host: HostProcess) -> None:
    assert host.call("GET", "/api/nothing").status == 404


def test_function_switched_off_by_its_setting_gives_404(host: HostProcess) -> None:
    assert host.call("GET", "/api/off").status == 404


def test_function_level_needs_the_key(host: HostProcess) -> None:
    assert host.call("GET", "/api/keyed").status == 401
    assert host.call("GET", "/api/keyed", headers={"x-functions-key": "wrong"}).status == 401
    assert host.call("GET", "/api/keyed", headers={"x-functions-key": KEY}).body == b"opened"
    assert host.call("GET", f"/api/keyed?code={KEY}").body == b"opened"


def test_app_settings_are_the_environment_and_nothing_of_the_hosts_own_leaks_in(host: HostProcess) -> None:
    seen = host.call("GET", "/api/setting").json()
    assert seen["setting"] == "hello"
    assert "PYTEST_CURRENT_TEST" not in seen["names"]


def test_large_body_passes_and_a_larger_one_is_refused(host: HostProcess) -> None:
    assert host.call("POST", "/api/size", bytes(60 * MEBIBYTE)).body == str(60 * MEBIBYTE).encode()
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    connection.putrequest("POST", "/api/size")
    connection.putheader("Content-Length", str(100 * MEBIBYTE + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_both_workers_answer(host: HostProcess) -> None:
    wait_until(lambda: len(host.worker_pids()) == 2)
    answering = {int(host.call("GET", "/api/pid").body) for _ in range(8)}
    assert answering == set(host.worker_pids())


def test_status_names_the_functions_and_which_are_off(host: HostProcess) -> None:
    status = host.call("GET", "/admin/host/status").json()
    off = {one["name"]: one["isDisabled"] for one in status["functions"]}
    assert status["state"] == "Running"
    assert off["off"] is True
    assert off["echo"] is False


def test_worker_that_dies_is_replaced_and_no_connection_is_refused_meanwhile(host: HostProcess) -> None:
    before = set(host.worker_pids())
    statuses = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            answer = host.call("GET", "/api/pid")
            statuses.append((answer.status, answer.headers.get("Retry-After")))

    asking = threading.Thread(target=ask)
    asking.start()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(host.worker_pids()) - before) == 2)
    wait_until(lambda: host.call("GET", "/api/pid").status == 200)
    ended.set()
    asking.join()
    assert set(statuses) == {(200, None), (503, "1")}


def test_request_whose_worker_dies_is_answered_503(host: HostProcess) -> None:
    answer = host.call("GET", "/api/dies")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    wait_until(lambda: host.call("GET", "/api/pid").status == 200)


def test_function_over_its_timeout_loses_its_worker(host: HostProcess) -> None:
    wait_until(lambda: len(host.worker_pids()) == 2)
    before = set(host.worker_pids())
    assert host.call("GET", "/api/hangs").status == 500
    wait_until(lambda: len(before - set(host.worker_pids())) == 1)
    assert "the function timeout of 3.0 s was exceeded" in host.log()
    wait_until(lambda: len(host.worker_pids()) == 2)


def test_logs_hold_the_functions_own_lines_with_their_invocation_and_never_the_key(host: HostProcess) -> None:
    host.call("GET", f"/api/fails?code={KEY}")
    logs = {file.name: file.read_text() for file in (host.data / "logs").iterdir()}
    failed = [
        line for text in logs.values() for line in text.splitlines() if "Functions.fails' (Failed" in line
    ]
    invocation_id = failed[-1].split("Id=")[1].split(",")[0]
    own = "".join(text for name, text in logs.items() if name.startswith("worker-"))
    assert f"[{invocation_id}] about to fail" in own
    assert not any(KEY in text for text in logs.values())
