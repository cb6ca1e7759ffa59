"""The app's settings are those that the code reads, and none that Flex Consumption refuses."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from tests.infra.bicep import (
    INFRA,
    MAIN,
    Resource,
    declared,
    properties,
    property_of,
    resources,
    strings,
    text,
    walk,
)
from tests.scaffold.project import ROOT, product_packages, tracked_files

APP = INFRA / "app" / "function-app.bicep"
# Microsoft: "Flex Consumption plan hosting", deprecated properties and settings.
REFUSED_SETTINGS = {
    "ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED", "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_RUNTIME_VERSION", "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTOVERVNET", "WEBSITE_CONTENTSHARE",
    "WEBSITE_DNS_SERVER", "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "WEBSITE_NODE_DEFAULT_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_SKIP_CONTENTSHARE_VALIDATION", "WEBSITE_VNET_ROUTE_ALL",
}  # fmt: skip
REFUSED_PROPERTIES = {
    "alwaysOn", "containerSize", "ftpsState", "functionAppScaleLimit", "isReserved", "isXenon", "javaVersion",
    "linuxFxVersion", "netFrameworkVersion", "powerShellVersion", "preWarmedInstanceCount",
    "use32BitWorkerProcess", "vnetBackupRestoreEnabled", "vnetContentShareEnabled", "vnetImagePullEnabled",
    "vnetRouteAllEnabled", "windowsFxVersion",
}  # fmt: skip
READ_BY_AZURE = {
    "AzureWebJobsStorage__blobServiceUri": "the host",
    "AzureWebJobsStorage__queueServiceUri": "the host",
    "AzureWebJobsStorage__tableServiceUri": "the host",
    "AzureWebJobsStorage__credential": "the host",
    "AzureWebJobsStorage__clientId": "the host",
    "DataStorage__credential": "the host's queue triggers",
    "DataStorage__clientId": "the host's queue triggers",
    "AZURE_CLIENT_ID": "azure-identity (DefaultAzureCredential)",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "the host",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "the host",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "App Service authentication",
}
NOT_SET_IN_AZURE = {
    "DataStorage": "a connection string; the sandbox's and local.settings.json's way",
    "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "false only where the vault is not Azure's",
    "WEBSITE_AUTH_ENABLED": "set by App Service authentication itself, and trusted only then",
}
_BOUND = re.compile(r"%([A-Z_]+)%")
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|DataStorage(__\w+)?|AzureWebJobs\w+")


def _settings() -> set[str]:
    return set(properties(declared(APP, "variable")["settings"].named_children[-1]))


def _site() -> Resource:
    [site] = [one for one in resources() if one.type == "Microsoft.Web/sites"]
    return site


def _read_by_code() -> set[str]:
    paths = [path for path in tracked_files() if path.suffix == ".py"]
    product = {*product_packages(), "function_app.py", "wiring.py"}
    return {
        name
        for path in paths
        if path.parts[0] in product
        for name in _names(ast.parse((ROOT / path).read_bytes()))
    }


def _names(module: ast.Module) -> Iterator[str]:
    """Names of settings in a module that reads any: its strings of that form, and what bindings name."""
    named = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    named |= {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    for node in ast.walk(module):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if (binding := _BOUND.fullmatch(node.value)) is not None:
            yield binding[1]
        elif named & {"environ", "environment", "getenv"} and _NAME.fullmatch(node.value):
            yield node.value


def test_every_setting_that_code_reads_is_set_and_every_one_that_is_set_is_read() -> None:
    read = _read_by_code()

    assert read - set(NOT_SET_IN_AZURE) - _settings() == set()
    assert _settings() - set(READ_BY_AZURE) - read == set()
    assert set(NOT_SET_IN_AZURE) <= read
    assert set(READ_BY_AZURE) <= _settings()


def test_queue_triggers_find_their_connection() -> None:
    source = (ROOT / "function_app.py").read_text(encoding="utf-8")
    connections = set(re.findall(r'connection="(\w+)"', source))

    assert {f"{one}__queueServiceUri" for one in connections} <= _settings()
    assert {f"{one}__credential" for one in connections} <= _settings()


def test_every_setting_is_explained_to_the_operator() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))

    assert (_settings() | {"WEBSITE_AUTH_ENABLED"}) - rows == set()


def test_nothing_that_flex_consumption_refuses_is_set() -> None:
    named = {text(node).strip("'") for node in walk(_site().body) if node.type in ("identifier", "string")}

    assert _settings() & REFUSED_SETTINGS == set()
    assert named & (REFUSED_PROPERTIES | REFUSED_SETTINGS) == set()


def test_the_app_runs_python_3_13_from_a_package_that_its_identity_fetches() -> None:
    config = ("properties", "functionAppConfig")
    site = _site().body
    authentication = property_of(site, *config, "deployment", "storage", "authentication", "type")

    assert text(property_of(site, *config, "runtime", "name")) == "'python'"
    assert text(property_of(site, *config, "runtime", "version")) == "'3.13'"
    assert text(authentication) == "'UserAssignedIdentity'"
    assert text(property_of(site, "identity", "type")) == "'UserAssigned'"


def test_sign_in_is_on_where_the_setting_says_so_and_the_app_answers_401_itself() -> None:
    [sign_in] = [one for one in resources() if one.symbol == "signIn"]
    validation = property_of(sign_in.body, "properties", "globalValidation", "unauthenticatedClientAction")

    assert sign_in.file == APP
    assert text(property_of(sign_in.body, "properties", "platform", "enabled")) == "true"
    assert text(validation) == "'AllowAnonymous'"
    assert "AUTHENTICATION_REQUIRED: 'true'" in APP.read_text(encoding="utf-8")


def test_the_queues_of_the_triggers_are_made() -> None:
    source = (ROOT / "function_app.py").read_text(encoding="utf-8")
    names = declared(INFRA / "app" / "data-storage.bicep", "variable")["queueNames"]

    assert set(strings(names)) == set(re.findall(r'queue_name="([\w-]+)"', source))


def test_alerts_and_workbook_ask_for_metrics_that_telemetry_names() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    metrics = set(re.findall(r"^\| `([a-z_.]+)` \| (?:gauge|counter)", page, re.MULTILINE))
    alerts = (INFRA / "app" / "alerts.bicep").read_text(encoding="utf-8")
    workbook = (INFRA / "workbook.json").read_text(encoding="utf-8")
    asked = set(re.findall(r'AppMetrics.*?where Name == \\*"([^"\\]+)', alerts + workbook))

    assert asked == metrics
    assert json.loads(workbook)["version"] == "Notebook/1.0"


def test_alerts_ask_for_functions_that_are_there() -> None:
    alerts = (INFRA / "app" / "alerts.bicep").read_text(encoding="utf-8")
    asked = set(re.findall(r'AppRequests \| where Name == "(\w+)"', alerts))
    functions = re.findall(
        r'function_name\("(\w+)"\)', (ROOT / "function_app.py").read_text(encoding="utf-8")
    )

    assert asked
    assert asked <= set(functions)


def test_every_alert_has_its_runbook() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    rules = re.findall(r"name: '([a-z-]+)'\n    description", (INFRA / "app" / "alerts.bicep").read_text())

    assert len(rules) == 5
    assert set(rules) <= set(re.findall(r"^### `([a-z-]+)`", page, re.MULTILINE))


def test_azd_deploys_the_folder_to_the_tagged_app() -> None:
    azure = (ROOT / "azure.yaml").read_text(encoding="utf-8")

    assert re.search(r"^services:\n  app:\n", azure, re.MULTILINE)
    assert "'azd-service-name': 'app'" in APP.read_text(encoding="utf-8")


def test_every_parameter_is_explained_to_the_operator() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^## Parameters\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section, re.MULTILINE)

    assert set(re.findall(r"\w+", " ".join(rows))) == set(declared(MAIN, "parameter"))
