"""What is installed: pinned, explained, and no more than that."""

import ast
import functools
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scaffold.project import ROOT, packages_under_import_rules, requirements, tracked_files

FILES = [
    "requirements.txt",
    "requirements-worker.txt",
    "requirements-dev.txt",
    "requirements-checkov.txt",
    "requirements-node.txt",
]
DIRECT = "imported by our code"
# What Azure's worker brings; the sandbox's worker process imports it where it is installed.
WORKER = {"azure-functions-runtime"}


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_to_one_version(name: str) -> None:
    assert any(requirements(name).values())


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_explained_in_the_docs(name: str) -> None:
    explained = set(
        re.findall(r"`([a-z0-9-]+)`", (ROOT / "docs/dependencies.md").read_text(encoding="utf-8"))
    )

    assert set().union(*requirements(name).values()) - explained == set()


def test_the_docs_explain_nothing_that_is_not_installed() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)`", (ROOT / "docs/dependencies.md").read_text(encoding="utf-8"), re.M
    )
    installed = {package for name in FILES for section in requirements(name).values() for package in section}
    node = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]

    assert set(rows) - installed - set(node) == set()


def test_what_the_product_imports_is_what_requirements_txt_calls_imported() -> None:
    product = [
        path for path in tracked_files() if path.parts[0] in {*_product(), "function_app.py", "wiring.py"}
    ]

    assert _imported_distributions(product) == requirements("requirements.txt")[DIRECT]


def test_what_sandbox_and_tests_import_is_installed() -> None:
    others = [path for path in tracked_files() if path.parts[0] in {"sandbox", "tests", "bench", "scripts"}]
    installed = {package for name in FILES for section in requirements(name).values() for package in section}

    assert _imported_distributions(others) - installed == set()


def test_azures_environment_holds_exactly_what_requirements_txt_and_the_worker_pin() -> None:
    names = (
        "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions()), sep='\\n')"
    )
    listed = subprocess.run(
        [os.environ["APP_PYTHON"], "-I", "-c", names], capture_output=True, text=True, check=True
    )
    pinned = [requirements(name) for name in ("requirements.txt", "requirements-worker.txt")]

    assert {_normal(name) for name in listed.stdout.split()} == {
        package for sections in pinned for section in sections.values() for package in section
    }


def test_the_lock_file_of_node_packages_names_no_host_to_fetch_from() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert [name for name, package in lock["packages"].items() if name and "integrity" not in package] == []


def test_node_packages_are_pinned_to_one_version() -> None:
    versions = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]

    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def _product() -> set[str]:
    return set(packages_under_import_rules()) - {"sandbox"}


def _imported_distributions(paths: list[Path]) -> set[str]:
    """The packages of the index that the modules at these paths import, by their normalised names."""
    ours = {*packages_under_import_rules(), "bench", "tests", "scripts", "function_app", "wiring"}
    scripts = {path.stem for path in tracked_files() if path.parts[0] == "scripts"}
    modules = {
        module
        for path in paths
        if path.suffix == ".py"
        for module in _imports(ast.parse((ROOT / path).read_bytes()))
        if module.split(".")[0] not in {*sys.stdlib_module_names, *ours, *scripts}
    }
    return {_distribution(module) for module in modules}


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # `from azure import functions` names a module of a namespace that several packages share.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module == "azure" else [node.module]


def _distribution(module: str) -> str:
    """The package that provides `module`: by its file, since several share the namespace `azure`."""
    parts = module.split(".")
    owners = _owners()
    for length in range(len(parts), 0, -1):
        begin = "/".join(parts[:length])
        for file in (f"{begin}/__init__.py", f"{begin}.py"):
            if file in owners:
                return owners[file]
    return f"unknown package of {module}"


@functools.cache
def _owners() -> dict[str, str]:
    return {
        str(file): _normal(distribution.metadata["Name"])
        for distribution in importlib.metadata.distributions()
        for file in distribution.files or []
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
