"""Runs connection tests against the sandbox's world and scripted servers, and reads how they end."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain.connection_test import Outcome, Step, StepResult
from domain.mailboxes import MailboxSettings
from exchange.connection_test import ExchangeConnectionTester
from tests.exchange.scripted_server import Answering, Request, http
from tests.exchange.world import LOOPBACK, MemorySecrets, RunningWorld, settings_for

LIMIT_SECONDS = 15.0


def world_tester(
    world: RunningWorld, secrets: MemorySecrets | None = None, **changes: Any
) -> ExchangeConnectionTester:
    """The tester, set up for the sandbox's world; its vault holds the app's secret unless said otherwise."""
    wanted: dict[str, Any] = {
        "authority_host": f"https://localhost:{world.state.ports.entra}",
        "ca_file": str(world.state.ca_file),
        "allowed_networks": LOOPBACK,
        **changes,
    }
    vault = secrets or MemorySecrets({("secret", "1"): world.secret_value})
    return ExchangeConnectionTester(vault, **wanted)


def run(
    tester: ExchangeConnectionTester,
    settings: MailboxSettings,
    secret: str | None = None,
    steps: Sequence[Step] = tuple(Step),
) -> list[StepResult]:
    """All results; the test ends in time whatever happens."""
    begin = time.monotonic()
    results = list(tester.run(settings, secret, steps))
    assert time.monotonic() - begin < LIMIT_SECONDS
    return results


def failed_at(results: Sequence[StepResult], step: Step) -> StepResult:
    """The failure, which has to be at this step: what lies before it passed (or was not asked for), what
    follows was not reached."""
    by_step = {result.step: result for result in results}
    failure = by_step[step]
    assert failure.outcome is Outcome.FAILED, results
    for other in results:
        before = list(Step).index(other.step) < list(Step).index(step)
        if before:
            assert other.is_fine, other
        elif other is not failure:
            assert other.outcome is Outcome.NOT_REACHED, other
    assert failure.code
    return failure


def outcomes(results: Sequence[StepResult]) -> dict[str, str]:
    """Step to outcome."""
    return {result.step.value: result.outcome.value for result in results}


def token_with(*permissions: str) -> str:
    """A JWT as far as its claims go."""
    claims = json.dumps({"tid": "t-1", "roles": list(permissions)}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.sig"


def sign_in_server(port_of: Any, token: str) -> Answering:
    """Answers as Microsoft Entra ID does: discovery, then the token. `port_of()`: where it listens."""

    def answer(request: Request) -> list[bytes]:
        path = request.head.split(" ")[1]
        root = f"https://localhost:{port_of()}/tenant"
        if "openid-configuration" in path:
            body: dict[str, Any] = {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "issuer": f"{root}/v2.0",
            }
        else:
            body = {"token_type": "Bearer", "expires_in": 3599, "access_token": token}
        return [http(json.dumps(body).encode(), Content_Type="application/json")]

    return answer


def scripted_tester(sign_in_port: int, ca_file: Path, **changes: Any) -> ExchangeConnectionTester:
    """The tester, whose sign-in is a scripted server."""
    wanted: dict[str, Any] = {
        "authority_host": f"https://localhost:{sign_in_port}",
        "ca_file": str(ca_file),
        "allowed_networks": LOOPBACK,
        **changes,
    }
    return ExchangeConnectionTester(MemorySecrets({("secret", "1"): "typed"}), **wanted)


def local(port: int, **more: Any) -> MailboxSettings:
    """Settings of a scripted server on this machine."""
    return settings_for(server="localhost", port=port, **more)
