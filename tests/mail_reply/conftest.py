"""The application on an Azurite that is emptied before each test."""

from __future__ import annotations

from tests.api.fixtures import app, storage

__all__ = ["app", "storage"]
