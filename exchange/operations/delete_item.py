"""DeleteItem (Microsoft: "DeleteItem operation"): removes an item for good, past Deleted Items."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.answer_parser import Node, malformed
from exchange.errors import message_error
from exchange.soap import item_ids


def request(item_id: str) -> str:
    """One item, HardDelete."""
    return f'<m:DeleteItem DeleteType="HardDelete">{item_ids((item_id,))}</m:DeleteItem>'


def parse(messages: Sequence[Node]) -> None:
    """Raises what the server refuses."""
    if len(messages) != 1:
        raise malformed("DeleteItem: not one answer")
    if error := message_error(messages[0]):
        raise error
