"""What all parts of a sandbox agree on: ports, ids, secrets between its processes; in DATA/sandbox.json.

The file is replaced as a whole, so a process that dies while saving leaves the old state behind.
"""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

STATE_FILE = "sandbox.json"
MAILBOX = "soc@corp.example"
ON_PREMISES = "soc@onprem.example"
"""The mailbox of an Exchange Server, which is signed in to with a password."""
AUTHSERV_ID = "mx.corp.example"
SIGN_IN_AUDIENCE = "respond-mailbox"


class StateError(RuntimeError):
    """DATA/sandbox.json is not there or cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on 127.0.0.1; `azurite_*` are Azurite's, `blob`, `queue`, `table` the proxy's before it.

    0: not chosen yet, as in a DATA of before there was SMTP.
    """

    azurite_blob: int
    azurite_queue: int
    azurite_table: int
    blob: int
    queue: int
    table: int
    entra: int
    keyvault: int
    exchange: int
    msi: int
    control: int
    smtp_starttls: int = 0
    smtp_tls: int = 0
    smtp_none: int = 0


@dataclass(frozen=True, slots=True)
class SandboxState:
    """One sandbox. `port` is the front's; `record` is the folder for SOAP traffic, None to record nothing."""

    ports: Ports
    port: int
    data: Path
    control_token: str
    tenant_id: str
    app_id: str
    identity_client_id: str
    msi_secret: str
    app_python: Path
    app_dir: Path
    record: Path | None = None

    @property
    def ca_file(self) -> Path:
        """The sandbox's own certificate authority, PEM."""
        return self.data / "ca" / "ca.pem"

    @property
    def ca_bundle(self) -> Path:
        """The public authorities and the sandbox's own, PEM."""
        return self.data / "ca" / "bundle.pem"

    @property
    def entra_folder(self) -> Path:
        """Signing key and app registration."""
        return self.data / "entra"

    @property
    def smtp_account_file(self) -> Path:
        """The login of the SMTP server."""
        return self.data / "smtp" / "account.json"

    @property
    def smtp_ports(self) -> dict[str, int]:
        """Where the SMTP server listens, by how a connection is secured."""
        ports = self.ports
        return {"starttls": ports.smtp_starttls, "tls": ports.smtp_tls, "none": ports.smtp_none}

    @property
    def workers_file(self) -> Path:
        """The pids of the current workers: `[{"pid": 1}, …]`, written by the Functions host."""
        return self.data / "run" / "workers.json"

    @property
    def app_settings_file(self) -> Path:
        """The app settings (environment) of the workers, a JSON object."""
        return self.data / "host" / "app-settings.json"

    @property
    def exchange_audience(self) -> str:
        """The resource that tokens for the Exchange server are made for."""
        return f"https://localhost:{self.ports.exchange}"

    @property
    def vault_resource(self) -> str:
        """The resource that tokens for the Key Vault are made for, as Azure names it."""
        return "https://vault.azure.net"


def load(data: Path) -> SandboxState:
    """Reads DATA/sandbox.json. Raises StateError when there is none or it is not one of ours."""
    file = data / STATE_FILE
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        return SandboxState(
            ports=Ports(**raw.pop("ports")),
            data=Path(raw.pop("data")),
            app_python=Path(raw.pop("app_python")),
            app_dir=Path(raw.pop("app_dir")),
            record=Path(record) if (record := raw.pop("record")) else None,
            **raw,
        )
    except FileNotFoundError:
        raise StateError(f"there is no sandbox in {data}: start one with scripts/run --data {data}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"{file} cannot be read ({error}): remove it and start again") from error


def save(state: SandboxState) -> None:
    """Writes DATA/sandbox.json, readable by its owner alone: it holds the control token."""
    raw = dataclasses.asdict(state)
    for name in ("data", "app_python", "app_dir", "record"):
        raw[name] = str(raw[name]) if raw[name] else None
    write_private(state.data / STATE_FILE, json.dumps(raw, indent=2).encode())


def write_private(file: Path, content: bytes) -> None:
    """Replaces a file in one step; only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    part.replace(file)
