"""The SMTP listeners: submission with STARTTLS and with TLS from the start, and a relay without either.

Nothing is kept here: mails and refusals are the mail system's, the login is in its file.
"""

import asyncio
import ssl

from sandbox.edge import Calls
from sandbox.faults import Faults
from sandbox.smtp.account import SmtpAccount
from sandbox.smtp.handler import MailSystem, SmtpHandler
from sandbox.smtp.session import SmtpSession

HOST_NAME = "smtp.corp.example"
IDLE_LIMIT_S = 300.0


class SmtpServer:
    """All listeners of one sandbox. `starttls` takes a login after STARTTLS only, `tls` is TLS from the first
    byte, `none` is a relay for the machines of a network: no TLS, no login needed.
    """

    def __init__(
        self,
        mail_system: MailSystem,
        account: SmtpAccount,
        *,
        context: ssl.SSLContext,
        faults: Faults,
        calls: Calls,
    ) -> None:
        self._mail_system = mail_system
        self._account = account
        self._context = context
        self._faults = faults
        self._calls = calls
        self._servers: list[asyncio.Server] = []

    async def start(self, ports: dict[str, int]) -> dict[str, int]:
        """Listens on 127.0.0.1 on a port for each security (0: a free one); the ports that it became.

        Raises OSError where one is taken.
        """
        loop = asyncio.get_running_loop()
        listening = {}
        for security, port in ports.items():
            server = await loop.create_server(
                lambda security=security: self._session(security),
                "127.0.0.1",
                port,
                ssl=self._context if security == "tls" else None,
            )
            self._servers.append(server)
            listening[security] = int(server.sockets[0].getsockname()[1])
        return listening

    def stop(self) -> None:
        """Ends all listeners. Connections end with the process."""
        for server in self._servers:
            server.close()

    def _session(self, security: str) -> SmtpSession:
        handler = SmtpHandler(self._mail_system, self._account, needs_login=security != "none")
        return SmtpSession(
            handler,
            self._faults,
            self._calls,
            hostname=HOST_NAME,
            ident="Microsoft ESMTP MAIL Service ready",
            data_size_limit=self._mail_system.size_limit_bytes(),
            enable_SMTPUTF8=True,
            tls_context=self._context if security == "starttls" else None,
            require_starttls=security == "starttls",
            # Where TLS is there from the first byte, aiosmtpd does not know of it.
            auth_require_tls=security == "starttls",
            authenticator=handler.authenticate,
            timeout=IDLE_LIMIT_S,
        )
