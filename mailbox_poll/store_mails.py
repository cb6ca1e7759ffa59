"""Writes what was fetched, in an order that a crash between any two writes leaves repeatable.

Blob (already there), then the mails' rows, the reference index, their links with all projections, what they
tell of mails that we sent, and last the items' places.
Dies between any two: the folder's checkpoint has not moved, the page is read again, and every write is
idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.mail import Mail
from domain.stored import ItemPlace
from linking.link_mails import link_mails
from mailbox_poll.context import PollContext


def store_mails(poll: PollContext, mailbox_id: str, folder_id: str, mails: Mapping[str, Mail]) -> list[Mail]:
    """Writes rows by item id; answers the mails as they now stand."""
    if not mails:
        return []
    # Copies of one mail can lie in one batch: one row.
    unique = {mail.id: mail for mail in mails.values()}
    stored = poll.mails.put(list(unique.values()))
    # The copy of a mail that we sent has the server's Message-ID and conversation, its row ours.
    copies = [mail for mail in unique.values() if mail.evidence.send_id]
    poll.mails.put_references([*stored, *copies])
    link_mails(poll.linking, stored)
    poll.on_stored(list(unique.values()))
    poll.mails.put_places(
        mailbox_id, [ItemPlace(folder_id, item_id, mail.id) for item_id, mail in mails.items()]
    )
    return stored
