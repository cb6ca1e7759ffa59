"""Keys of table `incidentmails`, one partition an incident.

| row | is |
|---|---|
| `m;{place}` | a mail of the tab; `place`: `{inverted received ms};{mail id}` |
| `n;{conversation};{place}` | the same mail among those of its conversation |
| `c;{position}` | a conversation in the list; `position`: `{inverted ms of its newest mail};{conversation}` |
| `o;{position};{until}` | where a conversation was shown before, up to the change with that number |
| `t;{conversation}` | totals of a conversation, and which mail is its newest |
| `x;{number}` | a change of the tab |
| `c;!` | the tab's version and totals: before all conversations, so that the first page is one range |
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from domain.mail import Mail
from domain.ours import conversation_key
from store.keys import inverted, safe

STATE = "c;!"
MAILS, MEMBERS, HEADS, FORMER_HEADS, TOTALS, CHANGES = "m;", "n;", "c;", "o;", "t;", "x;"
AFTER = "!"
"""Behind a key, it makes the next one: less than any character that keys hold."""
MAX_SEQUENCE = 2**31 - 1
"""An integer property's largest value (Edm.Int32)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONVERSATION = re.compile(r"[0-9a-f]{32}", re.ASCII)
_POSITION_CHARS = 16 + 1 + 32


def partition_of_incident(incident_id: str) -> str:
    """Any id as a partition key."""
    return safe(incident_id)


def conversation_of(mail: Mail) -> str:
    """Key-safe id of the mail's conversation; a mail without one is alone in its own."""
    key = conversation_key(mail.conversation_id) if mail.conversation_id else f"mail:{mail.id}"
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def is_conversation(text: str) -> bool:
    """Whether it can be such an id."""
    return _CONVERSATION.fullmatch(text) is not None


def place_of(mail: Mail) -> str:
    """Where the mail stands in the tab: newest first, then by id."""
    return f"{inverted(max(mail.received_at, _EPOCH))};{mail.id}"


def position_of(place: str, conversation: str) -> str:
    """Where a conversation stands whose newest mail has this place."""
    return f"{place.partition(';')[0]};{conversation}"


def position_in(key: str) -> str:
    """The position in the key of a row `c;` or `o;`."""
    return key[2 : 2 + _POSITION_CHARS]


def conversation_in(position: str) -> str:
    """The conversation of a position."""
    return position.partition(";")[2]


def member_key(conversation: str, place: str) -> str:
    """Row key of a mail among those of its conversation."""
    return f"{MEMBERS}{conversation};{place}"


def change_key(sequence: int) -> str:
    """Row key of a change: numbers in order."""
    return f"{CHANGES}{sequence:010d}"


def former_head_key(position: str, until: int) -> str:
    """Row key of a position that a conversation has left."""
    return f"{FORMER_HEADS}{position};{until:010d}"
