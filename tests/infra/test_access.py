"""Who may do what: each role is needed by code, nothing is opened by a key, nothing is a secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from api.permissions import Permission
from tests.infra.bicep import (
    INFRA,
    MAIN,
    Resource,
    body_of,
    declared,
    decorators,
    files,
    property_of,
    resources,
    strings,
    text,
    unquoted,
)
from tests.scaffold.project import ROOT

RBAC = INFRA / "app" / "rbac.bicep"


@dataclass(frozen=True, slots=True)
class Need:
    """Why the app's identity has a role: what it is, on what, and the line of a file that needs it."""

    role: str
    scope: str
    file: str
    line: str


NEEDS = {
    "hostBlobs": Need(
        "storageBlobDataOwner",
        "hostStorage",
        "infra/app/function-app.bicep",
        "AzureWebJobsStorage__blobServiceUri",
    ),
    "hostTables": Need(
        "storageTableDataContributor",
        "hostStorage",
        "infra/app/function-app.bicep",
        "AzureWebJobsStorage__tableServiceUri",
    ),
    "dataBlobs": Need(
        "storageBlobDataContributor", "dataStorage", "store/connection.py", "BlobServiceClient("
    ),
    "dataQueues": Need("storageQueueDataContributor", "dataStorage", "store/work_queue.py", "/messages"),
    "dataTables": Need(
        "storageTableDataContributor", "dataStorage", "store/connection.py", "TableServiceClient("
    ),
    "telemetry": Need(
        "monitoringMetricsPublisher",
        "applicationInsights",
        "infra/app/function-app.bicep",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    ),
    "secrets": Need("secretWriter", "vault", "store/connection.py", "SecretClient("),
    "secretsByOfficer": Need("keyVaultSecretsOfficer", "vault", "store/connection.py", "SecretClient("),
}
# Microsoft: "Azure RBAC permissions for Azure Key Vault data access". What the SDK's calls need; the answer
# to an update is the secret's metadata.
SECRET_CALLS = {
    "Microsoft.KeyVault/vaults/secrets/getSecret/action": "get_secret(",
    "Microsoft.KeyVault/vaults/secrets/setSecret/action": "set_secret(",
    "Microsoft.KeyVault/vaults/secrets/update/action": "update_secret_properties(",
    "Microsoft.KeyVault/vaults/secrets/readMetadata/action": "update_secret_properties(",
}
GIVES_KEYS = re.compile(
    r"\blist(Keys|Secrets|AccountSas|ServiceSas|Credentials)\b|AccountKey=|SharedAccess", re.I
)
SECRET_NAME = re.compile(
    r"secret|password|(?<!managedidentity)credential|accesskey|connectionstring|sas(token|url)", re.I
)
NO_SECRETS = {"secretNearExpiryDays": "a number of days"}


def _assignments() -> list[Resource]:
    return [one for one in resources() if one.type == "Microsoft.Authorization/roleAssignments"]


def test_every_role_is_needed_by_the_line_of_code_that_is_named_for_it() -> None:
    assert {one.symbol for one in _assignments()} == set(NEEDS)
    for need in NEEDS.values():
        assert need.line in (ROOT / need.file).read_text(encoding="utf-8"), need


@pytest.mark.parametrize("assignment", _assignments(), ids=lambda one: one.symbol)
def test_a_role_is_given_to_the_app_on_one_resource(assignment: Resource) -> None:
    need = NEEDS[assignment.symbol]
    role = property_of(assignment.body, "properties", "roleDefinitionId")

    assert text(property_of(assignment.body, "scope")) == need.scope
    assert text(property_of(assignment.body, "properties", "principalId")) == "principalId"
    assert re.search(rf"\b{need.role}\b", text(role))
    assert need.scope in text(property_of(assignment.body, "name"))


def test_every_role_that_is_named_is_given() -> None:
    given = {NEEDS[one.symbol].role for one in _assignments()}

    assert given - {"secretWriter"} == set(declared(RBAC, "variable"))


