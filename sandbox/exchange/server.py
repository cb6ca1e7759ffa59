"""The sandbox's Exchange server: mailboxes with their EWS endpoint, its switches and its background work.

All state is in SQLite and files under one folder (see `store.py`): a server that is started again goes on
there.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.edge import before_answer
from sandbox.exchange.access import EWS_SWITCH, Access
from sandbox.exchange.accounts import Accounts
from sandbox.exchange.commands import ExchangeError, MailboxCommands
from sandbox.exchange.endpoint import MAX_REQUEST_BYTES, Endpoint, describe
from sandbox.exchange.mail_queue import MailQueue
from sandbox.exchange.outbound import Outbound
from sandbox.exchange.password_sign_in import PasswordSignIn
from sandbox.exchange.record import Recorder
from sandbox.exchange.refusals import Refusals
from sandbox.exchange.sending import Sender
from sandbox.exchange.sending_commands import SendingCommands
from sandbox.exchange.smtp_submission import SmtpSubmission
from sandbox.exchange.store import Store, now_ms
from sandbox.exchange.throttle import MAX_CONNECTIONS, Throttle
from sandbox.exchange.transport import Transport
from sandbox.faults import Faults
from sandbox.state import ON_PREMISES
from sandbox.tokens import TokenKeys

_LOG = logging.getLogger(__name__)

INTERNAL_DOMAIN = "corp.example"
DEFAULT_MAILBOXES = ("soc@corp.example", "fin@fin.example", "hr@hr.example", "sales@sales.example")


class ExchangeServer(MailboxCommands):
    """One server under `folder`; what its commands cannot do they say with ExchangeError.

    audience: the resource that access tokens must be made for. record: a folder for SOAP traffic.
    sent_items_delay_s: how late the copy in Sent Items comes. transport_delay_s: how long a mail waits as
    submitted. certificate: PEM of what TLS shows, to which sign-in by NTLM is bound.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keys: TokenKeys,
        faults: Faults,
        audience: str,
        record: Path | None = None,
        sent_items_delay_s: float = 2.0,
        transport_delay_s: float = 0.2,
        max_connections: int = MAX_CONNECTIONS,
        certificate: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        store = Store(folder)
        transport, outbound = Transport(store, INTERNAL_DOMAIN), Outbound(store, folder / "outbound")
        super().__init__(store, transport, outbound)
        self._submitted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue = MailQueue(store, transport, Refusals(store))
        self.sending = SendingCommands(store, self._queue, self._wake)
        self.submission = SmtpSubmission(store, outbound, self._queue, INTERNAL_DOMAIN, self._wake)
        self._sender = Sender(store, outbound, transport, self._queue, transport_delay_s, sent_items_delay_s)
        self._accounts = Accounts(folder / "accounts")
        passwords = PasswordSignIn(self._accounts, certificate)
        self._access = Access(self._store, keys, audience, passwords)
        self._endpoint = Endpoint(
            self._store,
            self._access,
            self._sender,
            Throttle(max_connections),
            faults,
            INTERNAL_DOMAIN,
            Recorder(record) if record else None,
            self._submitted,
        )
        for address in DEFAULT_MAILBOXES:
            if self._store.mailbox(address) is None:
                self.create_mailbox(address)
        if self._store.mailbox(ON_PREMISES) is None:
            self.create_mailbox(ON_PREMISES, "server")

    describe = staticmethod(describe)
    """What the edge asks about a request: its operation and mailbox."""

    def app(self, edge: Middleware | None = None) -> web.Application:
        """The server as a web application; `edge` is the middleware that counts calls and acts out faults."""
        middlewares = [self._endpoint.limit_connections(), *([edge] if edge else [])]
        app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=middlewares)
        app.router.add_post("/EWS/Exchange.asmx", self._endpoint.handle)
        app.on_response_prepare.append(before_answer)
        app.cleanup_ctx.append(self._transport_running)
        return app

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _wake(self) -> None:
        """Something is due; may be called from any thread."""
        if self._loop is not None:  # otherwise it is seen when transport starts
            self._loop.call_soon_threadsafe(self._submitted.set)

    async def _transport_running(self, _app: web.Application) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._run_transport())
        yield
        self._loop = None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _run_transport(self) -> None:
        while True:
            try:
                self._sender.run_due()
                self._queue.run_due()
            except (OSError, sqlite3.Error, LookupError):
                _LOG.exception("a mail cannot be carried out now; trying again")
                await asyncio.sleep(1)
            self._submitted.clear()
            waiting = [due for due in (self._sender.next_due_at(), self._queue.next_due_at()) if due]
            timeout = max(0.0, (min(waiting) - now_ms()) / 1000) if waiting else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._submitted.wait(), timeout)

    def create_mailbox(
        self, address: str, kind: str = "online", *, name: str | None = None, language: str = "en"
    ) -> None:
        """See MailboxCommands; a mailbox of kind `server` gets a login with a password."""
        if kind == "server":
            self._accounts.add(address)
        super().create_mailbox(address, kind, name=name, language=language)

    def login(self, address: str) -> tuple[str, str]:
        """Login (`DOMAIN\\user`) and password of a mailbox of kind `server`."""
        password = self._accounts.password(address)
        if password is None:
            raise ExchangeError(f"{address} has no password: only mailboxes of kind server have one")
        return self._accounts.login(address), password

    def change_password(self, address: str, password: str) -> None:
        """Give a mailbox of kind `server` another password."""
        self.login(address)
        self._accounts.change_password(address, password)

    def ews_switch(self, on: bool) -> None:
        """The tenant's switch: off answers every request with 403."""
        self._store.change_setting(EWS_SWITCH, "on" if on else "off")

    def allow_app(self, app_id: str, mailbox: str | None) -> None:
        """Limit an application to a mailbox (further calls add to them); None: every mailbox again."""
        self._access.allow(app_id, mailbox)
