"""Prepares DATA for a start: ports, ids, keys, certificates and the app settings of the workers.

What was there stays: the same DATA is the same tenant, mailbox and addresses at every start. Each file is
replaced as a whole, so a process that dies in between is made good by the next start.
"""

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from sandbox import certificates
from sandbox.entra.managed_identity import PATH as IDENTITY_PATH
from sandbox.ports import NoFreePortsError, PortHolder
from sandbox.state import STATE_FILE, Ports, SandboxState, load, save, write_private
from sandbox.tokens import TokenKeys

POLL_SECONDS = 10
AZURITE_ACCOUNT = "devstoreaccount1"
# The well-known key that Microsoft publishes for every Azurite ("Use the Azurite emulator").
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class SetupError(RuntimeError):
    """The sandbox cannot start; the message is one line for people."""


def prepare(
    data: Path,
    *,
    port: int,
    record: Path | None,
    app_dir: Path,
    app_python: Path,
    holder: PortHolder | None = None,
    settings: Mapping[str, str] | None = None,
) -> SandboxState:
    """The state for this start, saved; `port` 0 is a free one. `holder` keeps all ports until it is released.
    `settings` are app settings besides and instead of the sandbox's own.

    Raises SetupError where a port is taken, StateError where DATA is broken.
    """
    holder = holder or PortHolder()
    try:
        front = port or holder.pick(1)[0]
        if port and not holder.claim(port):
            raise SetupError(f"port {port} is in use: stop what uses it, or choose another with --port")
        data.mkdir(parents=True, exist_ok=True)
        if (data / STATE_FILE).exists():
            state = _with_all_ports(load(data), holder)
        else:
            state = _new_state(data, front, app_dir, app_python, holder)
    except NoFreePortsError as error:
        raise SetupError(str(error)) from error
    record = record.resolve() if record else None
    state = replace(state, port=front, data=data, record=record, app_dir=app_dir, app_python=app_python)
    certificates.ensure(state.ca_file.parent)
    TokenKeys(state.entra_folder)
    write_private(
        state.app_settings_file, json.dumps({**app_settings(state), **(settings or {})}, indent=2).encode()
    )
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


def _new_state(data: Path, front: int, app_dir: Path, app_python: Path, holder: PortHolder) -> SandboxState:
    return SandboxState(
        ports=Ports(*holder.pick(len(fields(Ports)))),
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


def _with_all_ports(state: SandboxState, holder: PortHolder) -> SandboxState:
    missing: list[str] = []
    for field in fields(Ports):
        number = getattr(state.ports, field.name)
        if number == 0:
            missing.append(field.name)
        elif not holder.claim(number):
            raise SetupError(
                f"port {number}, which this sandbox's {field.name} listens on, is in use: "
                "stop what uses it, or start another sandbox with --data"
            )
    chosen = dict(zip(missing, holder.pick(len(missing)), strict=True)) if missing else {}
    return replace(state, ports=replace(state.ports, **chosen))
