"""An Exchange server over TLS on a port of its own for each test that asks for one, and exchangelib
as its client.
"""

import datetime as dt
import ipaddress
import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import exchangelib
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.edge import Calls, edge
from sandbox.exchange import ExchangeServer
from sandbox.faults import Faults
from sandbox.tokens import TokenKeys
from tests.sandbox.exchange.running_server import RunningServer, ServerThread, Start, connect


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server context with a certificate for localhost, and the file that clients trust."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca_file, key_file = folder / "ca.pem", folder / "key.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca_file, key_file)
    return context, ca_file


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signing key, made once."""
    folder = tmp_path_factory.mktemp("entra")
    TokenKeys(folder)
    return folder


@pytest.fixture
def start_server(tmp_path: Path, tls: tuple[ssl.SSLContext, Path], key_folder: Path) -> Iterator[Start]:
    """Starts servers with options of ExchangeServer; all are stopped at the end."""
    keys = TokenKeys(Path(shutil.copytree(key_folder, tmp_path / "entra")))
    stops: list[Callable[[], None]] = []

    def start(**options: Any) -> RunningServer:
        faults, calls, record = Faults(), Calls(), tmp_path / "record"
        options = {"sent_items_delay_s": 0.3, "transport_delay_s": 0.05, **options}
        server = ExchangeServer(
            tmp_path / "exchange",
            keys=keys,
            faults=faults,
            audience="https://exchange",
            record=record,
            certificate=tls[1],
            **options,
        )
        loop = ServerThread(server.app(edge("exchange", server.describe, faults, calls)), tls[0])

        def stop() -> None:
            stops.remove(stop)
            loop.stop()
            server.close()

        stops.append(stop)
        url = f"https://localhost:{loop.port}/EWS/Exchange.asmx"
        return RunningServer(server, url, faults, calls, keys, tls[1], record, stop)

    yield start
    for stop in list(stops):
        stop()


@pytest.fixture
def running(start_server: Start) -> RunningServer:
    """One server with default options but short delays."""
    return start_server()


@pytest.fixture
def account(running: RunningServer, monkeypatch: pytest.MonkeyPatch) -> exchangelib.Account:
    """exchangelib, signed in as an application that impersonates the mailbox soc@corp.example."""
    return connect(running, monkeypatch)
