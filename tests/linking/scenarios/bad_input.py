"""Mails that nobody means to write: missing, endless and broken fields. They land where they belong."""

from __future__ import annotations

from tests.linking.scenarios.world import FIN, SALES, SENT, TOKEN, TRIAGE, Scenario, mail, scenario

REPLY = f"In-Reply-To: <{SENT[SALES]}>"
BY_REFERENCE, BY_TOKEN = f"{SALES} reference", f"{SALES} token"
STRANGER = "unverifiedSender"
JOE = "joe@stranger.example"
MANY_PEOPLE = ", ".join(f"p{number}@stranger.example" for number in range(1_000))
LONG_REFERENCES = " ".join(f"<{number:060}@x.example>" for number in range(2_000))

SCENARIOS: list[Scenario] = [
    scenario("no Message-ID", mail("Re: x", REPLY, message_id=""), BY_REFERENCE),
    scenario("an empty In-Reply-To", mail("Re: x", "In-Reply-To: <>", "References: <> <>"), TRIAGE),
    scenario(
        "64 KiB of References, ours among the last",
        mail("Re: x", f"References: {LONG_REFERENCES} <{SENT[SALES]}>"),
        BY_REFERENCE,
    ),
    scenario(
        "64 KiB of References, ours in the middle, and a token",
        mail(f"Re: {TOKEN[SALES]} x", f"References: {LONG_REFERENCES}"),
        BY_TOKEN,
    ),
    scenario("1,000 recipients", mail("Re: x", REPLY, f"Cc: {MANY_PEOPLE}"), BY_REFERENCE),
    scenario(
        "raw bytes in the headers",
        mail("Re: \udce4\udcff x", REPLY, sender="S\udce4m <sam@sales.example>"),
        BY_REFERENCE,
    ),
    scenario("no sender", mail("Hello", sender=""), TRIAGE),
    scenario("no sender, in the thread", mail("Hello", REPLY, sender=""), BY_REFERENCE, STRANGER),
    scenario(
        "a sender that is no address", mail("Hello", REPLY, sender="undisclosed"), BY_REFERENCE, STRANGER
    ),
    scenario("two senders: the first counts", mail("Hello", sender=f"{JOE}, eve@fin.example"), TRIAGE),
    scenario(
        "a date of 1970",
        mail("Hello", sender="eve@fin.example").replace(b"2026 08:59", b"1970 08:59"),
        f"{FIN} businessUnit",
        "suggested",
    ),
    scenario(
        "a date in the future",
        mail("Hello", sender="eve@fin.example").replace(b"2026 08:59", b"2099 08:59"),
        f"{FIN} businessUnit",
        "suggested",
    ),
    scenario(
        "a subject of 10,000 characters with the token at its end",
        mail("x" * 10_000 + f" {TOKEN[SALES]}"),
        TRIAGE,
    ),
    scenario(
        "a subject of 10,000 characters with the token in front",
        mail(f"{TOKEN[SALES]} " + "x" * 10_000),
        BY_TOKEN,
    ),
    scenario(
        "a subject of nothing but near tokens", mail(f"[{SALES} aaaaaaaa] " * 40 + TOKEN[SALES]), TRIAGE
    ),
    scenario("a token in the sender's name", mail("Hello", sender=f'"{TOKEN[SALES]}" <{JOE}>'), TRIAGE),
    scenario("a second subject field", mail("Hello", f"Subject: {TOKEN[SALES]} x"), TRIAGE),
    scenario("nulls in the references", mail("Re: x", f"References: <\x00> <{SENT[SALES]}>"), BY_REFERENCE),
    scenario("nothing at all", b"\n", TRIAGE),
]
