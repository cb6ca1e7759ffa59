"""Whether the sender of a linked mail is somebody the incident knows: the *unverified sender* mark.

A header or token that links a mail shows that its sender has seen one of our mails, not who he is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from domain.linking.facts import MailFacts
from domain.linking.incident_book import IncidentBook
from domain.links import Link, SenderVerified
from domain.mail import Direction
from domain.sender_authentication import Dmarc


def verify_sender(
    facts: MailFacts,
    link: Link | None,
    *,
    named: Mapping[str, Sequence[str]],
    facts_of: Callable[[str], MailFacts | None],
    link_of: Callable[[str], Link | None],
    book: IncidentBook,
) -> tuple[SenderVerified, tuple[str, ...]]:
    """The verdict and its reasons.

    In the thread are the people of the mails that it names and that are placed in the same incident, of mail
    that we sent and of mail from the incident's units; what a stranger wrote makes nobody known.
    """
    if facts.dmarc is Dmarc.FAIL:
        return SenderVerified.NO, ("dmarc=fail",)
    reasons = {
        Dmarc.PASS: ("dmarc=pass",),
        Dmarc.INTERNAL: ("internal",),
    }.get(facts.dmarc, ())
    if facts.direction is Direction.OUTGOING:
        return SenderVerified.YES, ("own-mailbox", *reasons)
    if link is None:
        return SenderVerified.UNKNOWN, reasons
    root = book.root(link.incident_id)
    if facts.sender_unit is not None and facts.sender_unit in book.units(root):
        reasons = ("of-unit", *reasons)
    elif facts.sender is not None and facts.sender in _thread(facts, root, named, facts_of, link_of, book):
        reasons = ("in-thread", *reasons)
    else:
        return SenderVerified.NO, ("not-of-incident", *reasons)
    authenticated = facts.dmarc in (Dmarc.PASS, Dmarc.INTERNAL)
    return (SenderVerified.YES if authenticated else SenderVerified.UNKNOWN), reasons


def _thread(
    facts: MailFacts,
    root: str,
    named: Mapping[str, Sequence[str]],
    facts_of: Callable[[str], MailFacts | None],
    link_of: Callable[[str], Link | None],
    book: IncidentBook,
) -> set[str]:
    people: set[str] = set()
    units = book.units(root)
    for name in facts.names:
        for mail_id in named.get(name, ()):
            other, link = facts_of(mail_id), link_of(mail_id)
            if other is None or link is None or book.root(link.incident_id) != root:
                continue
            is_known = other.sender_unit in units and other.dmarc is not Dmarc.FAIL
            is_sent = other.direction is Direction.OUTGOING
            if is_sent or is_known:
                people |= other.recipients
            # Who comes to a mailbox under its own name is not the mailbox.
            if other.sender and (is_known or (is_sent and other.mailbox_id != facts.mailbox_id)):
                people.add(other.sender)
    return people
