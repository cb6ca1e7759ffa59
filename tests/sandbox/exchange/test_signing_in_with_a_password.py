"""An Exchange Server on premises: NTLM bound to its connection and to TLS, Basic, and nothing else."""

import ssl
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import exchangelib
import pytest
import requests
import requests.auth
from exchangelib.errors import UnauthorizedError
from requests_ntlm import HttpNtlmAuth

from tests.sandbox.exchange.running_server import (
    M,
    RunningServer,
    Start,
    T,
    answer_tree,
    codes,
    envelope,
    fault_code,
    sync_request,
)

ON_PREMISES = "soc@onprem.example"
SYNC = envelope(sync_request("inbox"), None).encode()
XML = {"Content-Type": "text/xml; charset=utf-8"}


def on_premises(running: RunningServer) -> str:
    return running.url.replace("localhost", "127.0.0.1")


def account(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch, login: str, password: str, kind: str
) -> exchangelib.Account:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
    configuration = exchangelib.Configuration(
        service_endpoint=on_premises(running),
        credentials=exchangelib.Credentials(login, password),
        auth_type=kind,
        retry_policy=exchangelib.FailFast(),
    )
    return exchangelib.Account(
        ON_PREMISES,
        config=configuration,
        autodiscover=False,
        access_type=exchangelib.DELEGATE,
        default_timezone=exchangelib.EWSTimeZone("UTC"),
    )


@pytest.mark.parametrize("kind", [exchangelib.NTLM, exchangelib.BASIC])
@pytest.mark.parametrize("login", ["ONPREM\\soc", "soc@onprem.example", "onprem.example\\Soc"])
def test_exchangelib_reads_the_mailbox_with_its_login(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch, kind: str, login: str
) -> None:
    running.server.deliver(ON_PREMISES, "Inbox", b"Subject: Hello\r\n\r\nText\r\n")
    _, password = running.server.login(ON_PREMISES)

    box = account(running, monkeypatch, login, password, kind)

    assert [item.subject for item in box.inbox.all()] == ["Hello"]


@pytest.mark.parametrize("kind", [exchangelib.NTLM, exchangelib.BASIC])
def test_a_wrong_password_is_refused(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with pytest.raises(UnauthorizedError):
        account(running, monkeypatch, "ONPREM\\soc", "wrong", kind).inbox.refresh()


def test_ntlm_signs_in_a_connection_and_no_other(running: RunningServer) -> None:
    asked: dict[str, Any] = {"data": SYNC, "headers": XML, "verify": str(running.ca_file), "timeout": 10}
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(*running.server.login(ON_PREMISES))
        assert codes(session.post(on_premises(running), **asked)) == ["NoError"]
        session.auth = None
        assert codes(session.post(on_premises(running), **asked)) == ["NoError"]

    assert requests.post(on_premises(running), **asked).status_code == 401


def test_an_ntlm_answer_that_is_not_bound_to_tls_is_refused(running: RunningServer) -> None:
    unbound = HttpNtlmAuth(*running.server.login(ON_PREMISES), send_cbt=False)

    answer = requests.post(
        on_premises(running), SYNC, headers=XML, auth=unbound, verify=str(running.ca_file), timeout=10
    )

    assert answer.status_code == 401


def test_the_server_offers_ntlm_and_basic_each_in_a_header_of_its_own(running: RunningServer) -> None:
    address = urlsplit(on_premises(running))
    context = ssl.create_default_context(cafile=running.ca_file)
    connection = HTTPSConnection(str(address.hostname), address.port, context=context, timeout=10)

    connection.request("POST", address.path, b"", {"Authorization": f"Bearer {running.token()}"})
    answer = connection.getresponse()
    connection.close()

    assert answer.status == 401
    assert answer.headers.get_all("WWW-Authenticate") == ["NTLM", 'Basic realm="onprem.example"']


def test_a_login_may_impersonate_nobody(running: RunningServer) -> None:
    answer = _basic(running, envelope(sync_request("inbox"), "soc@corp.example"))

    assert fault_code(answer) == "ErrorImpersonateUserDenied"


def test_passwords_outlive_a_restart_in_a_file_of_the_owner_alone(
    start_server: Start, running: RunningServer
) -> None:
    before = running.server.login(ON_PREMISES)
    [file] = running.record.parent.glob("exchange/accounts")
    assert file.stat().st_mode & 0o077 == 0
    running.stop()

    assert start_server().server.login(ON_PREMISES) == before


def test_a_changed_password_holds_at_once(running: RunningServer) -> None:
    running.server.change_password(ON_PREMISES, "another")

    assert _basic(running, envelope(sync_request("inbox"), None)).status_code == 200
    assert running.server.login(ON_PREMISES) == ("ONPREM\\soc", "another")


@pytest.mark.parametrize("entry", ["soc", "SOC@onprem.example", "smtp:soc@onprem.example"])
def test_names_are_resolved_to_addresses(running: RunningServer, entry: str) -> None:
    running.server.create_mailbox("so@onprem.example", "server")

    assert _resolved(running, entry) == (["NoError"], ["soc@onprem.example"])


def test_a_name_that_may_mean_several_is_answered_with_all_and_a_warning(running: RunningServer) -> None:
    running.server.create_mailbox("soc-team@onprem.example", "server")

    assert _resolved(running, "soc") == (
        ["ErrorNameResolutionMultipleResults"],
        ["soc-team@onprem.example", "soc@onprem.example"],
    )
    assert _resolved(running, "nobody") == (["ErrorNameResolutionNoResults"], [])


def _resolved(running: RunningServer, entry: str) -> tuple[list[str], list[str | None]]:
    body = (
        '<m:ResolveNames ReturnFullContactData="false" SearchScope="ActiveDirectory">'
        f"<m:UnresolvedEntry>{entry}</m:UnresolvedEntry></m:ResolveNames>"
    )
    answer = _basic(running, envelope(body, None))
    tree = answer_tree(answer)
    resolutions = [node.findtext(f"{T}Mailbox/{T}EmailAddress") for node in tree.iter(T + "Resolution")]
    assert next(tree.iter(M + "ResolveNamesResponse")) is not None
    return codes(answer), resolutions


def _basic(running: RunningServer, body: str) -> requests.Response:
    login, password = running.server.login(ON_PREMISES)
    auth = requests.auth.HTTPBasicAuth(login, password)
    return requests.post(
        on_premises(running), body.encode(), headers=XML, auth=auth, verify=str(running.ca_file), timeout=10
    )
