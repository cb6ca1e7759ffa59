"""In Azure there is no key: every request to a table carries a token of the app's identity instead."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken

from domain.mailboxes import PollState
from store.connection import StorageConnection, StoreSettings
from store.mail_store import TableMailStore
from store.poll_schedule import TablePollSchedule
from tests.store.support import NOW, FakeVault, WatchedTransport, mail
from tests.support.azurite import ACCOUNT, ACCOUNT_KEY, RunningAzurite

URL = f"https://{ACCOUNT}.table.core.windows.net"


class Identity:
    """A credential whose token lasts."""

    def __init__(self) -> None:
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.append(scopes)
        return AccessToken("the-token", 2**40)


class AzureInFrontOfAzurite(WatchedTransport):
    """Takes requests as Azure does, by name and token, and passes them on to Azurite, which wants a key."""

    def __init__(self, azurite: RunningAzurite) -> None:
        super().__init__()
        self._azurite = f"http://127.0.0.1:{azurite.ports.table}/{ACCOUNT}"
        self.authorizations: list[str] = []

    def send(self, request: Any, **kwargs: Any) -> Any:
        self.authorizations.append(request.headers["Authorization"])
        asked, wanted = request.url, request.headers["Authorization"]
        request.url = asked.replace(URL, self._azurite)
        body = getattr(request, "_data", None)
        if isinstance(body, bytes):
            request._data = body.replace(URL.encode(), self._azurite.encode())
            request.headers["Content-Length"] = str(len(request._data))
        signed = f"{request.headers['x-ms-date']}\n/{ACCOUNT}{urlsplit(request.url).path}"
        digest = hmac.new(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
        request.headers["Authorization"] = f"SharedKeyLite {ACCOUNT}:{base64.b64encode(digest).decode()}"
        try:
            return super().send(request, **kwargs)
        finally:
            request.url, request.headers["Authorization"] = asked, wanted


@pytest.mark.usefixtures("connection")
def test_reads_queries_and_transactions_go_with_a_token_for_storage(
    azurite: RunningAzurite, vault: FakeVault
) -> None:
    transport, identity = AzureInFrontOfAzurite(azurite), Identity()
    settings = StoreSettings(
        table_service_uri=URL, blob_service_uri="https://b", queue_service_uri="https://q"
    )
    connection = StorageConnection(settings, lambda: transport)
    connection.__dict__["credential"] = identity
    schedule, mails = TablePollSchedule(connection), TableMailStore(connection, vault)
    schedule.save(PollState("default", due_at=NOW), None)
    assert [due.value.mailbox_id for due in schedule.due(NOW, 5)] == ["default"]
    assert mails.put([mail(1), mail(2)]) == [mail(1), mail(2)]
    assert mails.read(mail(1).id) == mail(1)
    assert set(transport.authorizations) == {"Bearer the-token"}
    assert {scope for scopes in identity.scopes for scope in scopes} == {"https://storage.azure.com/.default"}
