"""Messages of every broken kind, and very large ones: kept byte for byte, shown as far as it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.faults import configured, is_well
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import large_mail, plain_mail
from tests.support.running_sandbox import RunningSandbox

HUNDRED_MB = 100_000_000
RANGE_BYTES = 16 * 1_048_576
WORKER_LIMIT_KB = 300 * 1024


def head(name: str, *lines: bytes) -> bytes:
    """The header fields of a unit's mail, without the empty line."""
    start = [
        b"From: ann@fin.example",
        b"To: soc@corp.example",
        b"Message-ID: <" + name.encode() + b"@fin.example>",
    ]
    return b"\r\n".join([*start, *lines]) + b"\r\n"


def nested(depth: int) -> bytes:
    """Multiparts in one another that never end."""
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )


MALFORMED = {
    "bare-lf": head("bare-lf", b"Subject: LF").replace(b"\r\n", b"\n") + b"\none\ntwo\n",
    "bare-cr": head("bare-cr", b"Subject: CR") + b"\r\none\rtwo\r",
    "no-body": head("no-body", b"Subject: no empty line"),
    "no-colon": head("no-colon", b"This line is no field", b"Subject: after") + b"\r\ntext\r\n",
    "nul": head("nul", b"Subject: a\x00b") + b"\r\ntext\x00text\r\n",
    "eight-bit": head("eight-bit", b"Subject: caf\xe9 \xff\xfe", b"X-Odd\xe9: 1") + b"\r\nna\xefve\r\n",
    "unknown-charset": head(
        "unknown-charset", b"Subject: =?klingon?Q?=41?=", b"Content-Type: text/plain; charset=klingon"
    )
    + b"\r\n\xc3\xa4\r\n",
    "broken-word": head("broken-word", b"Subject: =?utf-8?B?4oKs*?= =?utf-8?Q?=E2=82?=") + b"\r\ntext\r\n",
    "surrogate": head("surrogate", b"Subject: =?utf-7?Q?+2AA-?=") + b"\r\ntext\r\n",
    "no-boundary": head("no-boundary", b"Content-Type: multipart/mixed") + b"\r\n--x\r\n\r\ntext\r\n",
    "boundary-never-comes": head("boundary-never-comes", b"Content-Type: multipart/mixed; boundary=never")
    + b"\r\ntext\r\n",
    "never-closed": head("never-closed", b"Content-Type: multipart/mixed; boundary=b")
    + b"\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>open",
    "very-deep": head("very-deep") + nested(400),
    "bad-base64": head("bad-base64", b"Content-Type: text/plain", b"Content-Transfer-Encoding: base64")
    + b"\r\nQUJD*!Q=QUJ\xff\r\n=\r\n",
    "bad-quoted": head("bad-quoted", b"Content-Transfer-Encoding: quoted-printable")
    + b"\r\na=\r\nb=ZZ=\xff=4\r\n",
    "unknown-encoding": head("unknown-encoding", b"Content-Transfer-Encoding: x-rot13") + b"\r\nuryyb\r\n",
    "uuencode": head("uuencode", b"Content-Transfer-Encoding: x-uuencode")
    + b"\r\nbegin 644 a\r\n#86)C\r\nend\r\n",
    "bad-type": head("bad-type", b"Content-Type: ;;;=", b"Content-Disposition: =;filename") + b"\r\ntext\r\n",
    "bad-date": head("bad-date", b"Date: Tue, 99 Foo 20266 99:99:99 +9999999") + b"\r\ntext\r\n",
    "bad-addresses": head("bad-addresses", b'Cc: <<<@@>,"unclosed <a@b>, (nested (comment', b"Reply-To: ;:,")
    + b"\r\ntext\r\n",
    "two-froms": head("two-froms", b"From: eve@shop.example", b"Subject: one", b"Subject: two")
    + b"\r\ntext\r\n",
    "long-line": head("long-line", b"Subject: " + b"x" * 200_000) + b"\r\n" + b"y" * 300_000,
    "many-fields": head("many-fields", *[b"X-%d: 1" % number for number in range(5_000)]) + b"\r\ntext\r\n",
    "many-references": head(
        "many-references", b"References: " + b"\r\n ".join(b"<%d@x>" % n for n in range(3_000))
    )
    + b"\r\ntext\r\n",
    "many-parts": head("many-parts", b"Content-Type: multipart/mixed; boundary=b")
    + b"\r\n"
    + b"--b\r\n\r\nx\r\n" * 3_000,
    "bad-rfc822": head("bad-rfc822", b"Content-Type: message/rfc822") + b"\r\n\xff\x00: \r\n\x00",
    "bad-html": head("bad-html", b"Content-Type: text/html; charset=utf-16")
    + b"\r\n\xff\xfe<\x00s\x00c\x00r\x00\xd8",
    "bad-name": head(
        "bad-name",
        b"Content-Type: multipart/mixed; boundary=b",
    )
    + b"\r\n--b\r\nContent-Type: a/b; name*0*=utf-8''%FF%; name*2=c\r\n"
    + b'Content-Disposition: attachment; filename="../../\x00..\\evil\r\n\r\nx\r\n--b--\r\n',
}


