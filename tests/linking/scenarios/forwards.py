"""Passed on, redirected, sent again, sent by somebody else in one's name; and what people of a business unit
and of the mailbox write by themselves."""

from __future__ import annotations

from tests.linking.scenarios.world import (
    ANSWERED,
    CLOSED,
    FIN,
    HR,
    LATER,
    SALES,
    SENT,
    TOKEN,
    TRIAGE,
    UNTRIAGED,
    Scenario,
    mail,
    scenario,
)

REPLY = f"In-Reply-To: <{SENT[SALES]}>"
BY_REFERENCE, BY_TOKEN = f"{SALES} reference", f"{SALES} token"
ATTACHED = (
    "--b\nContent-Type: text/plain\n\nSee the attached.\n--b\nContent-Type: message/rfc822\n\n"
    f"From: x@vendor.example\nSubject: {TOKEN[SALES]} x\nMessage-ID: <v@vendor.example>\n"
    f"In-Reply-To: <{SENT[SALES]}>\n\nHi\n--b--\n"
)
QUOTED = f"Look.\n\n-----Original Message-----\nFrom: SOC\nSubject: {TOKEN[SALES]} Login\n\nPlease check.\n"

SCENARIOS: list[Scenario] = [
    scenario(
        "forwarded by Outlook", mail(f"FW: {TOKEN[SALES]} x", f"References: <{SENT[SALES]}>"), BY_REFERENCE
    ),
    scenario(
        "forwarded by Gmail",
        mail(f"Fwd: {TOKEN[SALES]} x", "X-Forwarded-Message-Id: <a@b.example>"),
        BY_TOKEN,
    ),
    scenario(
        "forwarded by Thunderbird", mail(f"Fwd: {TOKEN[SALES]} x", f"References: <{ANSWERED}>"), BY_REFERENCE
    ),
    scenario("forwarded inline, the token in the text alone", mail("FW: Strange login", text=QUOTED), TRIAGE),
    scenario(
        "forwarded as an attachment: the attached mail's names are not this one's",
        mail("FW: something odd", content_type="multipart/mixed; boundary=b", text=ATTACHED),
        TRIAGE,
    ),
    scenario(
        "forwarded by a stranger who got it from Sales",
        mail(f"FW: {TOKEN[SALES]} x", sender="joe@stranger.example"),
        BY_TOKEN,
        "unverifiedSender",
    ),
    scenario(
        "redirected by a rule: the first sender stays",
        mail(
            "Invoice",
            "Resent-From: <sam@sales.example>",
            "X-MS-Exchange-Inbox-Rules-Loop: sam@sales.example",
            sender="billing@vendor.example",
        ),
        TRIAGE,
    ),
    scenario(
        "redirected by a rule: an answer to us",
        mail("Re: x", REPLY, "Resent-From: <sam@sales.example>", sender="billing@vendor.example"),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "sent again by hand",
        mail("Re: x", REPLY, "Resent-From: sam@sales.example", "Resent-Message-ID: <again@sales.example>"),
        BY_REFERENCE,
    ),
    scenario(
        "forwarded by a server that changes the envelope alone",
        mail("Re: x", REPLY, "Return-Path: <SRS0=ab=cd=sales.example=sam@forward.example>"),
        BY_REFERENCE,
    ),
    scenario(
        "an assistant in the name of his head",
        mail("Re: x", REPLY, "Sender: Kim <assistant@sales.example>"),
        BY_REFERENCE,
    ),
    scenario(
        "a stranger's system in the name of Sales",
        mail("Re: x", REPLY, "Sender: bulk@service.example", seen="mx.corp.example; dmarc=fail"),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a Sender alone",
        mail("Re: x", REPLY, "Sender: sam@sales.example", sender=""),
        BY_REFERENCE,
    ),
    scenario(
        "answered from a private address",
        mail("Re: x", REPLY, sender="sam@home.example"),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a partner to whom we wrote too",
        mail("Re: x", REPLY, sender="Pat <PAT@partner.example>"),
        BY_REFERENCE,
    ),
    scenario(
        "a partner whose mail nobody authenticated",
        mail("Re: x", REPLY, sender="pat@partner.example", seen=""),
        BY_REFERENCE,
    ),
    scenario("a colleague of Sam", mail("Re: x", REPLY, sender="sue@sales.example"), BY_REFERENCE),
    scenario(
        "somebody of another unit",
        mail("Re: x", REPLY, sender="eve@fin.example"),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a sub-address", mail("Hello", sender="lead+alerts@people.example"), f"{HR} businessUnit", "suggested"
    ),
    scenario(
        "an address in capitals", mail("Hello", sender="EVE@FIN.EXAMPLE"), f"{FIN} businessUnit", "suggested"
    ),
    scenario("a sub-domain", mail("Hello", sender="max@it.hr.example"), f"{HR} businessUnit", "suggested"),
    scenario(
        "one address of a unit",
        mail("Hello", sender="lead@people.example"),
        f"{HR} businessUnit",
        "suggested",
    ),
    scenario("its neighbour at the same domain", mail("Hello", sender="other@people.example"), TRIAGE),
    scenario(
        "a domain with an umlaut",
        mail("Re: x", REPLY, sender="sam@b\u00fccher.example"),
        BY_REFERENCE,
    ),
    scenario(
        "a domain with an umlaut in its A-label",
        mail("Re: x", REPLY, sender="sam@xn--bcher-kva.example"),
        BY_REFERENCE,
    ),
    scenario("a domain that only ends like a unit's", mail("Hello", sender="eve@notfin.example"), TRIAGE),
    scenario(
        "a unit's domain inside another", mail("Hello", sender="eve@fin.example.attacker.example"), TRIAGE
    ),
    scenario(
        "a unit's address as the display name",
        mail("Hello", sender='"eve@fin.example" <x@attacker.example>'),
        TRIAGE,
    ),
    scenario(
        "a stranger with a unit in copy",
        mail("Hello", "Cc: eve@fin.example", sender="joe@stranger.example"),
        TRIAGE,
    ),
    scenario("a unit without incidents", mail("Hello", sender="lee@legal.example"), TRIAGE),
    scenario("a unit whose incident is closed", mail("Hello", sender="olga@ops.example"), TRIAGE),
    scenario(
        "an answer in a closed incident's thread",
        mail("Re: x", f"In-Reply-To: <{SENT[CLOSED]}>", sender="olga@ops.example"),
        f"{CLOSED} reference",
    ),
    scenario(
        "an incident opened 71 hours later",
        mail("Hello", sender="a@lab.example"),
        f"{LATER} businessUnit",
        "suggested",
    ),
    scenario("an incident opened 73 hours later", mail("Hello", sender="a@yard.example"), TRIAGE),
    scenario(
        "an incident that nobody has looked at yet",
        mail("Hello", sender="a@plant.example"),
        f"{UNTRIAGED} businessUnit",
        "suggested",
    ),
    scenario(
        "an analyst answers from Outlook",
        mail(
            "RE: x",
            f"In-Reply-To: <{ANSWERED}>",
            sender="SOC <soc@corp.example>",
            to="sam@sales.example",
            seen="",
        ),
        BY_REFERENCE,
    ),
    scenario(
        "an analyst begins from Outlook: who it goes to places nothing",
        mail("Question", sender="SOC <soc@corp.example>", to="eve@fin.example", seen=""),
        TRIAGE,
    ),
    scenario(
        "a stranger writes with the mailbox's own address, and nobody checks it",
        mail(
            "Re: x",
            REPLY,
            "X-MS-Exchange-Organization-AuthAs: Anonymous",
            sender="SOC <soc@corp.example>",
            seen="",
        ),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a stranger writes with the mailbox's own address",
        mail(
            "Re: x",
            REPLY,
            "X-MS-Exchange-Organization-AuthAs: Anonymous",
            sender="SOC <soc@corp.example>",
            seen="mx.corp.example; dmarc=fail",
        ),
        BY_REFERENCE,
        "unverifiedSender",
    ),
]
