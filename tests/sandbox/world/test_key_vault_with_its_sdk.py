"""Microsoft's Key Vault SDK works with the sandbox's vault, with a token of the managed identity."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox.keyvault.store import VaultStore
from sandbox.preparation import app_settings
from tests.sandbox.world.conftest import World


@pytest.fixture
def vault(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretClient]:
    """A client as the product makes it: settings from the environment."""
    settings = app_settings(world.state)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    credential = ManagedIdentityCredential(client_id=settings["AZURE_CLIENT_ID"])
    with SecretClient(
        settings["KEY_VAULT_URI"], credential, verify_challenge_resource=False, retry_total=0
    ) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"secret-{uuid.uuid4().hex}"


def test_secret_that_was_set_is_read_back(vault: SecretClient, name: str) -> None:
    expires = datetime(2027, 4, 1, tzinfo=UTC)

    made = vault.set_secret(name, "pass wörd", content_type="text/plain", tags={"a": "b"}, expires_on=expires)
    got = vault.get_secret(name)

    assert got.value == "pass wörd"
    assert got.properties.version == made.properties.version
    assert got.properties.content_type == "text/plain"
    assert got.properties.tags == {"a": "b"}
    assert got.properties.expires_on == expires
    assert got.properties.enabled


def test_every_version_stays_readable(vault: SecretClient, name: str) -> None:
    first = vault.set_secret(name, "one")
    vault.set_secret(name, "two")

    assert vault.get_secret(name).value == "two"
    assert vault.get_secret(name, first.properties.version).value == "one"
    assert len(list(vault.list_properties_of_secret_versions(name))) == 2


def test_disabled_version_is_not_given_out(vault: SecretClient, name: str) -> None:
    first = vault.set_secret(name, "one")
    vault.set_secret(name, "two")

    changed = vault.update_secret_properties(name, first.properties.version, enabled=False)

    assert changed.enabled is False
    with pytest.raises(HttpResponseError, match="disabled secret") as refused:
        vault.get_secret(name, first.properties.version)
    assert refused.value.status_code == 403
    assert vault.get_secret(name).value == "two"


def test_unknown_secret_is_not_found(vault: SecretClient, name: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        vault.get_secret(name)


def test_deleted_name_cannot_be_set_again_until_it_is_recovered(vault: SecretClient, name: str) -> None:
    vault.set_secret(name, "one")

    deleted = vault.begin_delete_secret(name).result()

    assert deleted.name == name
    assert name in [secret.name for secret in vault.list_deleted_secrets()]
    with pytest.raises(ResourceNotFoundError):
        vault.get_secret(name)
    with pytest.raises(HttpResponseError, match="deleted but recoverable state") as refused:
        vault.set_secret(name, "two")
    assert refused.value.status_code == 409

    vault.begin_recover_deleted_secret(name).result()
    assert vault.get_secret(name).value == "one"


def test_purge_is_refused_as_a_protected_vault_refuses_it(vault: SecretClient, name: str) -> None:
    vault.set_secret(name, "one")
    vault.begin_delete_secret(name).result()

    with pytest.raises(HttpResponseError, match="purge protection"):
        vault.purge_deleted_secret(name)


def test_listing_pages_through_all_secrets(vault: SecretClient, name: str) -> None:
    names = {f"{name}-{number}" for number in range(30)}
    for one in names:
        vault.set_secret(one, "x")

    assert names <= {secret.name for secret in vault.list_properties_of_secrets()}


def test_request_without_a_token_is_told_where_to_get_one(world: World) -> None:
    state = world.state
    answer = requests.get(
        f"https://localhost:{state.ports.keyvault}/secrets/x", verify=str(state.ca_bundle), timeout=10
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization="https://localhost:{state.ports.entra}/{state.tenant_id}", '
        'resource="https://vault.azure.net"'
    )


def test_token_of_another_resource_or_identity_opens_nothing(world: World) -> None:
    state = world.state
    address = f"https://localhost:{state.ports.keyvault}/secrets/x"
    statuses = []
    for token in (world.control.run("sign-in", role="admin"), "not.a.token"):
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(address, headers=headers, verify=str(state.ca_bundle), timeout=10)
        statuses.append(answer.status_code)
    form = {
        "grant_type": "client_credentials",
        "client_id": state.app_id,
        "client_secret": world.control.run("settings")["secretKey"],
        "scope": "https://vault.azure.net/.default",
    }
    token_address = f"https://localhost:{state.ports.entra}/{state.tenant_id}/oauth2/v2.0/token"
    bundle = str(state.ca_bundle)
    got = requests.post(token_address, data=form, verify=bundle, timeout=10).json()["access_token"]
    headers = {"Authorization": f"Bearer {got}"}
    statuses.append(requests.get(address, headers=headers, verify=bundle, timeout=10).status_code)

    assert statuses == [401, 401, 403]


def test_identity_endpoint_gives_tokens_only_for_its_secret_and_identity(world: World) -> None:
    settings = app_settings(world.state)
    query = {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}
    right = {**query, "client_id": settings["AZURE_CLIENT_ID"]}
    header = {"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]}

    def ask(query: dict[str, str], headers: dict[str, str]) -> int:
        address = settings["IDENTITY_ENDPOINT"]
        return requests.get(address, params=query, headers=headers, timeout=10).status_code

    assert ask(right, header) == 200
    assert ask(right, {"X-IDENTITY-HEADER": "guessed"}) == 403
    assert ask({**query, "client_id": str(uuid.uuid4())}, header) == 400
    assert ask({**right, "resource": "https://other.example"}, header) == 400


def test_wrong_identity_is_an_authentication_error_of_the_sdk(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for setting, value in app_settings(world.state).items():
        monkeypatch.setenv(setting, value)
    credential = ManagedIdentityCredential(client_id=str(uuid.uuid4()))
    vault_uri = f"https://localhost:{world.state.ports.keyvault}/"
    with (
        SecretClient(vault_uri, credential, verify_challenge_resource=False, retry_total=0) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        client.get_secret(name)


def test_secrets_outlast_the_process_in_a_file_of_their_own(
    world: World, vault: SecretClient, name: str
) -> None:
    vault.set_secret(name, "one")
    file = world.state.data / "keyvault" / "secrets.json"

    assert file.stat().st_mode & 0o077 == 0
    _, version = VaultStore(file).get(name, None)
    assert version.value == "one"


def test_vault_that_is_away_answers_as_throttled_or_unavailable(vault: SecretClient, world: World) -> None:
    world.control.run("fault-add", part="keyvault", kind="status", status=429, retry_after_s=1, count=1)

    with pytest.raises(HttpResponseError) as refused:
        vault.get_secret("anything")

    assert refused.value.status_code == 429
