"""Which stored mail a message is: the Message-ID and a digest of what the message says (never the item id).

Exchange rebuilds MIME, so bytes prove nothing; two mails with one Message-ID but other sender, date or
subject
are two mails, copies of one mail in two folders are one. Without a Message-ID PidTagSearchKey counts, which
survives copies and moves, then a digest of the decoded header and text.
"""

from __future__ import annotations

import hashlib
import re

from domain.mime.headers import Headers, decode_words, normalise_message_id, parse_addresses, parse_date

_WHITE_SPACE = re.compile(r"\s+")
_HASH_CHARS = 32
_SEND_ID = re.compile(r"([0-9a-f]{32})(?:-[0-9]{1,6})?", re.ASCII)


def mail_identity(mailbox_id: str, headers: Headers, *, search_key: str | None, text: bytes) -> str:
    """The mail's id, `{mailbox}.{32 hex digits}`. `text`: start of the first text part, for mails without
    any id."""
    senders, _ = parse_addresses([headers.get("From") or headers.get("Sender")])
    sender = senders[0].address.lower() if senders else ""
    date = parse_date(headers.get("Date"))
    said = (sender, date.isoformat() if date else "", _words(headers.get("Subject")))
    message_id = normalise_message_id(headers.get("Message-ID"))
    if message_id:
        return _id(mailbox_id, "message-id", message_id, *said)
    if search_key:
        return _id(mailbox_id, "search-key", search_key)
    fields = (f"{name.lower()}:{_words(value)}" for name, value in headers.fields)
    return _id(mailbox_id, "content", *fields, hashlib.sha256(text).hexdigest())


def sent_identity(mailbox_id: str, send_id: str) -> str | None:
    """The id of a mail that we sent, by its send id (an outbox entry's id, and which try since a person let
    it go again): the same before it leaves and when its copy turns up, whatever Exchange made of its
    Message-ID and Date. None where this is no send id of ours."""
    found = _SEND_ID.fullmatch(send_id)
    return f"{mailbox_id}.{found[1]}" if found else None


def unreadable_identity(mailbox_id: str, *, search_key: str | None, item_id: str) -> str:
    """The id under which an item is recorded whose message could not be had."""
    return _id(mailbox_id, "unreadable", search_key or item_id)


def item_hash(item_id: str) -> str:
    """A short, key-safe name for an item or folder id of the server (32 hex digits)."""
    return hashlib.sha256(item_id.encode()).hexdigest()[:_HASH_CHARS]


def _words(value: str) -> str:
    return _WHITE_SPACE.sub(" ", decode_words(value)).strip()


def _id(mailbox_id: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join((mailbox_id, *parts)).encode("utf-8", "replace")).hexdigest()
    return f"{mailbox_id}.{digest[:_HASH_CHARS]}"
