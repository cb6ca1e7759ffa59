"""A filter of the tab: what the server checks by column, and the words that are looked for here, since Table
Storage cannot look into texts. Pure."""

from __future__ import annotations

import unicodedata

from domain.linking_ports import MailFilter
from domain.mail import Address, Mail
from store.record_codec import writable
from store.table import quoted


def condition(where: MailFilter) -> str | None:
    """OData, of the columns of a mail's row; None: every row."""
    parts = [
        f"{column} eq {quoted(writable(value))}"
        for column, value in (("unit", where.unit), ("direction", where.direction), ("kind", where.kind))
        if value is not None
    ]
    parts += [
        f"{column} eq {'true' if value else 'false'}"
        for column, value in (
            ("attachments", where.has_attachments),
            ("unread", where.unread),
            ("unverified", where.unverified),
            ("suggested", where.suggested),
        )
        if value is not None
    ]
    return " and ".join(parts) or None


def both(*conditions: str | None) -> str | None:
    """All that are set."""
    return " and ".join(one for one in conditions if one) or None


def words_of(where: MailFilter) -> tuple[str, ...]:
    """What must all stand in a mail, folded; empty: no text is asked for."""
    return tuple(dict.fromkeys(_folded(where.text).split())) if where.text else ()


def has_words(mail: Mail, words: tuple[str, ...]) -> bool:
    """Whether each stands in subject, preview, or a person's name or address."""
    if not words:
        return True
    people = (*((mail.sender,) if mail.sender else ()), *mail.to, *mail.cc)
    text = _folded("\n".join((mail.subject, mail.preview, *map(_person, people))))
    return all(word in text for word in words)


def _person(address: Address) -> str:
    return f"{address.name}\n{address.address}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
