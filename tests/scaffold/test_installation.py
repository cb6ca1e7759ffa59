"""Installing: once, whole, one at a time, only what changed, and one clear line when it fails.

Each test has a tree of its own, whose requirements are empty, so that nothing is fetched.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.scaffold.project import ROOT

REQUIREMENTS = [
    "requirements.txt",
    "requirements-worker.txt",
    "requirements-dev.txt",
    "requirements-node.txt",
]
PROGRAM = """
import os, sys
print("started", sys.argv[1:], os.environ["APP_PYTHON"], os.environ["AZURITE"], os.getcwd())
"""
# No index is asked by accident: an address at which nobody listens.
NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project with our scripts, with a space in its path."""
    root = tmp_path / "a tree"
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in REQUIREMENTS:
        (root / name).write_text("# nothing\n")
    node = {"name": "small", "version": "1.0.0"}
    lock = {**node, "lockfileVersion": 3, "requires": True, "packages": {"": node}}
    (root / "package.json").write_text(json.dumps(node))
    (root / "package-lock.json").write_text(json.dumps(lock))
    (root / "sandbox").mkdir()
    (root / "sandbox/__init__.py").write_text("")
    (root / "sandbox/__main__.py").write_text(PROGRAM)
    return root


def test_the_first_start_installs_with_signs_of_life_and_the_next_one_starts_at_once(tree: Path) -> None:
    first = _run(tree, "--empty")
    second = _run(tree, "--empty")

    assert first.returncode == 0, first.stderr
    assert "preparing a Python environment ...\n" in first.stdout
    assert second.stdout.splitlines() == first.stdout.splitlines()[-1:]
    assert second.stdout.startswith("started ['run', '--empty'] ")


def test_everything_that_is_installed_lies_in_the_tree_and_works_from_any_folder(
    tree: Path, tmp_path: Path
) -> None:
    ran = _run(tree, folder=tmp_path)

    environment = (tree / ".local" / f"{sys.version_info.major}.{sys.version_info.minor}" / "app").resolve()
    app_python, azurite = environment / "bin/python", tree / "node_modules/.bin/azurite"
    assert ran.stdout.splitlines()[-1] == f"started ['run'] {app_python} {azurite} {tmp_path}"


