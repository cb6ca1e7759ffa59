"""A server that runs, as tests see it, and ways to talk to it."""

import asyncio
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exchangelib
import pytest
import requests
from aiohttp import web
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from lxml import etree
from oauthlib.oauth2 import OAuth2Token

from sandbox.edge import Calls
from sandbox.exchange import ExchangeServer
from sandbox.faults import Faults
from sandbox.tokens import TokenKeys

SOC = "soc@corp.example"
APP_ID = "00000000-0000-4000-8000-0000000000aa"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers on `url`; its traffic is recorded under `record`."""

    server: ExchangeServer
    url: str
    faults: Faults
    calls: Calls
    keys: TokenKeys
    ca_file: Path
    record: Path
    stop: Callable[[], None]

    def token(self, **claims: object) -> str:
        """An access token as Entra ID gives it to an application with full access."""
        plain = {"aud": "https://exchange", "appid": APP_ID, "roles": ["full_access_as_app"]}
        return self.keys.sign({**plain, **claims}, 3600)

    def post(
        self, body: str, *, mailbox: str = SOC, token: str | None = None, **options: Any
    ) -> requests.Response:
        """Send one request as an impersonating application does; body is the operation's element."""
        return requests.post(
            self.url,
            data=envelope(body, mailbox).encode(),
            headers={
                "Content-Type": "text/xml; charset=utf-8",
                "Authorization": f"Bearer {token or self.token()}",
                "X-AnchorMailbox": mailbox,
            },
            verify=str(self.ca_file),
            timeout=30,
            **options,
        )


M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
T = "{http://schemas.microsoft.com/exchange/services/2006/types}"

_FORBIDDEN = re.compile(rb"&#x(?:1?[0-9A-F]);")


def answer_tree(answer: requests.Response) -> etree._Element:
    """The answer's envelope, read as tolerantly as a client has to."""
    return etree.fromstring(_FORBIDDEN.sub(b"?", answer.content), etree.XMLParser(huge_tree=True))


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until the condition holds; fail after that time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "what was waited for did not happen"
        time.sleep(0.02)


def codes(answer: requests.Response) -> list[str]:
    """The response codes of the answer's messages."""
    return [node.text or "" for node in answer_tree(answer).iter(M + "ResponseCode")]


def fault_code(answer: requests.Response) -> str:
    """The response code of an answer that is a SOAP fault."""
    assert answer.status_code == 500, answer.text
    name = "{http://schemas.microsoft.com/exchange/services/2006/errors}ResponseCode"
    return next(node.text or "" for node in answer_tree(answer).iter(name))


def sync_request(folder: str, state: str = "", *, properties: str = "", limit: int = 512) -> str:
    """A SyncFolderItems of a folder by well-known name; properties are path elements."""
    more = f"<t:AdditionalProperties>{properties}</t:AdditionalProperties>" if properties else ""
    return (
        f"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>{more}</m:ItemShape>"
        f'<m:SyncFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SyncFolderId>'
        + (f"<m:SyncState>{state}</m:SyncState>" if state else "")
        + f"<m:MaxChangesReturned>{limit}</m:MaxChangesReturned></m:SyncFolderItems>"
    )


def get_item_request(*ids: str, properties: str = "", mime: bool = False) -> str:
    """A GetItem by ids; properties are path elements."""
    more = f"<t:AdditionalProperties>{properties}</t:AdditionalProperties>" if properties else ""
    include = "<t:IncludeMimeContent>true</t:IncludeMimeContent>" if mime else ""
    return (
        f"<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>{include}{more}</m:ItemShape><m:ItemIds>"
        + "".join(f'<t:ItemId Id="{one}"/>' for one in ids)
        + "</m:ItemIds></m:GetItem>"
    )


def find_item_request(folder: str, restriction: str = "", *, properties: str = "", view: str = "") -> str:
    """A FindItem in a folder by well-known name; restriction, properties and view are elements."""
    more = f"<t:AdditionalProperties>{properties}</t:AdditionalProperties>" if properties else ""
    return (
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
        f"{more}</m:ItemShape>{view}"
        + (f"<m:Restriction>{restriction}</m:Restriction>" if restriction else "")
        + f'<m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>'
    )


def fields(*uris: str) -> str:
    """Path elements: FieldURIs, and property tags such as `0x5D01:String`."""
    return "".join(
        f'<t:ExtendedFieldURI PropertyTag="{uri[:6]}" PropertyType="{uri[7:]}"/>'
        if uri.startswith("0x")
        else f'<t:FieldURI FieldURI="{uri}"/>'
        for uri in uris
    )


def envelope(body: str, mailbox: str | None) -> str:
    """A SOAP request around an operation's element; without a mailbox it impersonates nobody."""
    who = (
        ""
        if mailbox is None
        else (
            "<t:ExchangeImpersonation><t:ConnectingSID>"
            f"<t:PrimarySmtpAddress>{mailbox}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
        )
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
        ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>'
        f'<t:RequestServerVersion Version="Exchange2016"/>{who}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )


class ServerThread:
    """An event loop in a thread of its own that serves one application."""

    def __init__(self, app: web.Application, context: ssl.SSLContext) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner = web.AppRunner(app, access_log=None)
        self.port: int = asyncio.run_coroutine_threadsafe(self._start(context), self._loop).result(10)

    async def _start(self, context: ssl.SSLContext) -> int:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    def stop(self) -> None:
        """Stop serving and end the thread."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


Start = Callable[..., RunningServer]


def connect(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch, mailbox: str = SOC
) -> exchangelib.Account:
    """An exchangelib account of a mailbox."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
    credentials = OAuth2AuthorizationCodeCredentials(
        client_id=APP_ID,
        client_secret="unused",
        tenant_id="tenant",
        access_token=OAuth2Token({"access_token": running.token(), "token_type": "Bearer"}),
    )
    configuration = exchangelib.Configuration(
        service_endpoint=running.url, credentials=credentials, auth_type=exchangelib.OAUTH2
    )
    return exchangelib.Account(
        mailbox,
        config=configuration,
        autodiscover=False,
        access_type=exchangelib.IMPERSONATION,
        default_timezone=exchangelib.EWSTimeZone("UTC"),
    )
