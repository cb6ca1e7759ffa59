"""GetFolder (Microsoft: "GetFolder operation"): which of several folders changed, in one request."""

from __future__ import annotations

from collections.abc import Sequence

from domain.server_items import FolderGone, FolderState
from exchange.answer_parser import Node, malformed
from exchange.errors import NOT_A_FOLDER_HERE, message_error, response_code
from exchange.properties import COMMIT_TIME, FOLDER_STATE, additional
from exchange.soap import SENT_ITEMS, folder_id
from exchange.values import extended_values, integer


def request(folder_ids: Sequence[str]) -> str:
    """Asks for the folders and, last, for Sent Items, so that the answer tells which of them it is."""
    ids = "".join(folder_id(identifier) for identifier in (*folder_ids, SENT_ITEMS))
    return (
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"{additional(FOLDER_STATE)}</m:FolderShape><m:FolderIds>{ids}</m:FolderIds></m:GetFolder>"
    )


def parse(messages: Sequence[Node], folder_ids: Sequence[str]) -> list[FolderState | FolderGone]:
    """One answer a folder, in the order asked. Raises what fails the whole mailbox."""
    if len(messages) != len(folder_ids) + 1:
        raise malformed("GetFolder: not one answer for each folder")
    sent_items_id = _server_id(messages[-1])
    answers: list[FolderState | FolderGone] = []
    for asked, message in zip(folder_ids, messages, strict=False):
        error = message_error(message)
        if error is None:
            answers.append(_state(asked, message, sent_items_id))
        elif response_code(message) in NOT_A_FOLDER_HERE:
            answers.append(FolderGone(asked, response_code(message)))
        else:
            raise error
    return answers


def _state(asked: str, message: Node, sent_items_id: str | None) -> FolderState:
    server_id = _server_id(message)
    folders = message.find("Folders")
    if server_id is None or folders is None:
        raise malformed("GetFolder: no folder in a successful answer")
    folder = folders.children[0]
    return FolderState(
        folder_id=asked,
        server_id=server_id,
        name=folder.text_of("DisplayName"),
        total_count=integer(folder.text_of("TotalCount")),
        commit_time=extended_values(folder).get(COMMIT_TIME[0]),
        is_sent_items=server_id == sent_items_id,
    )


def _server_id(message: Node) -> str | None:
    folders = message.find("Folders")
    found = folders.children[0].find("FolderId") if folders is not None and folders.children else None
    return found.attributes.get("Id") if found is not None else None
