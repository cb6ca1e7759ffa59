"""The item and folder properties that are asked for, as EWS property paths (Microsoft: "Property sets and
response shapes in EWS", [MS-OXPROPS] for the tags)."""

from __future__ import annotations

from collections.abc import Iterable

COMMIT_TIME = (0x670A, "SystemTime")
"""PidTagLocalCommitTimeMax: moves whenever something in the folder does."""
SEARCH_KEY = (0x300B, "Binary")
"""PidTagSearchKey: survives copies and moves."""
SENDER_SMTP_ADDRESS = (0x5D01, "String")
"""PidTagSenderSmtpAddress."""
REPRESENTED_SMTP_ADDRESS = (0x5D02, "String")
"""PidTagSentRepresentingSmtpAddress: the From header's person."""
IS_HIDDEN = (0x10F4, "Boolean")
"""PidTagAttributeHidden."""
SEND_ID_SET = "6f1d3c0a-5c0e-4d0b-9a51-7e2f84c3b1d6"
SEND_ID_NAME = "RespondMailboxSendId"
"""Our own property on mails that we sent. Mails out there carry it: neither set nor name may ever change."""


def field(path: str) -> str:
    """A `FieldURI`, for example `item:Subject`."""
    return f'<t:FieldURI FieldURI="{path}"/>'


def extended(tag: tuple[int, str]) -> str:
    """An `ExtendedFieldURI` by property tag."""
    return f'<t:ExtendedFieldURI PropertyTag="0x{tag[0]:04X}" PropertyType="{tag[1]}"/>'


SEND_ID = (
    f'<t:ExtendedFieldURI PropertySetId="{SEND_ID_SET}" PropertyName="{SEND_ID_NAME}" PropertyType="String"/>'
)


def additional(paths: Iterable[str]) -> str:
    """`AdditionalProperties` of a shape."""
    return f"<t:AdditionalProperties>{''.join(paths)}</t:AdditionalProperties>"


TIMES = (field("item:DateTimeReceived"), field("item:DateTimeCreated"))
"""Items that never arrived (drafts) have no received time; when they were created then stands for it."""

SUMMARY = (
    *TIMES,
    field("item:ItemClass"),
    field("item:Subject"),
    field("item:Size"),
    field("item:InReplyTo"),
    field("item:IsDraft"),
    field("item:ConversationId"),
    field("message:From"),
    field("message:Sender"),
    field("message:InternetMessageId"),
    field("message:References"),
    extended(SENDER_SMTP_ADDRESS),
    extended(REPRESENTED_SMTP_ADDRESS),
    extended(SEARCH_KEY),
    SEND_ID,
)

ENVELOPE = (
    *SUMMARY,
    field("item:DateTimeSent"),
    field("item:InternetMessageHeaders"),
    field("message:ToRecipients"),
    field("message:CcRecipients"),
    field("message:BccRecipients"),
)

FOLDER_STATE = (
    field("folder:FolderId"),
    field("folder:DisplayName"),
    field("folder:TotalCount"),
    extended(COMMIT_TIME),
)

FOLDER = (
    field("folder:FolderId"),
    field("folder:ParentFolderId"),
    field("folder:DisplayName"),
    field("folder:TotalCount"),
    field("folder:ChildFolderCount"),
    field("folder:FolderClass"),
    field("folder:DistinguishedFolderId"),
    extended(IS_HIDDEN),
)
