"""Secrets in the sandbox's vault, reached as in Azure: by the app's managed identity and
`DefaultAzureCredential`."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import AdminActionError, NotFoundError, RetryLaterError
from sandbox.control.client import ControlClient
from sandbox.ports import PortHolder
from sandbox.preparation import app_settings, prepare
from sandbox.state import SandboxState
from store.connection import StorageConnection, StoreSettings
from store.key_vault import KeyVaultSecrets
from store.mail_store import TableMailStore
from store.reference_key import SECRET_NAME
from store.table import Table
from tests.sandbox.world.conftest import ROOT, start_world


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxState]:
    data: Path = tmp_path_factory.mktemp("world")
    app_python, holder = Path(sys.executable), PortHolder()
    prepared = prepare(data, port=0, record=None, app_dir=ROOT, app_python=app_python, holder=holder)
    process = start_world(prepared)
    yield prepared
    holder.release()
    process.terminate()
    process.wait(10)


@pytest.fixture
def control(state: SandboxState) -> Iterator[ControlClient]:
    client = ControlClient(state)
    yield client
    client.run("fault-clear", id=None)


@pytest.fixture
def environment(state: SandboxState, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    settings = app_settings(state)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def secrets(environment: dict[str, str], control: ControlClient) -> KeyVaultSecrets:
    return KeyVaultSecrets(StorageConnection(StoreSettings.from_environment(environment)))


@pytest.fixture
def name() -> str:
    return f"mailbox-{uuid.uuid4().hex}"


def test_a_version_once_pinned_gives_its_value_though_a_newer_one_was_written(
    secrets: KeyVaultSecrets, name: str
) -> None:
    old, new = secrets.write(name, "öld secret"), secrets.write(name, "new")
    assert (secrets.read(name, old), secrets.read(name, new)) == ("öld secret", "new")


def test_a_secret_or_version_that_is_not_there_is_not_found(secrets: KeyVaultSecrets, name: str) -> None:
    with pytest.raises(NotFoundError):
        secrets.read(name, "0" * 32)
    secrets.write(name, "x")
    with pytest.raises(NotFoundError):
        secrets.read(name, "0" * 32)


def test_a_version_that_was_switched_off_is_the_admins_to_mend(secrets: KeyVaultSecrets, name: str) -> None:
    version = secrets.write(name, "hunter2")
    secrets.disable(name, version)
    secrets.disable(name, version)
    with pytest.raises(AdminActionError) as refused:
        secrets.read(name, version)
    assert refused.value.code == "KeyVaultSecretDisabled"
    assert "hunter2" not in str(refused.value)


def test_what_is_not_there_is_as_good_as_switched_off(secrets: KeyVaultSecrets, name: str) -> None:
    secrets.disable(name, "0" * 32)


def test_a_vault_that_is_away_is_passing_trouble_and_goes_on_by_itself(
    secrets: KeyVaultSecrets, control: ControlClient, name: str
) -> None:
    version = secrets.write(name, "x")
    control.run("fault-add", part="keyvault", kind="status", status=503, retry_after_s=3600)
    started = time.monotonic()
    with pytest.raises(RetryLaterError) as away:
        secrets.read(name, version)
    assert away.value.code == "KeyVaultUnavailable"
    assert time.monotonic() - started < 12, "not for the hour that it asked for"
    control.run("fault-clear", id=None)
    assert secrets.read(name, version) == "x"


def test_a_vault_that_is_closed_to_the_app_is_the_admins_to_mend(
    secrets: KeyVaultSecrets, control: ControlClient, name: str
) -> None:
    control.run("fault-add", part="keyvault", kind="status", status=403)
    with pytest.raises(AdminActionError) as refused:
        secrets.write(name, "hunter2")
    assert refused.value.code == "KeyVaultAccessDenied"
    assert "hunter2" not in str(refused.value)


def test_a_name_that_was_deleted_is_refused_without_its_value(
    environment: dict[str, str], secrets: KeyVaultSecrets, name: str
) -> None:
    secrets.write(name, "x")
    client = StorageConnection(StoreSettings.from_environment(environment)).secrets
    client.begin_delete_secret(name).wait()
    with pytest.raises(AdminActionError) as refused:
        secrets.write(name, "hunter2")
    assert refused.value.code == "KeyVaultRefused"
    assert "hunter2" not in str(refused.value)


def test_a_vault_that_nobody_listens_at_is_passing_trouble(environment: dict[str, str]) -> None:
    connection = StorageConnection(
        StoreSettings(
            connection_string="x", key_vault_uri="https://localhost:1/", verify_challenge_resource=False
        )
    )
    with pytest.raises(RetryLaterError) as away:
        KeyVaultSecrets(connection).read("mailbox", "1")
    assert away.value.code == "KeyVaultUnavailable"


def test_no_vault_in_the_settings_is_the_admins_to_mend() -> None:
    with pytest.raises(AdminActionError) as refused:
        KeyVaultSecrets(StorageConnection(StoreSettings(connection_string="x"))).read("mailbox", "1")
    assert refused.value.code == "KeyVaultNotConfigured"


def test_the_reference_key_lies_in_the_vault_and_its_row_names_the_version_alone(
    connection: StorageConnection, secrets: KeyVaultSecrets
) -> None:
    mails = TableMailStore(connection, secrets)
    first = mails.keyed_hash("1@fin.example")
    assert TableMailStore(connection, secrets).keyed_hash("1@fin.example") == first
    row = Table(connection, "settings").get("keys", "reference")
    assert row is not None
    assert row.text("name") == SECRET_NAME
    assert secrets.read(SECRET_NAME, row.text("version")) not in str(row.values)
