"""The sandbox's Exchange server: EWS over HTTP, mailboxes in SQLite and files."""

from sandbox.exchange.server import ExchangeError, ExchangeServer, FolderEntry, ItemEntry

__all__ = ["ExchangeError", "ExchangeServer", "FolderEntry", "ItemEntry"]
