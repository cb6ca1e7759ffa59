"""The sandbox's Exchange server: EWS over HTTP, mailboxes in SQLite and files."""

from sandbox.exchange.commands import ExchangeError, FolderEntry, ItemEntry
from sandbox.exchange.server import ExchangeServer

__all__ = ["ExchangeError", "ExchangeServer", "FolderEntry", "ItemEntry"]
