"""Sandboxes that start at the same time do not pick each other's ports."""

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from sandbox.ports import PORT_RANGE, NoFreePortsError, PortHolder
from sandbox.preparation import prepare
from sandbox.state import STATE_FILE, load


def test_picked_ports_are_different_and_below_those_of_outgoing_connections() -> None:
    holder = PortHolder()
    picked = holder.pick(12)
    holder.release()

    assert len(set(picked)) == 12
    assert all(number in PORT_RANGE for number in picked)


def test_own_process_can_listen_on_a_held_port() -> None:
    holder = PortHolder()
    number = holder.pick(1)[0]

    async def listen() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", number)
        server.close()
        await server.wait_closed()

    asyncio.run(listen())
    holder.release()


@pytest.mark.parametrize("claimed", [False, True])
def test_held_port_is_not_picked_by_another(monkeypatch: pytest.MonkeyPatch, claimed: bool) -> None:
    first = PortHolder()
    number = first.pick(1)[0]
    if claimed:
        first.release()
        first = PortHolder()
        assert first.claim(number)
    monkeypatch.setattr("sandbox.ports.PORT_RANGE", [number])
    monkeypatch.setattr("sandbox.ports.ATTEMPTS", 1)

    if sys.platform == "linux":
        with pytest.raises(NoFreePortsError):
            PortHolder().pick(1)
    first.release()
    assert PortHolder().pick(1) == [number]


def test_port_that_somebody_listens_on_cannot_be_claimed() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        assert PortHolder().claim(listener.getsockname()[1]) is False


def test_a_sandbox_of_before_there_was_smtp_gets_the_ports_that_it_lacks_and_keeps_the_others(
    tmp_path: Path,
) -> None:
    holder = PortHolder()
    made = prepare(tmp_path, port=0, record=None, app_dir=tmp_path, app_python=tmp_path, holder=holder)
    holder.release()
    old = json.loads((tmp_path / STATE_FILE).read_text())
    old["ports"] = {name: port for name, port in old["ports"].items() if not name.startswith("smtp_")}
    (tmp_path / STATE_FILE).write_text(json.dumps(old))

    again = prepare(tmp_path, port=0, record=None, app_dir=tmp_path, app_python=tmp_path)

    assert again.ports.exchange == made.ports.exchange
    assert len({*again.smtp_ports.values(), again.ports.exchange}) == 4
    assert 0 not in again.smtp_ports.values()
    assert load(tmp_path).smtp_ports == again.smtp_ports
