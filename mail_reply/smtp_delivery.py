"""Delivery over SMTP (RFC 5321): nobody can be asked afterwards whether a mail left.

`submitting` is written before DATA begins. Dies from then on, or the end of DATA is not answered: the entry
is *unconfirmed*, never tried again by itself. An answer that refuses is believed: nothing left.
"""

from __future__ import annotations

from datetime import timedelta

from domain import outbox_moves as moves
from domain.configuration import EmailServer
from domain.errors import AdminActionError
from domain.sending_ports import AnswerLostError
from mail_reply.delivery import Delivery

_BACK_OFF = timedelta(minutes=1)


def deliver_over_smtp(delivery: Delivery, server: EmailServer) -> None:
    """Raises `RetryLaterError`, `AdminActionError` while nothing was submitted, and `ConflictError`."""
    entry = delivery.entry
    if entry.is_submitted:
        delivery.save(moves.lose_sight(entry, delivery.now, "AnswerLost", "The worker ended while sending."))
        return
    if server.smtp is None:
        raise AdminActionError("SmtpServerMissing", "The email server is no longer an SMTP server.")
    message = delivery.context.outbox.message(entry.id)
    try:
        result = delivery.context.smtp.send(
            server.smtp,
            sender=message.sender.address,
            recipients=tuple(dict.fromkeys((*entry.to, *entry.cc, *entry.bcc))),
            message=delivery.message,
            before_data=lambda: delivery.save(moves.submit(delivery.entry, delivery.now)),
        )
    except AnswerLostError as lost:
        delivery.save(moves.lose_sight(delivery.entry, delivery.now, "AnswerLost", str(lost)))
        return
    if result.accepted:
        delivery.sent(refused=result.refused)
    elif result.code.startswith("4"):
        waiting = moves.not_taken if delivery.entry.is_submitted else moves.back_off
        delivery.save(waiting(delivery.entry, delivery.now, _BACK_OFF, result.code, result.detail))
    else:
        delivery.save(
            moves.refuse(delivery.entry, delivery.now, result.code, result.detail, refused=result.refused)
        )
