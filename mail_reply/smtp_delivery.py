"""Delivery over SMTP (RFC 5321): nobody can be asked afterwards whether a mail left.

`submitting` is written before DATA begins. Dies from then on, or the end of DATA is not answered: the entry
is *unconfirmed*, never tried again by itself. An answer that refuses is believed: nothing left.
"""

from __future__ import annotations

from domain import outbox_moves as moves
from domain.configuration import EmailServer
from domain.errors import AdminActionError, RetryLaterError
from domain.sending_ports import AnswerLostError
from mail_reply.delivery import Delivery


def deliver_over_smtp(delivery: Delivery, server: EmailServer) -> None:
    """Raises `RetryLaterError`, `AdminActionError` while nothing was submitted, and `ConflictError`."""
    entry = delivery.entry
    if entry.is_submitted:
        delivery.save(moves.lose_sight(entry, delivery.now, "AnswerLost", "The worker ended while sending."))
        return
    if server.smtp is None:
        raise AdminActionError("SmtpServerMissing", "The email server is no longer an SMTP server.")
    message = delivery.outgoing()
    try:
        result = delivery.context.smtp.send(
            server.smtp,
            sender=message.sender.address,
            recipients=tuple(dict.fromkeys((*entry.to, *entry.cc, *entry.bcc))),
            message=delivery.message,
            before_data=lambda: delivery.save(moves.submit(delivery.entry, delivery.now)),
            still_at_work=delivery.still_at_work,
        )
    except AnswerLostError as lost:
        delivery.save(moves.lose_sight(delivery.entry, delivery.now, "AnswerLost", str(lost)))
        return
    except RetryLaterError as trouble:
        # The end of DATA was not sent: nothing left, submitted or not (RFC 5321, section 4.1.1.4).
        delivery.not_now(trouble)
        return
    except AdminActionError as trouble:
        delivery.save(moves.refuse(delivery.entry, delivery.now, trouble.code, trouble.server_message))
        return
    if result.accepted:
        delivery.sent(refused=result.refused)
    elif result.is_passing:
        delivery.not_now(RetryLaterError(result.code, result.detail), result.refused)
    else:
        delivery.save(
            moves.refuse(delivery.entry, delivery.now, result.code, result.detail, refused=result.refused)
        )
