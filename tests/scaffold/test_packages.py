"""The names of our packages, and what they need when they are loaded."""

import importlib.metadata
import os
import subprocess
import sys

import pytest

from tests.scaffold.project import (
    ROOT,
    packages_under_import_rules,
    product_modules,
    product_packages,
    tracked_files,
)

OURS = sorted({*packages_under_import_rules(), "function_app", "wiring"})


@pytest.mark.parametrize("name", OURS)
def test_a_top_level_name_shadows_neither_the_standard_library_nor_a_dependency(name: str) -> None:
    assert name not in sys.stdlib_module_names
    assert name not in importlib.metadata.packages_distributions()


def test_every_package_is_under_the_import_rules() -> None:
    packages = {path.parts[0] for path in tracked_files() if len(path.parts) > 1 and path.suffix == ".py"}

    assert packages - {"tests", "scripts", "bench", "docs", "infra"} == set(packages_under_import_rules())


def test_every_folder_with_modules_is_a_package_so_that_the_import_rules_see_it() -> None:
    ruled = set(packages_under_import_rules())
    folders = {path.parent for path in tracked_files() if path.suffix == ".py" and path.parts[0] in ruled}

    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").exists()] == []


def test_every_module_of_the_product_loads_with_what_azure_installs_and_nothing_else() -> None:
    loaded = _load_in_azure(product_modules())

    assert loaded.returncode == 0, loaded.stderr.splitlines()[-1]


def test_what_azure_loads_at_start_and_what_timers_and_queues_run_leave_the_http_framework_alone() -> None:
    modules = [
        name
        for name in product_modules()
        if name.split(".")[0] in {"function_app", "mailbox_poll", "domain", "exchange", "store"}
    ]
    loaded = _load_in_azure(modules)

    assert loaded.returncode == 0, loaded.stderr.splitlines()[-1]
    assert {"azure", "urllib3"} <= set(loaded.stdout.split())
    assert {"fastapi", "starlette", "pydantic"} & set(loaded.stdout.split()) == set()


def test_only_the_product_is_deployed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--ignored", "--exclude-from=.funcignore"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    deployed = {str(path) for path in tracked_files()} - set(listed.stdout.splitlines())
    files = {"host.json", "requirements.txt", "function_app.py", "wiring.py"}

    assert {name for name in deployed if name.split("/")[0] not in product_packages()} - {"LICENSE"} == files
    assert {name.split("/")[0] for name in deployed if "/" in name} == set(product_packages())


def _load_in_azure(modules: list[str]) -> "subprocess.CompletedProcess[str]":
    """Loads `modules` as Azure would: in the app's folder, with what is installed there, no setting made.

    The answer's output names every module that is loaded then.
    """
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    )
    return subprocess.run(
        [os.environ["APP_PYTHON"], "-c", code, *modules],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
