"""A mail that we send stands in its incident's tab as soon as its entry is there.

It is stored as the poll stores mail, under the id that its send id makes (`domain.identity.sent_identity`),
so that the copy in Sent Items is this one. Blob, row, index, link; each idempotent. Dies before the end: the
same request again, or the copy, finishes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from domain.business_units import UnitDirectory
from domain.compose.mime import compose
from domain.identity import sent_identity
from domain.links import LinkedMail, PersonDecision
from domain.mime.message import MailContext, mail_from_message
from domain.mime.scanner import MessageScanner
from domain.server_items import ItemSummary
from domain.stored import Activity
from linking.by_hand import decide_by_person
from linking.context import LinkPorts, link_context, new_id
from linking.link_mails import link_mails
from mail_reply.contents import content_reader

if TYPE_CHECKING:
    from domain.compose.message import OutgoingMessage
    from domain.outbox import OutboxEntry
    from domain.ports import RawMailStore
    from domain.sending_ports import OutgoingContents


class RecordPorts(LinkPorts, Protocol):
    """What a mail is stored with."""

    @property
    def raw(self) -> RawMailStore: ...
    @property
    def contents(self) -> OutgoingContents: ...


def mail_id_of(entry: OutboxEntry) -> str:
    """The id of the mail that the entry is, in the tab."""
    found = sent_identity(entry.mailbox_id, entry.id)
    if found is None:
        raise ValueError("an entry's id has 32 hexadecimal digits")
    return found


def record_sent_mail(ports: RecordPorts, entry: OutboxEntry, message: OutgoingMessage) -> LinkedMail:
    """The mail as it stands in the tab. Raises what storage raises."""
    mail_id = mail_id_of(entry)
    scanner = MessageScanner()
    read = content_reader(ports.contents, ports.mails, ports.raw)
    stored = ports.raw.put(mail_id, _scanned(compose(message, read), scanner))
    if stored.already_there:
        scanner = MessageScanner()
        for _ in _scanned(ports.raw.stream(mail_id), scanner):
            pass
    scanner.close()
    units = UnitDirectory([row.value for row in ports.units.read_all(include_archived=False)])
    context = MailContext(entry.mailbox_id, message.sender.address, units)
    summary = ItemSummary(item_id="", received_at=entry.created_at, send_id=entry.id)
    mail = mail_from_message(scanner, summary, context, mail_id=mail_id, raw_sha256=stored.sha256)
    mails = ports.mails.put([mail])
    ports.mails.put_references(mails)
    linked = link_mails(link_context(ports), mails)[0]
    return _placed(ports, entry, linked)


def _scanned(chunks: Iterator[bytes], scanner: MessageScanner) -> Iterator[bytes]:
    for chunk in chunks:
        scanner.feed(chunk)
        yield chunk


def _placed(ports: RecordPorts, entry: OutboxEntry, linked: LinkedMail) -> LinkedMail:
    """In its incident though nothing in the mail says so: its id fits into no subject, or what it answers
    lies elsewhere. What a person decided since stays."""
    state = linked.state
    here = {entry.incident_id, *ports.incidents.merged_into(entry.incident_id)}
    if state.decision is not None or (state.link is not None and state.link.incident_id in here):
        return linked
    decision = PersonDecision(
        new_id(),
        entry.created_at,
        entry.created_by,
        acting_for=entry.acting_for,
        placed_in=entry.incident_id,
    )
    log = Activity(
        at=entry.created_at,
        actor=entry.created_by,
        acting_for=entry.acting_for,
        action="mail.linked",
        target=f"mail/{linked.mail.id}",
        before={"incident": state.link.incident_id if state.link else None},
        after={"incident": entry.incident_id},
    )
    return decide_by_person(link_context(ports), linked.mail.id, decision, log)
