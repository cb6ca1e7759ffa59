"""Exchange's response codes in three families: retry, tell the admin, this one item only.

Source: Microsoft, "ResponseCode" (EWS reference) and "EWS throttling in Exchange". The name stays
Exchange's own.

A code that is in no list: about one item it is that item's trouble (it must not block the folder behind
it), about a request it goes to the admin with the server's words, since nobody here can say that it will
pass. Codes that say "transient" or "timeout" in their name pass.
"""

from __future__ import annotations

from datetime import timedelta

from domain.errors import (
    AdminActionError,
    BoundaryError,
    FolderGoneError,
    RetryLaterError,
    SyncStateInvalidError,
)
from exchange.answer_parser import Node

MAX_BACK_OFF = timedelta(hours=1)
"""A server (or who stands in its place) cannot silence a mailbox for longer by one answer."""

RETRY = frozenset(
    (
        "ErrorADUnavailable",
        "ErrorBatchProcessingStopped",
        "ErrorClientDisconnected",
        "ErrorConnectionFailed",
        "ErrorConnectionFailedTransientError",
        "ErrorExceededConnectionCount",
        "ErrorExceededFindCountLimit",
        "ErrorInsufficientResources",
        "ErrorInternalServerTransientError",
        "ErrorMailboxFailover",
        "ErrorMailboxMoveInProgress",
        "ErrorMailboxStoreUnavailable",
        "ErrorNoRespondingCASInDestinationSite",
        "ErrorNotEnoughMemory",
        "ErrorProxyCallFailed",
        "ErrorProxyRequestProcessingFailed",
        "ErrorProxyTokenExpired",
        "ErrorRequestAborted",
        "ErrorServerBusy",
        "ErrorTimeoutExpired",
        "ErrorTooManyObjectsOpened",
        "ErrorWebRequestInInvalidState",
    )
)

ADMIN = frozenset(
    (
        "ErrorAccessDenied",
        "ErrorAccountDisabled",
        "ErrorCallerIsInvalidADAccount",
        "ErrorImpersonateUserDenied",
        "ErrorImpersonationDenied",
        "ErrorImpersonationFailed",
        "ErrorImpersonationRequired",
        "ErrorInvalidExchangeImpersonationHeaderData",
        "ErrorInvalidLicense",
        "ErrorInvalidServerVersion",
        "ErrorMailboxConfiguration",
        "ErrorMailboxLogonFailed",
        "ErrorMissingEmailAddress",
        "ErrorNonExistentMailbox",
        "ErrorNonPrimarySmtpAddress",
        "ErrorPasswordChangeRequired",
        "ErrorPasswordExpired",
        "ErrorQuotaExceeded",
        "ErrorSchemaValidation",
        "ErrorUserNotAllowedByPolicy",
    )
)

ITEM = frozenset(
    (
        "ErrorContentConversionFailed",
        "ErrorCorruptData",
        "ErrorInvalidIdEmpty",
        "ErrorInvalidIdMalformed",
        "ErrorInvalidPropertyRequest",
        "ErrorItemCorrupt",
        "ErrorItemNotFound",
        "ErrorItemPropertyRequestFailed",
        "ErrorMessageSizeExceeded",
        "ErrorMimeContentConversionFailed",
        "ErrorMimeContentInvalid",
        "ErrorUnsupportedMimeConversion",
        "ErrorVirusDetected",
        "ErrorVirusMessageDeleted",
    )
)

FOLDER_GONE = frozenset(("ErrorFolderNotFound", "ErrorSyncFolderNotFound"))
NOT_A_FOLDER_HERE = FOLDER_GONE | {
    "ErrorItemNotFound",
    "ErrorInvalidFolderId",
    "ErrorInvalidIdMalformed",
    "ErrorInvalidId",
    "ErrorCannotUseItemIdForFolderId",
}
"""About one folder id of several: nothing lies under it in this mailbox (any more)."""
INVALID_SYNC_STATE = frozenset(("ErrorInvalidSyncStateData",))
_PASSES = ("Transient", "Timeout", "TimedOut")


def request_error(code: str, text: str, back_off: timedelta | None) -> BoundaryError:
    """The error for a request (or a response message about a folder) that failed with `code`."""
    if code in INVALID_SYNC_STATE:
        return SyncStateInvalidError(code, text)
    if code in FOLDER_GONE:
        return FolderGoneError(code, text)
    if code in ADMIN:
        return AdminActionError(code, text)
    # An item's code for a whole request says which request failed, not which item: asked again one by one
    # it shows.
    if passes(code) or back_off is not None or code in ITEM or code == "ErrorInternalServerError":
        return RetryLaterError(code, text, back_off)
    return AdminActionError(code, text)


def passes(code: str) -> bool:
    """Whether the code names trouble that goes by itself."""
    return code in RETRY or any(word in code for word in _PASSES)


def is_about_one_item(code: str, back_off: timedelta | None) -> bool:
    """Whether a response message about an item fails that item only (`ErrorInternalServerError` and unknown
    codes do: Exchange answers so for damaged items, and its own name for passing trouble is another)."""
    return back_off is None and not passes(code) and code not in ADMIN


def back_off_of(node: Node) -> timedelta | None:
    """`BackOffMilliseconds` anywhere below a response message or fault, at most `MAX_BACK_OFF`."""
    for value in node.walk():
        if value.name == "Value" and value.attributes.get("Name") == "BackOffMilliseconds":
            text = value.text.strip()
            if text.isascii() and text.isdigit() and len(text) < 12:
                return min(timedelta(milliseconds=int(text)), MAX_BACK_OFF)
    return None


def message_error(message: Node) -> BoundaryError | None:
    """The error of a response message, else None. Warnings are no errors, but for those that say that the
    item was not looked at for the moment (`ErrorBatchProcessingStopped`)."""
    response_class = message.attributes.get("ResponseClass")
    if response_class != "Error" and not (response_class == "Warning" and passes(response_code(message))):
        return None
    return request_error(response_code(message), message.text_of("MessageText"), back_off_of(message))


def response_code(message: Node) -> str:
    """Exchange's code, `ErrorUnknown` where the message names none."""
    return _code(message.text_of("ResponseCode")) or "ErrorUnknown"


def fault_error(fault: Node) -> BoundaryError:
    """The error of a SOAP 1.1 fault: EWS writes its code into `detail/ResponseCode`, older servers into
    `faultcode`."""
    code = _code(fault.text_of("detail", "ResponseCode")) or _code(
        fault.text_of("faultcode").rpartition(":")[2]
    )
    text = fault.text_of("detail", "Message") or fault.text_of("faultstring")
    return request_error(code or "ErrorUnknown", text, back_off_of(fault))


def _code(text: str) -> str:
    """A code that can be shown and stored: letters and digits, as all of Exchange's are."""
    code = text.strip()
    return code if code.isascii() and code.isalnum() and len(code) <= 100 else ""
