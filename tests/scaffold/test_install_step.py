"""Why a step of an installation failed, told from what pip and npm print."""

import sys
from pathlib import Path

import pytest

from tests.scaffold.project import ROOT

PIP_CANNOT_RESOLVE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3>:
Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/aiohttp/
ERROR: Could not find a version that satisfies the requirement aiohttp==3.14.5 (from versions: none)
ERROR: No matching distribution found for aiohttp==3.14.5
"""
PIP_DISTRUSTS = """\
WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, '[CERTIFICATE_VERIFY_FAILED
ERROR: Could not find a version that satisfies the requirement aiohttp==3.14.5 (from versions: none)
"""
PIP_KNOWS_NO_SUCH_VERSION = """\
Collecting aiohttp==99
ERROR: Could not find a version that satisfies the requirement aiohttp==99 (from versions: 3.14.5)
ERROR: No matching distribution found for aiohttp==99
"""
NPM_CANNOT_RESOLVE = """\
npm error code ENOTFOUND
npm error errno ENOTFOUND
"""
NPM_DISAGREES = """\
npm error code EUSAGE
npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.
"""
OFFLINE = "the package index cannot be reached; is there a network connection?"


@pytest.mark.parametrize(
    "output, reason",
    [
        (PIP_CANNOT_RESOLVE, OFFLINE),
        (NPM_CANNOT_RESOLVE, OFFLINE),
        (PIP_DISTRUSTS, "the certificate of the package index is not trusted here"),
        (
            "npm error code SELF_SIGNED_CERT_IN_CHAIN\n",
            "the certificate of the package index is not trusted here",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "the disk is full",
        ),
        (PIP_KNOWS_NO_SUCH_VERSION, PIP_KNOWS_NO_SUCH_VERSION.splitlines()[1]),
        (NPM_DISAGREES, "npm error code EUSAGE"),
        ("Segmentation fault\n", "Segmentation fault"),
        ("", "it gave no reason"),
        ("ERROR: " + "x" * 1000, "ERROR: " + "x" * 193),
    ],
)
def test_the_reason_is_one_line_that_a_person_understands(
    output: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from install_step import InstallationError, Step
    from locks import locked

    said = [sys.executable, "-c", f"import sys; sys.stdout.write({output!r}); sys.exit(1)"]
    with locked(tmp_path / "lock", print) as lock:
        step = Step(tmp_path, tmp_path / "log", lock, print)
        with pytest.raises(InstallationError) as refused:
            step.run("installing", said)

    assert str(refused.value) == f"installing failed: {reason} (all of it: {tmp_path / 'log'})"


def test_only_the_step_that_failed_is_asked_for_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from install_step import InstallationError, Step
    from locks import locked

    with locked(tmp_path / "lock", print) as lock:
        step = Step(tmp_path, tmp_path / "log", lock, print)
        step.run("first", ["echo", "ERROR: but it went on"])
        with pytest.raises(InstallationError, match="second failed: it gave no reason"):
            step.run("second", ["false"])


def test_a_program_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from install_step import InstallationError, Step
    from locks import locked

    with locked(tmp_path / "lock", print) as lock:
        step = Step(tmp_path, tmp_path / "log", lock, print)
        with pytest.raises(InstallationError, match=r"installing failed: .*No such file"):
            step.run("installing", [str(tmp_path / "absent")])