def test_the_vault_is_opened_by_one_of_two_roles() -> None:
    source = RBAC.read_text(encoding="utf-8")

    assert "resource secrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (customRole)" in source
    assert (
        "resource secretsByOfficer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!customRole)"
        in source
    )


def test_the_custom_role_allows_what_the_code_calls_and_never_deletes() -> None:
    [role] = [one for one in resources() if one.type == "Microsoft.Authorization/roleDefinitions"]
    actions = [one for one in strings(role.body) if one.startswith("Microsoft.")]
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "store").rglob("*.py"))

    assert set(actions) == set(SECRET_CALLS)
    assert all(call in source for call in SECRET_CALLS.values())
    called = set(re.findall(r"\.secrets\.(\w+\()", source))
    assert called <= set(SECRET_CALLS.values())


@pytest.mark.parametrize(
    "account",
    [one for one in resources() if one.type.endswith("/storageAccounts") and not one.existing],
    ids=lambda one: one.file.stem,
)
def test_no_storage_account_knows_a_key(account: Resource) -> None:
    settings = {
        name: text(property_of(account.body, "properties", name))
        for name in ("allowSharedKeyAccess", "allowBlobPublicAccess", "minimumTlsVersion")
    }

    assert settings == {
        "allowSharedKeyAccess": "false",
        "allowBlobPublicAccess": "false",
        "minimumTlsVersion": "'TLS1_2'",
    }


def test_the_vault_is_opened_by_roles_and_cannot_be_emptied() -> None:
    [vault] = [one for one in resources() if one.type == "Microsoft.KeyVault/vaults" and not one.existing]
    names = ("enableRbacAuthorization", "enableSoftDelete", "enablePurgeProtection")

    assert {text(property_of(vault.body, "properties", name)) for name in names} == {"true"}
    assert property_of(vault.body, "properties", "accessPolicies") is None


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_no_key_is_asked_for_and_no_parameter_or_output_is_a_secret(path: Path) -> None:
    names = set(declared(path, "parameter")) | set(declared(path, "output"))

    assert GIVES_KEYS.findall(path.read_text(encoding="utf-8")) == []
    assert {name for name in names if SECRET_NAME.search(name)} - set(NO_SECRETS) == set()
    assert [name for name, node in declared(path, "parameter").items() if "@secure" in decorators(node)] == []
    values = "".join(text(node) for node in declared(path, "output").values())
    assert re.findall(r"connectionString|instrumentationKey|properties\.\w*key\b", values, re.I) == []


def test_app_roles_are_the_permissions_of_the_code_and_only_applications_act_for_others() -> None:
    roles = json.loads((INFRA / "app-roles.json").read_text(encoding="utf-8"))
    needed = set(Permission) - {Permission.SIGNED_IN, Permission.OPEN}

    assert {role["value"] for role in roles} == {str(one.value) for one in needed}
    assert len({UUID(role["id"]) for role in roles}) == len(roles)
    assert {role["value"] for role in roles if role["allowedMemberTypes"] == ["Application"]} == {"ActAs"}
    assert all(role["isEnabled"] for role in roles)


def test_nobody_signs_in_to_the_registration_with_a_secret() -> None:
    source = (INFRA / "app" / "registration.bicep").read_text(encoding="utf-8")
    settings = (INFRA / "app" / "function-app.bicep").read_text(encoding="utf-8")
    named = re.search(r"clientSecretSettingName: '(\w+)'", settings)

    assert "passwordCredentials" not in source
    assert "federatedIdentityCredentials" in source
    assert named
    assert named[1] == "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
    assert f"{named[1]}: identityClientId" in settings


def test_the_main_file_gives_every_module_to_the_one_group() -> None:
    scopes = [property_of(body_of(node), "scope") for node in declared(MAIN, "module").values()]

    assert {unquoted(one) for one in scopes if one} == {"group"}
    assert None not in scopes
