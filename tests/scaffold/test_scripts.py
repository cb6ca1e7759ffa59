"""The scripts before anything is installed: which Python they take, one clear line when they cannot go on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scaffold.project import ROOT

SCRIPTS = ["run", "sandbox", "test", "format", "package", "permissions", "states"]
OLD, WITHOUT_VENV, FITS = 3, 4, 0


@pytest.mark.parametrize("name", [f"scripts/{name}" for name in SCRIPTS] + [".ci/run"])
def test_a_script_can_be_started(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)


@pytest.mark.parametrize("name", SCRIPTS)
def test_without_a_python_one_line_says_what_to_install(name: str, tmp_path: Path) -> None:
    said = _start(tmp_path, name)

    assert said.returncode == 1
    assert said.stderr == (
        f"scripts/{name}: there is no Python 3.11 or later here;"
        " install Python 3.13, or set PYTHON to where it is\n"
    )


def test_a_python_without_venv_is_named(tmp_path: Path) -> None:
    _python(tmp_path / "bin/python3.12", OLD)
    _python(tmp_path / "bin/python3", WITHOUT_VENV)

    said = _start(tmp_path, "test")

    assert said.returncode == 1
    assert said.stderr.startswith("scripts/test: python3 cannot make virtual environments; install its venv")
    assert said.stderr.count("\n") == 1


def test_python_3_13_is_taken_before_others(tmp_path: Path) -> None:
    for version in ["3", "3.11", "3.12", "3.13"]:
        _python(tmp_path / f"bin/python{version}", FITS)

    assert _start(tmp_path, "run", "--empty").stdout == f"python3.13 {ROOT}/scripts/launch.py run --empty\n"


def test_a_python_on_the_path_that_does_not_run_is_passed_over_for_the_one_of_pyenv(tmp_path: Path) -> None:
    _python(tmp_path / "bin/python3.13", 127)
    _python(tmp_path / "home/.pyenv/versions/3.13.5/bin/python3", FITS)
    _python(tmp_path / "bin/python3.12", FITS)

    assert _start(tmp_path, "test").stdout == f"python3 {ROOT}/scripts/launch.py test\n"


def test_an_older_python_that_fits_is_taken_where_there_is_no_3_13(tmp_path: Path) -> None:
    _python(tmp_path / "bin/python3.12", OLD)
    _python(tmp_path / "bin/python3", FITS)

    assert _start(tmp_path, "test").stdout == f"python3 {ROOT}/scripts/launch.py test\n"


def test_the_python_that_the_caller_names_is_taken(tmp_path: Path) -> None:
    _python(tmp_path / "bin/python3.13", FITS)
    _python(tmp_path / "mine", FITS)

    said = _start(tmp_path, "test", PYTHON=str(tmp_path / "mine"))

    assert said.stdout == f"mine {ROOT}/scripts/launch.py test\n"


@pytest.mark.parametrize(
    "status, reason",
    [(OLD, "is older than Python 3.11"), (WITHOUT_VENV, "has no venv module"), (127, "does not run")],
)
def test_a_python_that_the_caller_names_and_does_not_fit_is_refused(
    tmp_path: Path, status: int, reason: str
) -> None:
    _python(tmp_path / "bin/python3.13", FITS)
    _python(tmp_path / "mine", status)

    said = _start(tmp_path, "test", PYTHON=str(tmp_path / "mine"))

    assert said.returncode == 1
    assert said.stderr == f"scripts/test: PYTHON={tmp_path / 'mine'} {reason}\n"


def test_arguments_with_spaces_and_quotes_arrive_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3.13").write_text('#!/bin/sh\n[ "$1" = -c ] || printf "<%s>" "$@"\n')
    (tmp_path / "bin/python3.13").chmod(0o755)

    said = _start(tmp_path, "sandbox", "deliver", "a 'b' \"c\" $HOME *")

    assert said.stdout.endswith("<sandbox><deliver><a 'b' \"c\" $HOME *>")


def test_a_test_that_does_not_exist_is_refused_before_anything_is_installed() -> None:
    said = _run("scripts/test", "tests/nonsense")

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "scripts/test: no such file or folder: tests/nonsense\n"


def test_format_takes_no_arguments() -> None:
    said = _run("scripts/format", "domain")

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "scripts/format takes no arguments, but was given domain\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_needs_nothing_installed(name: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "scripts", tree / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "sandbox", tree / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))

    said = subprocess.run(
        [tree / "scripts" / name, "--help"], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("usage: ")
    assert name in said.stdout.splitlines()[0]
    assert not (tree / ".local").exists()


def _python(path: Path, status: int) -> None:
    """A stand-in that answers the scripts' question with `status`, and else says how it was called."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit {status}\necho "$(basename "$0") $*"\n')
    path.chmod(0o755)


def _start(folder: Path, name: str, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script on a machine that has nothing but the stand-ins in `folder`."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    for tool in ["sh", "dirname", "basename"]:
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    environment = {"PATH": str(tools), "HOME": str(folder / "home"), **settings}
    return subprocess.run(
        [ROOT / "scripts" / name, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
