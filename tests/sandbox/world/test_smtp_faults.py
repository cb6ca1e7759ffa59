"""What goes wrong on purpose over SMTP: answers that are lost, refused, broken; workers that die of calls."""

import json
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.world.conftest import World
from tests.sandbox.world.smtp_client import SENDER, connect, left, mail, sign_in

OPERATIONS = ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "EndOfData", "QUIT"]
WORKER = """
import json, smtplib, ssl, sys
settings, ca_file, sender, message = json.loads(sys.argv[1])
sys.stdin.readline()
client = smtplib.SMTP(settings["host"], settings["port"], timeout=10)
client.starttls(context=ssl.create_default_context(cafile=ca_file))
client.login(settings["userName"], settings["password"])
client.sendmail(sender, ["fin@fin.example"], message)
client.quit()
"""


def add(world: World, kind: str, operation: str | None = None, **more: object) -> None:
    world.control.run("fault-add", part="smtp", kind=kind, operation=operation, count=1, **more)


def worker(world: World, message: str) -> subprocess.Popen[bytes]:
    """A worker of the host that sends a message once it is told to go."""
    settings = world.control.run("smtp-settings", security="starttls")
    told = json.dumps([settings, str(world.state.ca_file), SENDER, message])
    process = subprocess.Popen([sys.executable, "-c", WORKER, told], stdin=subprocess.PIPE)
    world.state.workers_file.write_text(json.dumps([{"pid": process.pid}]))
    return process


def crash_of(world: World, pid: int) -> dict[str, Any]:
    """What the world tells of a worker's death, as soon as it has seen it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for crash in world.control.run("crash", after=None, disarm=False)["happened"]:
            if crash["pid"] == pid:
                return dict(crash)
        time.sleep(0.01)
    raise AssertionError(f"nothing is told of {pid}")


@pytest.fixture(autouse=True)
def nothing_unhandled(world: World) -> Iterator[None]:
    yield
    assert "Traceback" not in world.output()


def test_a_mail_whose_last_answer_is_lost_has_left(world: World) -> None:
    message = mail()
    add(world, "cut-after", "EndOfData")

    with pytest.raises(smtplib.SMTPServerDisconnected):
        sign_in(world).send_message(message)

    assert len(left(world, message)) == 1


def test_of_an_answer_that_is_cut_only_half_a_line_comes(world: World) -> None:
    add(world, "cut-mid", "NOOP")
    client = sign_in(world)
    assert client.sock is not None

    client.putcmd("noop")

    assert client.sock.recv(4096) == b"250"  # of "250 OK"
    assert client.sock.recv(4096) == b""


def test_a_mail_that_is_cut_before_it_is_taken_has_not_left(world: World) -> None:
    message = mail()
    add(world, "cut-before", "EndOfData")

    with pytest.raises(smtplib.SMTPServerDisconnected):
        sign_in(world).send_message(message)

    assert left(world, message) == []


@pytest.mark.parametrize("status, text", [(451, "4.3.0 Try later"), (554, "5.7.1 Spam")])
def test_a_refusal_after_the_data_is_no_mail(world: World, status: int, text: str) -> None:
    message = mail()
    add(world, "status", "EndOfData", status=status, error=text)

    with sign_in(world) as client:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            client.send_message(message)
        assert (refusal.value.smtp_code, refusal.value.smtp_error) == (status, text.encode())
        client.send_message(message)

    assert len(left(world, message)) == 1


@pytest.mark.parametrize("operation", ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_every_command_can_be_refused(world: World, operation: str) -> None:
    message = mail()
    for _ in range(2):  # smtplib tries one mechanism of AUTH after the other
        add(world, "status", operation, status=554)

    with pytest.raises(smtplib.SMTPException):
        sign_in(world).send_message(message)

    assert left(world, message) == []


def test_the_server_may_be_closing_when_it_is_called(world: World) -> None:
    add(world, "status", "Connect", status=421, error="4.3.2 Service not available")

    with pytest.raises(smtplib.SMTPConnectError) as refusal:
        sign_in(world)

    assert refusal.value.smtp_code == 421


def test_a_server_that_says_421_closes_the_connection(world: World) -> None:
    add(world, "status", "NOOP", status=421)
    client = sign_in(world)
    assert client.sock is not None

    assert client.noop()[0] == 421

    assert client.sock.recv(4096) == b""


def test_the_answer_to_a_login_in_steps_is_the_last_one(world: World) -> None:
    client = connect(world)
    add(world, "cut-after", "AUTH")

    assert client.docmd("AUTH", "LOGIN")[0] == 334
    assert client.docmd("bm9ib2R5")[0] == 334
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.docmd("bm9ib2R5")


def test_a_fault_can_concern_one_recipient(world: World) -> None:
    message = mail()
    add(world, "status", "RCPT", status=452, mailbox="hr@hr.example")

    with sign_in(world) as client:
        refused = client.send_message(message, to_addrs=["fin@fin.example", "HR@hr.example"])

    assert list(refused) == ["HR@hr.example"]


def test_an_answer_that_is_no_reply_and_one_that_never_ends(world: World) -> None:
    add(world, "malformed-xml", "MAIL")
    with pytest.raises(smtplib.SMTPException):
        sign_in(world).send_message(mail())

    add(world, "endless", "MAIL")
    client = sign_in(world)
    client.putcmd("mail", f"FROM:<{SENDER}>")
    assert client.sock is not None
    assert sum(len(client.sock.recv(4096)) for _ in range(50)) > 10_000
    client.close()


def test_a_delay_holds_a_command_back(world: World) -> None:
    add(world, "delay", "MAIL", delay_s=0.4)
    started = time.monotonic()

    with sign_in(world) as client:
        client.send_message(mail())

    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize("number", range(1, len(OPERATIONS) + 1))
def test_a_worker_dies_of_each_of_its_commands_and_the_mail_has_left_once_its_end_was_taken(
    world: World, number: int
) -> None:
    message = mail()
    sender = worker(world, message.as_string())
    world.control.run("crash", after=number, disarm=False)

    sender.communicate(b"go\n", timeout=30)

    assert sender.returncode == -signal.SIGKILL
    crash = crash_of(world, sender.pid)
    assert (crash["part"], crash["operation"]) == ("smtp", OPERATIONS[number - 1])
    assert len(left(world, message)) == (1 if number >= OPERATIONS.index("EndOfData") + 1 else 0)


def test_a_worker_that_nothing_happens_to_makes_nine_calls(world: World) -> None:
    message = mail()
    sender = worker(world, message.as_string())
    world.control.run("crash", after=len(OPERATIONS) + 1, disarm=False)

    sender.communicate(b"go\n", timeout=30)

    assert sender.returncode == 0
    assert world.control.run("crash", after=None, disarm=False)["remaining"] == 1
    counted = world.calls("smtp")
    assert counted == {"Connect": 1, **{name: OPERATIONS.count(name) for name in OPERATIONS}}
