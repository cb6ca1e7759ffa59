"""Timer functions run when they are due, one at a time over all workers, once when late."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.host.host_process import APPS, HostProcess, running_host, wait_until
from tests.support.azurite import RunningAzurite

NEVER_SOON = "0 0 0 29 2 *"


@pytest.fixture(scope="module")
def host(azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A host with two workers whose timer is due each second and runs for two and a half."""
    settings = {"TICK_SCHEDULE": "*/1 * * * * *", "TICK_SECONDS": "2.5"}
    data = tmp_path_factory.mktemp("timers")
    with running_host(data, azurite, APPS / "timers", settings, instances=2) as running:
        yield running


def test_timer_that_runs_longer_than_its_interval_never_overlaps_and_catches_up_once(
    host: HostProcess,
) -> None:
    wait_until(lambda: len(ticks(host, "start")) >= 4, 30)
    lines = [line for line in host.trace() if line["name"] == "tick"]
    assert [line["event"] for line in lines[:6]] == ["start", "end"] * 3
    starts = [line["at"] for line in lines if line["event"] == "start"]
    assert all(2.4 < later - earlier < 6.0 for earlier, later in pairwise(starts))
    assert not any(line.get("past_due") for line in lines)


def test_timer_runs_when_the_admin_endpoint_is_asked_to(host: HostProcess) -> None:
    assert host.run_function("nightly") == 202
    wait_until(lambda: nights(host))
    assert nights(host)[0]["past_due"] is False


def test_occurrence_missed_while_the_host_was_down_runs_once_at_start_as_past_due(
    azurite: RunningAzurite, tmp_path: Path
) -> None:
    missed = (datetime.now(UTC) - timedelta(days=3)).replace(hour=3, minute=0, second=0, microsecond=0)
    write_status(tmp_path, last=missed - timedelta(days=1), due=missed)
    with running_host(tmp_path, azurite, APPS / "timers", quiet()) as host:
        wait_until(lambda: nights(host))
        wait_until(lambda: read_status(tmp_path)["Next"] > datetime.now(UTC).isoformat())
    assert [line["past_due"] for line in nights(host)] == [True]
    with running_host(tmp_path, azurite, APPS / "timers", quiet()) as host:
        host.call("GET", "/admin/host/status")
    assert len(nights(host)) == 1


def test_first_start_remembers_when_the_timer_is_due_and_runs_nothing(
    azurite: RunningAzurite, tmp_path: Path
) -> None:
    with running_host(tmp_path, azurite, APPS / "timers", quiet()) as host:
        wait_until(lambda: (tmp_path / "host" / "timers" / "nightly.json").exists())
    due = datetime.fromisoformat(read_status(tmp_path)["Next"])
    assert (due.hour, due.minute, due.second) == (3, 0, 0)
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=1)
    assert host.trace() == []


def test_damaged_status_starts_anew(azurite: RunningAzurite, tmp_path: Path) -> None:
    file = tmp_path / "host" / "timers" / "nightly.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    with running_host(tmp_path, azurite, APPS / "timers", quiet()) as host:
        wait_until(lambda: file.read_text() != "{")
        assert "cannot be read and starts anew" in host.log()


def quiet() -> dict[str, str]:
    """Settings with which the ticking timer does not run."""
    return {"TICK_SCHEDULE": NEVER_SOON, "TICK_SECONDS": "0"}


def ticks(host: HostProcess, event: str) -> list[dict[str, Any]]:
    """What the ticking timer traced."""
    return [line for line in host.trace() if line["name"] == "tick" and line["event"] == event]


def nights(host: HostProcess) -> list[dict[str, Any]]:
    """What the nightly timer traced."""
    return [line for line in host.trace() if line["name"] == "nightly"]


def write_status(data: Path, *, last: datetime, due: datetime) -> None:
    """Leaves the status of the nightly timer as a host that was ended at `last` would."""
    file = data / "host" / "timers" / "nightly.json"
    file.parent.mkdir(parents=True)
    times = {"Last": last, "Next": due, "LastUpdated": last}
    file.write_text(json.dumps({name: time.isoformat() for name, time in times.items()}))


def read_status(data: Path) -> dict[str, str]:
    """The status of the nightly timer."""
    status: dict[str, str] = json.loads((data / "host" / "timers" / "nightly.json").read_text())
    return status
