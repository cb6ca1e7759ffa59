"""Tests a mailbox's settings against its server, step by step (`domain.ports.ConnectionTester`).

Every step has a time limit and all together have `TOTAL_SECONDS`. Connections and tokens are new each time
and dropped at the end; a typed secret lives in this call alone. Dies between the last step's two requests:
a draft without recipients is left in Drafts, its subject says what it is.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from domain.connection_test import SSL_OFF, OtherMailboxResult, Outcome, Step, StepResult
from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from domain.mailboxes import MailboxSettings
from exchange.address_guard import AddressGuard
from exchange.connections import tls_context
from exchange.servers import DEFAULT_AUTHORITY_HOST
from exchange.time_limit import TimeLimit
from exchange.trial import FACTS, Trial

if TYPE_CHECKING:
    from domain.ports import SecretReader

TOTAL_SECONDS = 13.5
"""Leaves the HTTP request around it room within the 15 seconds that a failing test may take."""
_NEEDS = {
    Step.NAME_RESOLUTION: (),
    Step.CONNECTION: (Step.NAME_RESOLUTION,),
    Step.TLS: (Step.NAME_RESOLUTION, Step.CONNECTION),
    Step.TOKEN: (),
    Step.MAILBOX_ACCESS: (Step.TOKEN,),
    Step.FOLDER_LIST: (Step.TOKEN,),
    Step.PERMISSION_TO_SEND: (Step.TOKEN,),
}
_LIMITS = {
    Step.NAME_RESOLUTION: (4.0, "NameResolutionTimeout"),
    Step.CONNECTION: (4.5, "ConnectTimeout"),
    Step.TLS: (4.5, "TlsTimeout"),
    Step.TOKEN: (8.0, "SignInUnavailable"),
    Step.MAILBOX_ACCESS: (8.0, "ReadTimeout"),
    Step.FOLDER_LIST: (10.0, "ReadTimeout"),
    Step.PERMISSION_TO_SEND: (8.0, "ReadTimeout"),
}
"""Seconds, and the failure's name where they are over; a step's own sockets end a little before that."""
_VAULT_SILENT = "KeyVaultUnavailable"
"""That name, where the seconds for the token went by before Key Vault gave the secret."""


class ExchangeConnectionTester:
    """Arguments as those of `ExchangeServers`. `total_seconds`: for one test."""

    def __init__(
        self,
        secrets: SecretReader,
        *,
        authority_host: str = DEFAULT_AUTHORITY_HOST,
        ca_file: str | None = None,
        allowed_networks: Sequence[str] = (),
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._secrets = secrets
        self._authority_host = authority_host
        self._ca_file = ca_file
        self._guard = AddressGuard(allowed_networks)
        self._total_seconds = total_seconds

    def run(
        self, settings: MailboxSettings, secret: str | None, steps: Collection[Step] = tuple(Step)
    ) -> Iterator[StepResult]:
        """See `ConnectionTester.run`."""
        limit = TimeLimit(self._total_seconds)
        trial = self._trial(settings, secret, limit)
        stopped: StepResult | None = None
        done: set[Step] = set()
        try:
            for step in Step:
                if step not in steps:
                    continue
                for needed in _NEEDS[step]:
                    if stopped is None and needed not in done and needed not in steps:
                        stopped = _failure(_take(trial, needed, limit))
                        done.add(needed)
                if stopped is not None:
                    # Where the cause is in no result of its own, the step says what kept it.
                    unseen = stopped.step not in steps
                    yield StepResult(
                        step,
                        Outcome.NOT_REACHED,
                        timedelta(0),
                        stopped.code if unseen else None,
                        stopped.server_message if unseen else "",
                    )
                    continue
                result = _take(trial, step, limit)
                done.add(step)
                stopped = _failure(result)
                yield result
        finally:
            trial.close()

    def try_other_mailbox(
        self, settings: MailboxSettings, secret: str | None, address: str
    ) -> OtherMailboxResult:
        """See `ConnectionTester.try_other_mailbox`."""
        limit = TimeLimit(self._total_seconds)
        trial = self._trial(settings, secret, limit)
        try:
            limit.within(8.0, "SignInUnavailable", trial.token)
            limit.within(8.0, "ReadTimeout", lambda: trial.open_mailbox(address))
        except BoundaryError as error:
            return OtherMailboxResult(address, False, error.code, error.server_message)
        finally:
            trial.close()
        return OtherMailboxResult(address, True)

    def _trial(self, settings: MailboxSettings, secret: str | None, limit: TimeLimit) -> Trial:
        return Trial(
            settings,
            secret,
            secrets=self._secrets,
            authority_host=self._authority_host,
            context=self._context,
            guard=self._guard,
            limit=limit,
        )

    def _context(self) -> ssl.SSLContext:
        try:
            return tls_context(self._ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise AdminActionError("CaFileNotUsable", f"{self._ca_file}: {error.strerror}") from error


def _take(trial: Trial, step: Step, limit: TimeLimit) -> StepResult:
    """One step, timed; a refusal is its result."""
    if step is Step.TLS and not trial.encrypted:
        return StepResult(step, Outcome.NOT_REACHED, timedelta(0), SSL_OFF)
    seconds, code = _LIMITS[step]
    begin = time.monotonic()
    try:
        facts = limit.within(seconds, code, getattr(trial, FACTS[step]))
    except BoundaryError as error:
        shown = dict(getattr(error, "facts", {}))
        if step is Step.PERMISSION_TO_SEND and isinstance(error, RetryLaterError):
            shown |= trial.draft_facts()
        silent_vault = error.code == code and step is Step.TOKEN and trial.waits_for_key_vault
        said = _VAULT_SILENT if silent_vault else error.code
        return StepResult(step, Outcome.FAILED, _since(begin), said, error.server_message, shown)
    return StepResult(step, Outcome.PASSED, _since(begin), facts=facts)


def _failure(result: StepResult) -> StepResult | None:
    return None if result.is_fine else result


def _since(begin: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - begin)
