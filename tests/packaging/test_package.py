"""What is deployed: only what runs, the same bytes each time; it runs with Microsoft's worker in 512 MB."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pathspec
import pytest

from tests.scaffold.project import ROOT
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import large_mail, plain_mail
from tests.support.running_sandbox import RunningSandbox, running_sandbox

LIMIT_BYTES = 512 * 1024 * 1024
WORKER_LIBRARIES = ("azure_functions_runtime", "azurefunctions")
# Runs the worker's Python with at most so much memory of its own (getrlimit(2), RLIMIT_DATA: also what is
# reserved and not yet used counts, so it is stricter than an instance's memory), and with the package's
# libraries where Azure's worker looks for them.
INTERPRETER = """\
#!/bin/sh
ulimit -d {kilobytes}
PYTHONPATH={app}/.python_packages/lib/site-packages:{libraries}
export PYTHONPATH
exec {python} "$@"
"""


@pytest.fixture(scope="module")
def packaging() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        yield import_module("app_package")


@pytest.fixture(scope="module")
def package(packaging: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package for the Python that runs the tests; Azure's is 3.13."""
    target: Path = tmp_path_factory.mktemp("package") / "app.zip"
    packaging.build(target, sys.version_info[:2])
    return target


@pytest.fixture(scope="module")
def sandbox(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A sandbox that runs the unpacked package, and nothing of this tree, in a worker with 512 MB."""
    folder = tmp_path_factory.mktemp("deployed")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder / "app")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APP_DIR", str(folder / "app"))
        patch.setenv("APP_PYTHON", str(_interpreter(folder)))
        with running_sandbox(folder / "data") as sandbox:
            yield sandbox


def _interpreter(folder: Path) -> Path:
    venv.create(folder / "python", with_pip=False)
    libraries = folder / "worker"
    libraries.mkdir()
    [installed] = Path(os.environ["APP_PYTHON"]).parents[1].glob("lib/python3*/site-packages")
    for name in WORKER_LIBRARIES:
        (libraries / name).symlink_to(installed / name)
    script = folder / "limited-python"
    script.write_text(
        INTERPRETER.format(
            kilobytes=LIMIT_BYTES // 1024,
            app=folder / "app",
            libraries=libraries,
            python=folder / "python/bin/python",
        )
    )
    script.chmod(0o755)
    return script


def test_the_package_holds_what_runs_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        ours = [name for name in archive.namelist() if not name.startswith(".python_packages/")]

    assert set(ours) == {str(path) for path in _uploaded()} - {"requirements.txt"}


def test_what_azd_uploads_is_the_app_and_its_requirements() -> None:
    uploaded = {path.parts[0] for path in _uploaded()}

    assert {"function_app.py", "wiring.py", "host.json", "requirements.txt", "domain"} <= uploaded
    assert uploaded & {"tests", "sandbox", "bench", "scripts", "infra", "docs", ".gitignore"} == set()


def test_two_builds_are_the_same_bytes(packaging: ModuleType, package: Path, tmp_path: Path) -> None:
    packaging.build(tmp_path / "again.zip", sys.version_info[:2])

    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_no_console_script_names_an_interpreter_of_the_machine_that_built_it(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        assert [name for name in archive.namelist() if "/bin/" in name or ".data/" in name] == []


@pytest.mark.parametrize(
    "python, functions", [((3, 13), "azure-functions==2"), ((3, 11), "azure-functions==1")]
)
def test_packages_are_chosen_for_the_python_that_runs_them_not_the_one_that_builds(
    packaging: ModuleType, python: tuple[int, int], functions: str
) -> None:
    chosen = packaging.requirements(python)

    assert next(one for one in chosen if one.startswith("azure-functions==")).startswith(functions)
    assert len(chosen) == len({one.partition("==")[0] for one in chosen})


def test_the_package_polls_a_mailbox_in_512_mb(sandbox: RunningSandbox) -> None:
    sandbox.configure()
    sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.deliver(plain_mail("packaged@fin.example"), large_mail("large@fin.example", 25_000_000))

    assert synced(sandbox, lambda: mail_with_id(sandbox, "packaged@fin.example"))
    assert synced(sandbox, lambda: mail_with_id(sandbox, "large@fin.example"))


def test_the_package_serves_a_page_with_its_style_sheet_in_512_mb(sandbox: RunningSandbox) -> None:
    page = sandbox.call("GET", "/ui/")
    styles = re.findall(r'href="(/ui/[^"]+\.css)"', page.body.decode())

    assert page.status == 200
    assert styles
    assert {sandbox.call("GET", path).status for path in styles} == {200}


def test_the_workers_limit_is_512_mb_and_its_code_is_the_packages(sandbox: RunningSandbox) -> None:
    [worker] = json.loads((sandbox.data / "run" / "workers.json").read_text())
    limits = Path(f"/proc/{worker['pid']}/limits").read_text()
    mapped = Path(f"/proc/{worker['pid']}/maps").read_text()

    assert re.search(rf"Max data size\s+{LIMIT_BYTES}\s", limits)
    assert f"{sandbox.data.parent}/app/.python_packages/lib/site-packages/" in mapped
    assert str(ROOT) not in mapped


def _uploaded() -> list[Path]:
    """What azd uploads: this folder as it is, less .funcignore, and less what git ignores, such as caches."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text().splitlines())
    paths = [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return [path for path in paths if not ignored.match_file(path)]


def test_the_script_says_where_the_package_is_and_how_large(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", str(ROOT / "scripts/app_package.py"), "--output", str(tmp_path / "x.zip")],
        capture_output=True,
        text=True,
        check=True,
    )

    size = (tmp_path / "x.zip").stat().st_size
    assert done.stdout == f"{tmp_path / 'x.zip'}  {size / 1_000_000:.1f} MB\n"
