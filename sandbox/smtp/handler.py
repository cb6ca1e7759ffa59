"""What the SMTP server says to envelopes and messages; replies are worded as Exchange words them."""

from dataclasses import dataclass
from typing import Protocol

from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from sandbox.exchange.refusals import Refusal
from sandbox.smtp.account import SmtpAccount
from sandbox.smtp.session import SmtpSession

MAX_RECIPIENTS = 500
"""Recipients of one message (Microsoft: "Exchange Online limits", recipient limit)."""
NULL_SENDER = "<>"


class MailSystem(Protocol):
    """Where accepted mails go."""

    def size_limit_bytes(self) -> int:
        """How large a mail may be."""

    def may_send_as(self, address: str) -> bool:
        """Whether an envelope sender is one of the organisation's."""

    def refusal(self, recipient: str) -> Refusal | None:
        """Why a recipient is refused at once."""

    def accept(self, raw: bytes, sender: str, recipients: list[str]) -> str:
        """Takes a mail; the queue's id of it."""


@dataclass(frozen=True, slots=True)
class SmtpHandler:
    """aiosmtpd calls `handle_…` for each command; needs_login: without AUTH nothing is sent."""

    mail_system: MailSystem
    account: SmtpAccount
    needs_login: bool

    def authenticate(
        self, server: object, session: Session, envelope: Envelope, mechanism: str, login: LoginPassword
    ) -> AuthResult:
        """Checks a login (aiosmtpd: `authenticator`)."""
        if self.account.opens(login.login, login.password):
            return AuthResult(success=True, auth_data=login)
        return AuthResult(success=False, handled=False, message="535 5.7.3 Authentication unsuccessful")

    async def handle_MAIL(  # noqa: N802 - the names are aiosmtpd's
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM."""
        if self.needs_login and not session.authenticated:
            return "530 5.7.57 Client not authenticated to send mail"
        if not address.isascii() and not envelope.smtp_utf8:
            return "553 5.6.7 Non-ASCII addresses are not permitted without SMTPUTF8"
        if address != NULL_SENDER and not self.mail_system.may_send_as(address):
            return "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO, each recipient on its own."""
        if not address.isascii() and not envelope.smtp_utf8:
            return "553 5.6.7 Non-ASCII addresses are not permitted without SMTPUTF8"
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        refusal = self.mail_system.refusal(address)
        if refusal is not None:
            return refusal.reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(  # noqa: N802
        self, server: SmtpSession, session: Session, envelope: Envelope
    ) -> str | bytes:
        """The end of the message: the mail is accepted before the reply is sent."""
        instead = await server.end_of_data()
        if instead is not None:
            return instead
        raw = envelope.original_content or b""
        sender = envelope.mail_from or NULL_SENDER
        queue_id = self.mail_system.accept(raw, "" if sender == NULL_SENDER else sender, envelope.rcpt_tos)
        return f"250 2.6.0 Queued mail for delivery as {queue_id}"
