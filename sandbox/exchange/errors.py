"""The ways an EWS request can fail, by Exchange's response codes (Microsoft: "ResponseCode").

`ItemError` fails one response message of a batch; `RequestError` the whole request (HTTP 500);
`HttpError` is answered by the web server before EWS sees the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


class ItemError(Exception):
    """One response message fails; the others of the request go on."""

    def __init__(self, code: str, text: str = "", back_off_ms: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, code)
        self.back_off_ms = back_off_ms


class RequestError(Exception):
    """The request as a whole is answered with a SOAP fault."""

    def __init__(self, code: str, text: str = "", back_off_ms: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, code)
        self.back_off_ms = back_off_ms


@dataclass(slots=True)
class HttpError(Exception):
    """The request is refused with an HTTP status, without SOAP."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorCannotUseFolderIdForItemId": "Id passed is a folder id, not an item id.",
    "ErrorCannotUseItemIdForFolderId": "Id passed is an item id, not a folder id.",
    "ErrorChangeKeyRequired": "Change key is required for this operation.",
    "ErrorDeleteDistinguishedFolder": "Distinguished folders cannot be deleted.",
    "ErrorExceededConnectionCount": "You have exceeded the available concurrent connections for your "
    "account.  Try again once your other requests have completed.",
    "ErrorFolderExists": "A folder with the specified name already exists.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorImpersonationRequired": "ExchangeImpersonation SOAP header must be present for this "
    "type of OAuth token.",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInternalServerTransientError": "An internal server error occurred. Try again later.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidMimeContent": "The MIME content is invalid.",
    "ErrorInvalidOperation": "The operation can't be performed.",
    "ErrorInvalidPropertySet": "Set action is invalid for property.",
    "ErrorInvalidRecipients": "At least one recipient is not valid.",
    "ErrorInvalidRequest": "The request is invalid.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorIrresolvableConflict": "The send or update operation could not be performed because the change key "
    "passed in the request does not match the current change key for the item.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMailboxMoveInProgress": "Mailbox move in progress. Try again later.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorMessageSizeExceeded": "The message exceeds the maximum supported size.",
    "ErrorMissingRecipients": "There are no recipients for the message.",
    "ErrorNameResolutionNoResults": "No results were found.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorQuotaExceeded": "The action cannot be completed because the mailbox's storage limit has been "
    "exceeded.",
    "ErrorSchemaValidation": "The request failed schema validation.",
    "ErrorSendAsDenied": "The user account which was used to submit this request does not have the right to "
    "send mail on behalf of the specified sending account.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorSyncFolderNotFound": "The folder to synchronize could not be found.",
    "ErrorTimeoutExpired": "The request timed out.",
    "ErrorUnsupportedPathForQuery": "The property can not be used with this type of restriction.",
    "ErrorUnsupportedPathForSortGroup": "The property can not be used for sorting or grouping.",
}
"""What Exchange says beside the codes that this server gives."""
