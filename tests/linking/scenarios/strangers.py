"""What could put a mail into a wrong incident: guesses, collisions, contradictions, forgeries."""

from __future__ import annotations

from tests.linking.scenarios.world import (
    ANSWERED,
    FIN,
    HR,
    MERGED,
    SALES,
    SALES_TOO,
    SENT,
    TOKEN,
    TRIAGE,
    Scenario,
    mail,
    scenario,
)

REPLY = f"In-Reply-To: <{SENT[SALES]}>"
BY_REFERENCE, BY_TOKEN = f"{SALES} reference", f"{SALES} token"
STRANGER = "unverifiedSender"
JOE = "joe@stranger.example"
SIGNATURE = TOKEN[SALES].strip("[]").split()[1]
FAIL = "mx.corp.example; dmarc=fail"


def answer(to: str, message_id: str, sender: str = "sam@sales.example") -> bytes:
    return mail("Re: x", f"In-Reply-To: <{to}>", sender=sender, message_id=f"<{message_id}>")


SCENARIOS: list[Scenario] = [
    scenario("a number without a signature", mail(f"About {SALES}"), TRIAGE),
    scenario("a guessed signature", mail(f"[{SALES} aaaaaaaa] x"), TRIAGE),
    scenario("another incident's signature", mail(f"[{SALES_TOO} {SIGNATURE}] x"), TRIAGE),
    scenario("a signature with one letter too many", mail(f"[{SALES} {SIGNATURE}a] x"), TRIAGE),
    scenario("an id with one character too many", mail(f"[{SALES}0 {SIGNATURE}] x"), TRIAGE),
    scenario("a token of an incident that nobody knows", mail(f"{TOKEN['INC-7777']} x"), TRIAGE),
    scenario(
        "a guessed number from a unit",
        mail(f"[{HR} aaaaaaaa] x", sender="eve@fin.example"),
        f"{FIN} businessUnit",
        "suggested",
    ),
    scenario(
        "a stranger with a token that he saw", mail(f"Re: {TOKEN[SALES]} x", sender=JOE), BY_TOKEN, STRANGER
    ),
    scenario(
        "a stranger with a Message-ID that he saw", mail("Hi", REPLY, sender=JOE), BY_REFERENCE, STRANGER
    ),
    scenario("a forged sender in the thread", mail("Re: x", REPLY, seen=FAIL), BY_REFERENCE, STRANGER),
    scenario("a forged sender with a token", mail(f"Re: {TOKEN[SALES]} x", seen=FAIL), BY_TOKEN, STRANGER),
    scenario(
        "a forged sender of a unit", mail("Hello", sender="eve@fin.example", seen=FAIL), TRIAGE, STRANGER
    ),
    scenario(
        "a forged sender in the conversation",
        mail("Re: x", seen=FAIL),
        TRIAGE,
        STRANGER,
        conversation=f"conversation {SALES}",
    ),
    scenario(
        "a stranger whose words collide with a conversation",
        mail("Strange login", sender=JOE),
        TRIAGE,
        conversation=f"conversation {SALES}",
    ),
    scenario(
        "somebody of another unit whose words collide with a conversation",
        mail("Strange login", sender="eve@fin.example"),
        f"{FIN} businessUnit",
        "suggested",
        conversation=f"conversation {SALES}",
    ),
    scenario(
        "a conversation in which two incidents are",
        mail("Re: x"),
        TRIAGE,
        conversation=f"conversation {SALES}",
        others=(answer(SENT[SALES_TOO], "two@sales.example"),),
    ),
    scenario(
        "a token against a reference: the reference, and the analyst sees both",
        mail(f"Re: {TOKEN[SALES_TOO]} x", REPLY),
        BY_REFERENCE,
        "contradicted",
    ),
    scenario("two tokens of two incidents", mail(f"Re: {TOKEN[SALES]} {TOKEN[SALES_TOO]} x"), TRIAGE),
    scenario(
        "two tokens of two incidents and a reference",
        mail(f"Re: {TOKEN[SALES_TOO]} {TOKEN[SALES]} x", REPLY),
        BY_REFERENCE,
        "contradicted",
    ),
    scenario(
        "tokens of an incident and of one merged into it",
        mail(f"{TOKEN[FIN]} {TOKEN[MERGED]} x", sender="eve@fin.example"),
        f"{FIN} token",
    ),
    scenario(
        "a token of a merged incident", mail(f"{TOKEN[MERGED]} x", sender="eve@fin.example"), f"{FIN} token"
    ),
    scenario(
        "In-Reply-To and References of two incidents: the former",
        mail("Re: x", REPLY, f"References: <{SENT[SALES_TOO]}>"),
        BY_REFERENCE,
    ),
    scenario(
        "References of two incidents: the last",
        mail("Re: x", f"References: <{SENT[SALES_TOO]}> <{SENT[SALES]}>"),
        BY_REFERENCE,
    ),
    scenario(
        "one Message-ID for two mails of two incidents says nothing",
        mail("Re: x", "In-Reply-To: <same@sales.example>"),
        TRIAGE,
        others=(
            answer(SENT[SALES], "same@sales.example"),
            answer(SENT[SALES_TOO], "same@sales.example", "sue@sales.example"),
        ),
    ),
    scenario(
        "one Message-ID for two mails of one incident",
        mail("Re: x", "In-Reply-To: <same@sales.example>"),
        BY_REFERENCE,
        others=(
            answer(SENT[SALES], "same@sales.example"),
            answer(ANSWERED, "same@sales.example", "sue@sales.example"),
        ),
    ),
    scenario("a mail that names itself", mail("x", "In-Reply-To: <new@client.example>"), TRIAGE),
    scenario(
        "two mails that name each other",
        mail("x", "In-Reply-To: <other@client.example>"),
        TRIAGE,
        others=(answer("new@client.example", "other@client.example"),),
    ),
    scenario(
        "two mails that name each other, one answers us",
        mail("x", "In-Reply-To: <other@client.example>"),
        TRIAGE,
        others=(
            mail(
                "y", f"References: <new@client.example> <{SENT[SALES]}>", message_id="<other@client.example>"
            ),
        ),
    ),
    scenario(
        "an id that differs in the case of its left part",
        mail("Re: x", f"In-Reply-To: <{ANSWERED.upper()}>"),
        TRIAGE,
    ),
    scenario(
        "an id that only begins like ours",
        mail("Re: x", f"In-Reply-To: <{SENT[SALES]}.attacker.example>"),
        TRIAGE,
    ),
]
