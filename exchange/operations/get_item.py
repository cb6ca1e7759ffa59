"""GetItem (Microsoft: "GetItem operation"): envelopes without MIME, and whole messages with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.errors import RetryLaterError
from domain.server_items import Envelope, FetchedMessage, ItemFailure
from exchange.answer_parser import Event, MimeBegin, Node, malformed
from exchange.errors import back_off_of, is_about_one_item, message_error, response_code
from exchange.properties import ENVELOPE, additional
from exchange.soap import item_ids
from exchange.summaries import summary
from exchange.values import read_time


def request_envelopes(ids: Sequence[str]) -> str:
    """Everything that decides whose an item is; no MIME."""
    return (
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"{additional(ENVELOPE)}</m:ItemShape>{item_ids(ids)}</m:GetItem>"
    )


def parse_envelopes(messages: Sequence[Node], ids: Sequence[str]) -> list[Envelope | ItemFailure]:
    """One answer an item, in the order asked."""
    if len(messages) != len(ids):
        raise malformed("GetItem: not one answer for each item")
    return [
        _failure(message, asked) or _envelope(message) for asked, message in zip(ids, messages, strict=True)
    ]


def request_messages(ids: Sequence[str]) -> str:
    """Raw messages and nothing else."""
    return (
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"<t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>{item_ids(ids)}</m:GetItem>"
    )


def stream_messages(events: Iterator[Event], ids: Sequence[str]) -> Iterator[FetchedMessage | ItemFailure]:
    """Messages as they arrive. An answer follows the order of its request (so the id is known before the
    content, while `ItemId` comes after it); where an answer names another of the items asked for, it is
    refused."""
    position = 0
    for event in events:
        if isinstance(event, bytes):
            continue
        if position >= len(ids):
            raise malformed("GetItem: more answers than items")
        asked = ids[position]
        position += 1
        if isinstance(event, MimeBegin):
            chunks = _content(events, asked, ids)
            yield FetchedMessage(asked, chunks)
            for _ in chunks:
                pass
        else:
            yield _failure(event, asked) or ItemFailure(asked, "NoMimeContent", "The server gave no message.")


def _content(events: Iterator[Event], asked: str, ids: Sequence[str]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, bytes):
            yield event
        elif isinstance(event, Node):
            found = next((node for node in event.walk() if node.name == "ItemId"), None)
            answered = found.attributes.get("Id", asked) if found is not None else asked
            if answered != asked and answered in ids:
                raise malformed("GetItem: answers out of order")
            return
        else:
            raise malformed("GetItem: two contents in one answer")
    # The answer was closed under this content: its end must never look like the message's end.
    raise RetryLaterError("ConnectionLost", "the answer was given up in the middle of a message")


def _failure(message: Node, asked: str) -> ItemFailure | None:
    error = message_error(message)
    if error is None:
        return None
    code = response_code(message)
    if not is_about_one_item(code, back_off_of(message)):
        raise error
    return ItemFailure(asked, code, error.server_message)


def _envelope(message: Node) -> Envelope:
    items = message.find("Items")
    if items is None or not items.children:
        raise malformed("GetItem: no item in a successful answer")
    item = items.children[0]
    people: dict[str, tuple[str, ...]] = {}
    headers: tuple[tuple[str, str], ...] = ()
    sent_at = None
    for node in item.children:
        if node.name in ("ToRecipients", "CcRecipients", "BccRecipients"):
            people[node.name] = tuple(filter(None, (_smtp_address(mailbox) for mailbox in node.children)))
        elif node.name == "InternetMessageHeaders":
            headers = tuple((one.attributes.get("HeaderName", ""), one.text) for one in node.children)
        elif node.name == "DateTimeSent":
            sent_at = read_time(node.text)
    return Envelope(
        summary=summary(item),
        to=people.get("ToRecipients", ()),
        cc=people.get("CcRecipients", ()),
        bcc=people.get("BccRecipients", ()),
        headers=headers,
        sent_at=sent_at,
    )


def _smtp_address(mailbox: Node) -> str:
    """Empty for legacy DNs and other routing types."""
    address = mailbox.text_of("EmailAddress").strip()
    return address if "@" in address and mailbox.text_of("RoutingType") in ("", "SMTP") else ""
