"""What can go wrong at a boundary, as types that say who can act: nobody (retry), the admin, or only this
one mail.

`code` is always the name that Exchange, Microsoft Entra ID or the network gives the failure
(`ErrorServerBusy`, `AADSTS7000222`, `HTTP 403`, `CertificateExpired`); `domain.remedies` turns it into words.
No message ever carries a secret, a token or a mail's content.
"""

from __future__ import annotations

from datetime import timedelta


class BoundaryError(Exception):
    """A failure at the mail server, the token endpoint, Key Vault or storage.

    `code`: the failing side's own name for it. `server_message`: what that side said, cut to 500 characters.
    """

    def __init__(self, code: str, server_message: str = "") -> None:
        self.code = code
        self.server_message = server_message[:500]
        super().__init__(f"{code}: {self.server_message}" if server_message else code)


class RetryLaterError(BoundaryError):
    """Passing trouble: nobody has to act. `back_off` is how long the server asked us to stay away, if it
    said."""

    def __init__(self, code: str, server_message: str = "", back_off: timedelta | None = None) -> None:
        super().__init__(code, server_message)
        self.back_off = back_off


class AdminActionError(BoundaryError):
    """Lasting trouble that an admin can mend: credentials, permissions, names, certificates, switches."""


class FolderGoneError(AdminActionError):
    """The folder is no longer on the server (`ErrorFolderNotFound`, `ErrorSyncFolderNotFound`)."""


class SyncStateInvalidError(BoundaryError):
    """The sync state is refused (`ErrorInvalidSyncStateData`): the folder's walk starts over."""


class ConflictError(Exception):
    """Somebody else changed the row first (ETag mismatch, or a row that should be absent is there)."""


class NotFoundError(Exception):
    """What was asked for is not stored."""
