"""A server that runs, as tests see it, and ways to talk to it."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exchangelib
import pytest
import requests
from aiohttp import web
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
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
        f'<t:RequestServerVersion Version="Exchange2016"/>{who}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
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
