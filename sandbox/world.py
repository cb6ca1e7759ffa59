"""The world process: Exchange, Entra ID and Key Vault over TLS; managed identity, storage and control over
plain HTTP; SMTP.

Everything that lasts is kept by the parts, each below DATA; the process can die at any time and goes on at
its next start.
"""

import asyncio
import logging
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox import certificates
from sandbox.control.commands import Commands
from sandbox.control.server import control_app
from sandbox.crash import CrashRule
from sandbox.edge import Calls, Describe, before_answer, edge
from sandbox.entra import managed_identity
from sandbox.entra import server as entra
from sandbox.entra.registration import AppRegistration
from sandbox.exchange import ExchangeServer
from sandbox.faults import Faults
from sandbox.keyvault import server as keyvault
from sandbox.keyvault.store import VaultStore
from sandbox.smtp.account import smtp_account
from sandbox.smtp.server import SmtpServer
from sandbox.state import SandboxState
from sandbox.storage_proxy.server import StorageProxy
from sandbox.tokens import TokenKeys

TENANT_DOMAINS = frozenset({"corp.example"})
EXCHANGE_ROLES = ("full_access_as_app",)
LINE_LIMIT_BYTES = 64 * 1024
STOP_LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Part:
    """One listener of the world."""

    app: web.Application
    port: int
    tls: bool


class World:
    """All parts of one sandbox; `start` makes them listen, `stop` ends them."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._keys = TokenKeys(state.entra_folder)
        self._faults = Faults()
        self._calls = Calls(CrashRule(state.workers_file))
        self._registration = AppRegistration(state.entra_folder, state.app_id)
        self._exchange = ExchangeServer(
            state.data / "exchange",
            keys=self._keys,
            faults=self._faults,
            audience=state.exchange_audience,
            record=state.record,
            certificate=state.ca_file.parent / certificates.SERVER_FILE,
        )
        self._smtp_account = smtp_account(state.smtp_account_file)
        self._smtp = SmtpServer(
            self._exchange.submission,
            self._smtp_account,
            context=certificates.server_context(state.ca_file.parent),
            faults=self._faults,
            calls=self._calls,
        )
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Listens on all ports of the state, on 127.0.0.1 alone. Raises OSError where one is taken."""
        context = certificates.server_context(self._state.ca_file.parent)
        for part in self._parts():
            await self._listen(part, context if part.tls else None)
        await self._smtp.start(self._state.smtp_ports)

    async def stop(self) -> None:
        """Ends all listeners and closes the mailboxes."""
        self._smtp.stop()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._exchange.close()

    async def _listen(self, part: _Part, context: ssl.SSLContext | None) -> None:
        runner = web.AppRunner(
            part.app,
            access_log=None,
            auto_decompress=False,
            max_line_size=LINE_LIMIT_BYTES,
            max_field_size=LINE_LIMIT_BYTES,
            shutdown_timeout=STOP_LIMIT_S,
        )
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", part.port, ssl_context=context).start()

    def _parts(self) -> list[_Part]:
        ports = self._state.ports
        storage = [
            StorageProxy(service, azurite, listen)
            for service, azurite, listen in (
                ("blob", ports.azurite_blob, ports.blob),
                ("queue", ports.azurite_queue, ports.queue),
                ("table", ports.azurite_table, ports.table),
            )
        ]
        return [
            _Part(self._exchange.app(self._edge("exchange", ExchangeServer.describe)), ports.exchange, True),
            _Part(self._with_edge(self._entra().app, "token", entra.describe), ports.entra, True),
            _Part(self._with_edge(self._vault().app, "keyvault", keyvault.describe), ports.keyvault, True),
            _Part(self._with_edge(self._identity().app, "msi", managed_identity.describe), ports.msi, False),
            *(_Part(self._with_edge(s.app, "storage", s.describe), s.port, False) for s in storage),
            _Part(control_app(self._commands(), self._state.control_token), ports.control, False),
        ]

    def _edge(self, part: str, describe: Describe) -> Middleware:
        return edge(part, describe, self._faults, self._calls)

    def _with_edge(
        self, make: Callable[[Middleware], web.Application], part: str, describe: Describe
    ) -> web.Application:
        app = make(self._edge(part, describe))
        app.on_response_prepare.append(before_answer)
        return app

    def _entra(self) -> entra.EntraServer:
        state = self._state
        exchange = state.exchange_audience
        return entra.EntraServer(
            base_url=f"https://localhost:{state.ports.entra}",
            tenant_id=state.tenant_id,
            domains=TENANT_DOMAINS,
            registration=self._registration,
            keys=self._keys,
            # Exchange is known here with and without its port; tokens for Exchange Online open nothing.
            resources={
                **dict.fromkeys((exchange, "https://localhost", "https://127.0.0.1"), exchange),
                "https://outlook.office365.com": "https://outlook.office365.com",
                state.vault_resource: state.vault_resource,
            },
            roles={exchange: EXCHANGE_ROLES, "https://outlook.office365.com": EXCHANGE_ROLES},
        )

    def _vault(self) -> keyvault.VaultServer:
        state = self._state
        return keyvault.VaultServer(
            VaultStore(state.data / "keyvault" / "secrets.json"),
            base_url=f"https://localhost:{state.ports.keyvault}",
            authority=f"https://localhost:{state.ports.entra}/{state.tenant_id}",
            resource=state.vault_resource,
            allowed_app_id=state.identity_client_id,
            keys=self._keys,
        )

    def _identity(self) -> managed_identity.ManagedIdentity:
        state = self._state
        return managed_identity.ManagedIdentity(
            client_id=state.identity_client_id,
            secret=state.msi_secret,
            tenant_id=state.tenant_id,
            keys=self._keys,
            resources={state.vault_resource: state.vault_resource},
        )

    def _commands(self) -> Commands:
        return Commands(
            self._state,
            exchange=self._exchange,
            registration=self._registration,
            keys=self._keys,
            faults=self._faults,
            calls=self._calls,
            smtp_account=self._smtp_account,
        )


async def run_world(state: SandboxState) -> None:
    """Runs the world until SIGTERM or SIGINT. Raises OSError where a port is taken."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    world = World(state)
    try:
        await world.start()
        await stopped.wait()
    finally:
        await world.stop()
