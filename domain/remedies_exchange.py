"""Words for what Exchange answers: title, detail, remedy, who can act. Source: Microsoft, "ResponseCode",
"Control access to EWS in Exchange", "Set-OrganizationConfig"."""

from __future__ import annotations

Words = tuple[str, str, str, str]
_EXCHANGE, _ADMIN, _NOBODY = "Exchange administrator", "mailbox admin", "nobody"
_GOES_ON = "Nothing to do: polling waits as long as the server asks and goes on by itself."
_IMPERSONATION = (
    "An Exchange administrator gives the app (by its App ID) the permission full_access_as_app, or the role "
    "Application EWS.AccessAsApp by RBAC for Applications with a scope that covers this mailbox."
)

_EWS_SWITCHED_OFF: Words = (
    "Exchange refuses access: EWS is switched off, or this app is not allowed",
    "Exchange Online answers 403 where Exchange Web Services are off for the organisation or for this "
    "mailbox, where "
    "the app is not on the organisation's allow list (since 1 October 2026, unset means off), or where the "
    "mailbox has "
    "only a Kiosk, F1 or F3 licence. EWS in Exchange Online ends for good on 1 April 2027.",
    "An Exchange administrator runs, in Exchange Online PowerShell: Set-OrganizationConfig -EwsEnabled $true "
    "-EwsAllowedAppIDs with this App ID added to the whole list, and Set-CASMailbox -EwsEnabled $true for the"
    " mailbox, "
    "and checks its licence. It can take up to 24 hours, and is possible until 1 April 2027.",
    _EXCHANGE,
)

