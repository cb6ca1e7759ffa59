"""What an admin has set, or what stands while nobody has set anything. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from domain.configuration import SendingLimits

if TYPE_CHECKING:
    from domain.configuration_ports import SettingsStore
    from domain.ports import MailboxStore

T = TypeVar("T")


def standing(settings: SettingsStore, kind: type[T]) -> T:
    """The saved value of a kind of settings, else its default. One point read."""
    stored = settings.read(kind)
    return stored.value if stored else kind()


def sending_is_stopped(settings: SettingsStore) -> bool:
    """Whether an admin has stopped all sending."""
    return standing(settings, SendingLimits).is_stopped


def mailbox_is_off(mailboxes: MailboxStore, mailbox_id: str) -> bool:
    """Whether what is sent from it has to wait for a person."""
    stored = mailboxes.read_settings(mailbox_id)
    return stored is None or not stored.value.enabled
