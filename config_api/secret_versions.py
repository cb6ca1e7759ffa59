"""Switches versions of secrets off that nothing names (any more)."""

from __future__ import annotations

import logging

from api.services import Services
from domain.configuration import PasswordRef
from domain.errors import BoundaryError
from domain.mailboxes import SecretRef

_LOG = logging.getLogger(__name__)


def switch_off(services: Services, secret: SecretRef | PasswordRef) -> BoundaryError | None:
    """What Key Vault said where it could not be done: the change that it belongs to has been decided already,
    and its caller is to be told of that."""
    try:
        services.secrets.disable(secret.name, secret.version)
    except BoundaryError as error:
        _LOG.warning(
            "version %s of the secret %s is unused and still enabled in Key Vault: %s",
            secret.version,
            secret.name,
            error.code,
        )
        return error
    return None