def test_progress_is_kept_apart_from_what_sandbox_commands_print(tree: Path) -> None:
    said = subprocess.run(
        [tree / "scripts" / "sandbox", "sign-in", "admin"],
        env=_environment(tree),
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.startswith("started ['sign-in', 'admin'] ")
    assert "preparing a Python environment ...\n" in said.stderr


def test_only_what_a_changed_file_belongs_to_is_installed_again(tree: Path) -> None:
    _run(tree)
    (tree / "requirements-dev.txt").write_text("# still nothing\n")

    steps = [line for line in _run(tree).stdout.splitlines() if line.endswith(" ...")]

    assert steps == [
        "preparing a Python environment ...",
        "installing the packages of sandbox, tests and checks ...",
    ]


def test_a_program_that_runs_keeps_its_environment_until_it_ends(tree: Path) -> None:
    (tree / "sandbox/__main__.py").write_text(PROGRAM + "sys.stdout.flush()\nsys.stdin.read()\n")
    running = subprocess.Popen(
        _command(tree), env=_environment(tree), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    while not (line := running.stdout.readline()).startswith("started"):
        assert line
    before = _environments(tree)
    (tree / "requirements.txt").write_text("# still nothing\n")

    assert _run(tree).returncode == 0
    meanwhile = _environments(tree)
    running.communicate(input="", timeout=30)
    assert _run(tree).returncode == 0

    assert running.returncode == 0
    assert len(before) == 2
    assert len(meanwhile) == 4
    assert before < meanwhile
    assert _environments(tree) == meanwhile - before


def test_an_installation_that_was_killed_is_made_again(tree: Path) -> None:
    process = subprocess.Popen(
        _command(tree), env=_environment(tree), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "preparing a Python environment ...\n"
    process.kill()
    process.wait()
    process.stdout.close()

    after = _run(tree)

    assert after.returncode == 0, after.stderr
    assert "preparing a Python environment ...\n" in after.stdout
    assert after.stdout.splitlines()[-1].startswith("started ")


def test_two_at_once_install_once(tree: Path) -> None:
    both = [
        subprocess.Popen(_command(tree), env=_environment(tree), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum(text.count("preparing a Python environment ...") for text in said) == 1
    assert sum(text.count("waiting for another installation in this folder") for text in said) == 1
    assert all(text.splitlines()[-1].startswith("started ") for text in said)


def test_a_termination_ends_what_is_being_installed(tree: Path) -> None:
    # A local package whose build never ends.
    package = tree / "endless"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (package / "backend.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(package / 'started')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(1000)\n"
    )
    (tree / "requirements-dev.txt").write_text(f"endless @ {package.as_uri()}\n")
    process = subprocess.Popen(
        _command(tree),
        env=_environment(tree),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = package / "started"
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=30)[1]

    assert process.returncode == 130
    assert _ends(int(started.read_text()))
    assert errors == "scripts/run: interrupted; the next start goes on\n"
    (tree / "requirements-dev.txt").write_text("# nothing\n")
    assert _run(tree).returncode == 0  # the lock is free again


def test_without_a_network_one_line_says_so(tree: Path) -> None:
    (tree / "requirements-dev.txt").write_text("some-package==1.0\n")

    refused = _run(tree)

    assert refused.returncode == 1
    assert refused.stderr == (
        "scripts/run: installing the packages of sandbox, tests and checks failed: the package index "
        f"cannot be reached; is there a network connection? (all of it: {tree / '.local/install.log'})\n"
    )


def test_without_a_network_for_node_packages_one_line_says_so(tree: Path) -> None:
    lock = json.loads((tree / "package-lock.json").read_text())
    lock["packages"][""]["dependencies"] = {"some-package": "1.0.0"}
    lock["packages"]["node_modules/some-package"] = {"version": "1.0.0", "integrity": "sha512-AAAA"}
    (tree / "package-lock.json").write_text(json.dumps(lock))
    package = json.loads((tree / "package.json").read_text()) | {"dependencies": {"some-package": "1.0.0"}}
    (tree / "package.json").write_text(json.dumps(package))

    refused = _run(tree)

    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "scripts/run: installing Azurite failed: the package index cannot be reached"
    )
    assert refused.stderr.count("\n") == 1


def test_a_package_that_cannot_be_installed_is_named_in_one_line(tree: Path) -> None:
    (tree / "requirements.txt").write_text("absent @ file:///absent/absent-1.0-py3-none-any.whl\n")

    refused = _run(tree)

    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "scripts/run: installing the packages that Azure installs failed: ERROR: "
    )
    assert "absent-1.0-py3-none-any.whl" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_clone_that_lacks_a_file_is_told_which(tree: Path) -> None:
    (tree / "package-lock.json").unlink()

    refused = _run(tree)

    assert refused.stderr == "scripts/run: package-lock.json is missing; is the clone complete?\n"


def _environments(tree: Path) -> set[Path]:
    return {folder for folder in tree.glob(".local/*/*") if folder.is_dir() and not folder.is_symlink()}


def _ends(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        psutil.Process(pid).wait(5)
    return not psutil.pid_exists(pid)


def _run(tree: Path, *arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _command(tree, *arguments),
        env=_environment(tree),
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=120,
    )


def _command(tree: Path, *arguments: str) -> list[str]:
    return [str(tree / "scripts" / "run"), *arguments]


def _environment(tree: Path) -> dict[str, str]:
    """The environment of a caller whose package indexes are out of reach, with the Python that runs this."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tree / "home"),
        "PYTHON": getattr(sys, "_base_executable", sys.executable),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOBODY,
        "npm_config_registry": NOBODY,
    }