EXCHANGE_REMEDIES: dict[str, Words] = {
    "HTTP 401": (
        "The mail server does not take the token",
        "A new token was fetched and refused too: the server does not trust this app, or expects another "
        "sign-in.",
        "Check that the app has the application permission full_access_as_app with admin consent, and that "
        "App ID, "
        "Tenant ID and Incoming Email Server belong to one organisation.",
        "Microsoft Entra administrator",
    ),
    "HTTP 403": _EWS_SWITCHED_OFF,
    "HTTP 404": (
        "There is no Exchange at this address",
        "The server answers, but has nothing at /EWS/Exchange.asmx.",
        "Check Incoming Email Server and Port; for Exchange Online it is outlook.office365.com and 443.",
        _ADMIN,
    ),
    "HTTP 429": (
        "The mail server throttles this mailbox",
        "It asked to be left alone for a while.",
        _GOES_ON,
        _NOBODY,
    ),
    "HTTP 503": ("The mail server is busy", "It asked to be left alone for a while.", _GOES_ON, _NOBODY),
    "ErrorServerBusy": (
        "The mail server is busy",
        "It asked to be left alone for a while.",
        _GOES_ON,
        _NOBODY,
    ),
    "ErrorExceededConnectionCount": (
        "Too many connections to this mailbox",
        "Exchange allows a number of connections a mailbox, and others use them too.",
        _GOES_ON,
        _NOBODY,
    ),
    "ErrorTimeoutExpired": (
        "The mail server took too long",
        "It gave the request up itself.",
        _GOES_ON,
        _NOBODY,
    ),
    "ErrorInternalServerTransientError": (
        "The mail server has passing trouble",
        "Exchange says that it will pass.",
        _GOES_ON,
        _NOBODY,
    ),
    "ErrorInternalServerError": ("The mail server has trouble", "Exchange failed inside.", _GOES_ON, _NOBODY),
    "ErrorMailboxMoveInProgress": (
        "The mailbox is being moved",
        "Exchange moves it to another database.",
        "Nothing to do: polling goes on when the move is over.",
        _NOBODY,
    ),
    "ErrorMailboxStoreUnavailable": (
        "The mailbox's database is away",
        "Exchange cannot reach the mailbox just now.",
        _GOES_ON,
        _NOBODY,
    ),
    "ErrorConnectionFailed": (
        "Exchange cannot reach the mailbox",
        "The server that answered cannot connect to the mailbox's own server just now.",
        _GOES_ON,
        _NOBODY,
    ),
    "ErrorAccessDenied": (
        "The app may not open this mailbox",
        "Exchange knows the app but does not let it into this mailbox or folder.",
        _IMPERSONATION,
        _EXCHANGE,
    ),
    "ErrorImpersonateUserDenied": (
        "The app may not act for this mailbox",
        "Impersonation is refused: the mailbox lies outside what the app may open.",
        _IMPERSONATION,
        _EXCHANGE,
    ),
    "ErrorImpersonationDenied": (
        "The app may not act for this mailbox",
        "Impersonation is refused.",
        _IMPERSONATION,
        _EXCHANGE,
    ),
    "ErrorImpersonationRequired": (
        "The app may not act for this mailbox",
        "Exchange took the request for one without impersonation.",
        _IMPERSONATION,
        _EXCHANGE,
    ),
    "TooManyFolders": (
        "The mailbox has too many folders",
        "Its tree has more than 50,000 folders and is not listed.",
        "Remove folders that nobody needs. Folders that are already selected are still polled.",
        _EXCHANGE,
    ),
    "NoMimeContent": (
        "A mail has no message text on the server",
        "Exchange knows the item but gives no MIME for it. It is recorded as unreadable; others go on.",
        "Nothing to do. Look at the item in Outlook where it matters.",
        _NOBODY,
    ),
    "ErrorImpersonationFailed": (
        "The app cannot act for this mailbox",
        "Impersonation failed: mostly the address is not this mailbox's primary one.",
        "Enter the mailbox's primary SMTP address as Email/Username.",
        _ADMIN,
    ),
    "ErrorNonExistentMailbox": (
        "There is no such mailbox",
        "Exchange knows no mailbox with this address.",
        "Check Email/Username; a distribution list or a mail contact has no mailbox.",
        _ADMIN,
    ),
    "ErrorNonPrimarySmtpAddress": (
        "The address is not the mailbox's primary one",
        "Exchange opens a mailbox by its primary SMTP address only.",
        "Enter the mailbox's primary SMTP address as Email/Username.",
        _ADMIN,
    ),
    "ErrorMissingEmailAddress": (
        "The account has no mailbox",
        "Exchange knows the account, but it has no mailbox (any more).",
        "Check Email/Username, and the account's licence.",
        _EXCHANGE,
    ),
    "ErrorMailboxLogonFailed": (
        "Exchange cannot open the mailbox",
        "The mailbox is disabled or being changed.",
        "Check the mailbox in Exchange.",
        _EXCHANGE,
    ),
    "ErrorAccountDisabled": (
        "The account is disabled",
        "The mailbox's account is switched off.",
        "Enable the account, or enter another mailbox.",
        _EXCHANGE,
    ),
    "ErrorInvalidLicense": (
        "The mailbox's licence does not allow this",
        "Mailboxes with only a Kiosk, F1 or F3 licence may not be opened by EWS since 30 June 2026.",
        "Assign the mailbox a licence with full Exchange Online.",
        _EXCHANGE,
    ),
    "ErrorQuotaExceeded": (
        "The mailbox is full",
        "Exchange refuses since the mailbox's quota is used up.",
        "Make room in the mailbox, or raise its quota.",
        _EXCHANGE,
    ),
    "ErrorFolderNotFound": (
        "The folder has gone from the server",
        "It was deleted, or moved to another mailbox. What was stored from it stays.",
        "Unselect the folder under Folders, and select another where its mail goes on.",
        _ADMIN,
    ),
    "ErrorSyncFolderNotFound": (
        "The folder has gone from the server",
        "It was deleted, or moved to another mailbox. What was stored from it stays.",
        "Unselect the folder under Folders, and select another where its mail goes on.",
        _ADMIN,
    ),
    "ErrorInvalidSyncStateData": (
        "The folder is read anew",
        "Exchange does not accept how far the folder had been read; nothing is stored twice.",
        "Nothing to do: the walk through the folder starts over by itself.",
        _NOBODY,
    ),
    "ErrorInvalidServerVersion": (
        "The Exchange server is too old",
        "It does not know the version that is asked for; Exchange 2016 or later is needed.",
        "Use a server with Exchange 2016, 2019, Subscription Edition or Exchange Online.",
        _EXCHANGE,
    ),
    "ErrorMessageSizeExceeded": (
        "A mail is larger than the server hands out",
        "Exchange limits the size of one answer. The mail is recorded as unreadable; others go on.",
        "Raise the server's EWS limits where large mails matter (maxAllowedContentLength, maximum message "
        "size).",
        _EXCHANGE,
    ),
    "ItemBreaksConnection": (
        "One mail breaks the connection",
        "Fetching it ended the connection each time. After some tries it is recorded as unreadable and others"
        " go on.",
        "Nothing to do. Where it comes back, look at the mail in Outlook.",
        _NOBODY,
    ),
}
