"""Limits that an administrator sets: the size of a mail, and mailboxes that are full.

Each is one setting of the store; a process that dies in a command leaves the old one.
"""

from sandbox.exchange.errors import ItemError
from sandbox.exchange.schema import Mailbox
from sandbox.exchange.store import Store

MESSAGE_SIZE = "message-size-limit"
MESSAGE_SIZE_BYTES = 36_700_160
"""35 MB, what Exchange Online allows unless told otherwise (Microsoft: "Exchange Online limits")."""
QUOTAS = ("off", "send", "full")
"""`send`: nothing can be sent (ProhibitSendQuota). `full`: nothing can be saved or received either
(ProhibitSendReceiveQuota)."""


def message_size_limit_bytes(store: Store) -> int:
    """How large a mail may be that is sent."""
    return int(store.setting(MESSAGE_SIZE, str(MESSAGE_SIZE_BYTES)))


def check_message_size(store: Store, size_bytes: int) -> None:
    """Raises ItemError where a mail is too large to be sent."""
    if size_bytes > message_size_limit_bytes(store):
        raise ItemError("ErrorMessageSizeExceeded")


def quota(store: Store, box: Mailbox) -> str:
    """One of QUOTAS."""
    return store.setting(f"quota:{box.address.lower()}", "off")


def set_quota(store: Store, box: Mailbox, value: str) -> None:
    """Makes a mailbox full, or gives it room again. Raises ValueError."""
    if value not in QUOTAS:
        raise ValueError(f"{value} is none of {', '.join(QUOTAS)}")
    store.change_setting(f"quota:{box.address.lower()}", value)


def check_room(store: Store, box: Mailbox) -> None:
    """Raises ItemError where nothing more can be saved in a mailbox."""
    if quota(store, box) == "full":
        raise ItemError("ErrorQuotaExceeded")


def check_may_send(store: Store, box: Mailbox) -> None:
    """Raises ItemError where a mailbox is too full to send."""
    if quota(store, box) != "off":
        raise ItemError("ErrorQuotaExceeded")
