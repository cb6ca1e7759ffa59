"""Prepares DATA for a start: ports, ids, keys, certificates and the app settings of the workers.

What was there stays: the same DATA is the same tenant, mailbox and addresses at every start. Each file is
replaced as a whole, so a process that dies in between is made good by the next start.
"""

import contextlib
import json
import os
import random
import secrets
import socket
import uuid
from dataclasses import fields, replace
from pathlib import Path

from sandbox import certificates
from sandbox.entra.managed_identity import PATH as IDENTITY_PATH
from sandbox.state import STATE_FILE, Ports, SandboxState, load, save, write_private
from sandbox.tokens import TokenKeys

# Below what systems hand out for outgoing connections, so that they are free again at the next start.
PORT_RANGE = range(20_000, 32_000)
POLL_SECONDS = 10
AZURITE_ACCOUNT = "devstoreaccount1"
# The well-known key that Microsoft publishes for every Azurite ("Use the Azurite emulator").
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class SetupError(RuntimeError):
    """The sandbox cannot start; the message is one line for people."""


def prepare(data: Path, *, port: int, record: Path | None, app_dir: Path, app_python: Path) -> SandboxState:
    """The state for this start, saved. Raises SetupError: a port is taken, StateError: DATA is broken."""
    front = port or _free_ports(1)[0]
    if not _is_free(front):
        raise SetupError(f"port {front} is in use: stop what uses it, or choose another with --port")
    data.mkdir(parents=True, exist_ok=True)
    state = load(data) if (data / STATE_FILE).exists() else _new_state(data, front, app_dir, app_python)
    state = replace(
        state,
        port=front,
        data=data,
        record=record.resolve() if record else None,
        app_dir=app_dir,
        app_python=app_python,
    )
    _check_ports(state)
    certificates.ensure(state.ca_file.parent)
    TokenKeys(state.entra_folder)
    write_private(state.app_settings_file, json.dumps(app_settings(state), indent=2).encode())
    for name in ("logs", "run"):
        (data / name).mkdir(exist_ok=True)
    state.workers_file.unlink(missing_ok=True)
    save(state)
    return state


def app_settings(state: SandboxState) -> dict[str, str]:
    """The app settings of the workers, which Azure would give them as environment variables."""
    ports = state.ports
    storage = connection_string(ports.blob, ports.queue, ports.table)
    return {
        "AzureWebJobsStorage": storage,
        "DataStorage": storage,
        "KEY_VAULT_URI": f"https://localhost:{ports.keyvault}/",
        "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "false",
        "AZURE_CLIENT_ID": state.identity_client_id,
        "AZURE_AUTHORITY_HOST": f"https://localhost:{ports.entra}",
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{ports.msi}{IDENTITY_PATH}",
        "IDENTITY_HEADER": state.msi_secret,
        "REQUESTS_CA_BUNDLE": str(state.ca_bundle),
        "SSL_CERT_FILE": str(state.ca_bundle),
        "EXCHANGE_CA_FILE": str(state.ca_file),
        "EXCHANGE_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
        "WEBSITE_AUTH_ENABLED": "True",
        "AUTHENTICATION_REQUIRED": "true",
        "MAILBOX_POLL_SCHEDULE": f"*/{POLL_SECONDS} * * * * *",
        "MAILBOX_POLL_INTERVAL_SECONDS": str(POLL_SECONDS),
        "PENDING_SWEEP_SCHEDULE": "*/30 * * * * *",
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "PYTHON_THREADPOOL_THREAD_COUNT": "16",
    }


def connection_string(blob: int, queue: int, table: int) -> str:
    """A connection string for Azurite, or a proxy before it, on these ports."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{blob}/{AZURITE_ACCOUNT};"
        f"QueueEndpoint=http://127.0.0.1:{queue}/{AZURITE_ACCOUNT};"
        f"TableEndpoint=http://127.0.0.1:{table}/{AZURITE_ACCOUNT};"
    )


def _new_state(data: Path, front: int, app_dir: Path, app_python: Path) -> SandboxState:
    return SandboxState(
        ports=Ports(*_free_ports(len(fields(Ports)), avoid=front)),
        port=front,
        data=data,
        control_token=secrets.token_urlsafe(32),
        tenant_id=str(uuid.uuid4()),
        app_id=str(uuid.uuid4()),
        identity_client_id=str(uuid.uuid4()),
        msi_secret=secrets.token_urlsafe(32),
        app_python=app_python,
        app_dir=app_dir,
    )


def _check_ports(state: SandboxState) -> None:
    for field in fields(Ports):
        number = getattr(state.ports, field.name)
        if not _is_free(number):
            raise SetupError(
                f"port {number}, which this sandbox's {field.name} listens on, is in use: "
                "stop what uses it, or start another sandbox with --data"
            )


def _free_ports(count: int, avoid: int = 0) -> list[int]:
    with contextlib.ExitStack() as held:  # all at once, so that none comes twice
        found: list[int] = []
        for number in random.sample(PORT_RANGE, k=1000):
            if number == avoid:
                continue
            listener = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # taken: the next one
                listener.bind(("127.0.0.1", number))
                found.append(number)
            if len(found) == count:
                return found
    raise SetupError(f"there are no free ports between {PORT_RANGE.start} and {PORT_RANGE.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        if os.name == "posix":  # connections of the last run that are still being closed do no harm
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(1)
        except OSError:
            return False
    return True