@pytest.fixture(scope="module", autouse=True)
def _configured(sandbox: RunningSandbox) -> None:
    configured(sandbox)


@pytest.fixture(scope="module")
def delivered(sandbox: RunningSandbox) -> None:
    """All broken messages in one delivery, and a sound one behind them."""
    sandbox.deliver(*MALFORMED.values(), plain_mail("sound@fin.example"))
    synced(sandbox, lambda: mail_with_id(sandbox, "sound@fin.example"))
    sandbox.until(lambda: is_well(sandbox))


@pytest.mark.usefixtures("delivered")
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_message_is_kept_as_it_came_and_shown_as_far_as_it_goes(
    sandbox: RunningSandbox, name: str
) -> None:
    mail = sandbox.until(lambda: mail_with_id(sandbox, f"{name}@fin.example"))

    assert mail["problem"] is None
    address = f"/api/triage/{mail['id']}"
    assert sandbox.call("GET", f"{address}/raw").body == MALFORMED[name]
    assert sandbox.call("GET", address).json["id"] == mail["id"]
    for part in ("", "?part=text", "?part=html", "?part=headers"):
        body = sandbox.call("GET", f"{address}/body{part}")
        assert body.status == 200, (part, body.body[:300])
        assert b"<script" not in body.body.lower()
    for number, _ in list(enumerate(mail["attachments"]))[:3]:
        assert sandbox.call("GET", f"{address}/attachments/{number}").status == 200


def test_a_mail_of_100_mb_is_kept_whole_in_bounded_memory(sandbox: RunningSandbox) -> None:
    raw = large_mail("huge@fin.example", HUNDRED_MB)
    sandbox.deliver(raw)

    mail = synced(sandbox, lambda: mail_with_id(sandbox, "huge@fin.example"), 120)

    address = f"/api/triage/{mail['id']}/raw"
    assert mail["sizeBytes"] == len(raw)
    whole = sandbox.call("GET", address)
    assert (whole.status, whole.headers["content-range"]) == (416, f"bytes */{len(raw)}")
    for begin in range(0, len(raw), RANGE_BYTES):
        end = min(begin + RANGE_BYTES, len(raw)) - 1
        part = sandbox.call("GET", address, headers={"Range": f"bytes={begin}-{end}"})
        assert part.status == 206
        assert part.body == raw[begin : end + 1], begin
    assert max(peak_memory_kb(sandbox)) < WORKER_LIMIT_KB


def peak_memory_kb(sandbox: RunningSandbox) -> list[int]:
    """The largest resident set that each worker has had, in KiB."""
    workers = json.loads((sandbox.data / "run" / "workers.json").read_text())
    peaks = []
    for worker in workers:
        status = Path(f"/proc/{worker['pid']}/status").read_text()
        peaks += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    assert peaks
    return peaks
