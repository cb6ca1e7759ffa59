"""Answers as mail programs write them. Two incidents of Sales are open: only evidence can tell them apart."""

from __future__ import annotations

from domain.mail import MailKind
from tests.linking.scenarios.world import ANSWERED, SALES, SENT, TOKEN, TRIAGE, Scenario, mail, scenario

REPLY = f"In-Reply-To: <{SENT[SALES]}>"
REFERENCES = f"References: <{SENT[SALES]}>"
RE = f"RE: {TOKEN[SALES]} Strange login"
BY_REFERENCE, BY_TOKEN = f"{SALES} reference", f"{SALES} token"
MANY = " ".join(f"<{number}@list.example>" for number in range(60))

SIGNED = (
    "--b\nContent-Type: text/plain\n\nIt was me.\n--b\n"
    "Content-Type: application/pkcs7-signature; name=smime.p7s\n\nMA==\n--b--\n"
)
TNEF = (
    "--b\nContent-Type: text/plain\n\nIt was me.\n--b\n"
    "Content-Type: application/ms-tnef; name=winmail.dat\n\nx\n--b--\n"
)

SCENARIOS: list[Scenario] = [
    scenario(
        "Outlook on Windows",
        mail(
            RE,
            REPLY,
            REFERENCES,
            "Thread-Topic: Strange login",
            "Thread-Index: AQHdEjQ=",
            "Content-Language: en-GB",
        ),
        BY_REFERENCE,
    ),
    scenario(
        "Outlook on the Mac",
        mail(RE, REFERENCES, REPLY, "user-agent: Microsoft-MacOutlook/16.89"),
        BY_REFERENCE,
    ),
    scenario(
        "Outlook on the web",
        mail(RE, REFERENCES, REPLY, message_id="<AM0PR01MB1@AM0PR01MB1.eurprd01.prod.outlook.example>"),
        BY_REFERENCE,
    ),
    scenario("Outlook on iOS", mail(RE, REPLY, REFERENCES, "X-MS-Has-Attach:"), BY_REFERENCE),
    scenario("Outlook on Android, References alone", mail(RE, REFERENCES), BY_REFERENCE),
    scenario(
        "Outlook through a server that drops References",
        mail(RE, "Thread-Index: AQHdEjQ=", "X-MS-TNEF-Correlator:"),
        BY_TOKEN,
    ),
    scenario(
        "Outlook, the token deleted by hand, but in the conversation",
        mail("RE: Strange login", "Thread-Index: AQHdEjQ="),
        f"{SALES} conversation",
        conversation=f"conversation {SALES}",
    ),
    scenario("Outlook, the subject written anew", mail("It was me", REPLY, REFERENCES), BY_REFERENCE),
    scenario(
        "Outlook with winmail.dat",
        mail(RE, REPLY, content_type="multipart/mixed; boundary=b", text=TNEF),
        BY_REFERENCE,
    ),
    scenario(
        "Windows 10 Mail", mail(RE, REPLY, REFERENCES, "X-Mailer: Microsoft Windows Mail"), BY_REFERENCE
    ),
    scenario(
        "Apple Mail",
        mail(f"Re: {TOKEN[SALES]} Strange login", REFERENCES, REPLY, "X-Mailer: Apple Mail (2.3826.200.121)"),
        BY_REFERENCE,
    ),
    scenario(
        "Apple Mail, an id with a comment behind it",
        mail("Re: x", f"In-Reply-To: <{SENT[SALES]}> (SOC's message of Tue, 24 Nov)"),
        BY_REFERENCE,
    ),
    scenario(
        "iPhone Mail",
        mail("Re: Strange login", REFERENCES, REPLY, "X-Mailer: iPhone Mail (22B83)"),
        BY_REFERENCE,
    ),
    scenario(
        "Gmail on the web",
        mail(RE, REFERENCES, REPLY, message_id="<CAPx+5eV=abc@mail.gmail.example>"),
        BY_REFERENCE,
    ),
    scenario(
        "Gmail on Android, a second answer in the thread",
        mail(RE, f"In-Reply-To: <{ANSWERED}>", f"References: <{SENT[SALES]}> <{ANSWERED}>"),
        BY_REFERENCE,
    ),
    scenario(
        "Thunderbird",
        mail(
            RE, REFERENCES, REPLY, "User-Agent: Mozilla Thunderbird", content_type="text/plain; format=flowed"
        ),
        BY_REFERENCE,
    ),
    scenario(
        "Notes, with references of its own",
        mail(
            f"Antwort: {TOKEN[SALES]} Strange login",
            REPLY,
            f"References: <OF1-ON2@sales.example> <{SENT[SALES]}>",
        ),
        BY_REFERENCE,
    ),
    scenario(
        "Notes, without any",
        mail(f"Antwort: {TOKEN[SALES]} Strange login", "X-Mailer: Lotus Notes"),
        BY_TOKEN,
    ),
    scenario(
        "GroupWise", mail(f"Antw: {TOKEN[SALES]} Strange login", "X-Mailer: Novell GroupWise"), BY_TOKEN
    ),
    scenario("Zimbra", mail(RE, REPLY, REFERENCES, "Thread-Topic: x", "X-Mailer: Zimbra 9.0"), BY_REFERENCE),
    scenario("Roundcube", mail(RE, REPLY, REFERENCES, "User-Agent: Roundcube Webmail/1.6"), BY_REFERENCE),
    scenario("Horde, an id without brackets", mail("Re: x", f"In-Reply-To: {SENT[SALES]}"), BY_REFERENCE),
    scenario("mutt", mail("Re: x", REFERENCES, REPLY, "User-Agent: Mutt/2.2"), BY_REFERENCE),
    scenario(
        "Pine, words around the id",
        mail("Re: x", f'In-Reply-To: Your message of "Tue, 24 Nov 2026" <{SENT[SALES]}>'),
        BY_REFERENCE,
    ),
    scenario(
        "Samsung Email, references folded",
        mail("Re: x", f"References: <a@sales.example>\n\t<b@sales.example>\n\t<{SENT[SALES]}>"),
        BY_REFERENCE,
    ),
    scenario("K-9 Mail", mail(RE, REPLY, REFERENCES, "User-Agent: K-9 Mail"), BY_REFERENCE),
    scenario(
        "BlackBerry, the subject alone",
        mail(f"Re: {TOKEN[SALES]} Strange login", "X-Mailer: BlackBerry"),
        BY_TOKEN,
    ),
    scenario(
        "Yahoo, references run together",
        mail("Re: x", f"References: <a@b.example><{SENT[SALES]}>"),
        BY_REFERENCE,
    ),
    scenario("Proton", mail("Re: x", REFERENCES, REPLY, "X-Pm-Message-ID: abc"), BY_REFERENCE),
    scenario("Evolution", mail(RE, REPLY, REFERENCES, "X-Mailer: Evolution 3.54"), BY_REFERENCE),
    scenario(
        "eM Client", mail(RE, REPLY, REFERENCES, "Reply-To: Sam Reed <sam@sales.example>"), BY_REFERENCE
    ),
    scenario(
        "a client that writes the domain large",
        mail("Re: x", REPLY.replace("corp.example", "CORP.Example")),
        BY_REFERENCE,
    ),
    scenario(
        "a client that writes blanks into ids", mail("Re: x", f"In-Reply-To: < {SENT[SALES]} >"), BY_REFERENCE
    ),
    scenario(
        "two ids in In-Reply-To", mail("Re: x", f"In-Reply-To: <x@y.example> <{SENT[SALES]}>"), BY_REFERENCE
    ),
    scenario(
        "a long thread that began with us", mail("Re: x", f"References: <{SENT[SALES]}> {MANY}"), BY_REFERENCE
    ),
    scenario(
        "a long thread that ends with us", mail("Re: x", f"References: {MANY} <{SENT[SALES]}>"), BY_REFERENCE
    ),
    scenario(
        "an answer to an answer that we have", mail("Re: x", f"In-Reply-To: <{ANSWERED}>"), BY_REFERENCE
    ),
    scenario(
        "an answer to one that we have not",
        mail(
            "Re: x",
            "In-Reply-To: <inner@sales.example>",
            f"References: <{SENT[SALES]}> <inner@sales.example>",
        ),
        BY_REFERENCE,
    ),
    scenario("HTML alone", mail(RE, REPLY, content_type="text/html", text="<p>It was me.</p>"), BY_REFERENCE),
    scenario(
        "signed (S/MIME)",
        mail(RE, REPLY, content_type="multipart/signed; protocol=x; boundary=b", text=SIGNED),
        BY_REFERENCE,
        kind=MailKind.SIGNED,
    ),
    scenario(
        "encrypted (S/MIME)",
        mail("Re: ...", REPLY, content_type="application/pkcs7-mime; smime-type=enveloped-data", text="MA=="),
        BY_REFERENCE,
        kind=MailKind.ENCRYPTED,
    ),
    scenario(
        "a client that keeps the token only in the middle", mail(f"Sam: about {TOKEN[SALES]}, done"), BY_TOKEN
    ),
    scenario("a client that cut the end of the subject", mail(f"Re: {TOKEN[SALES]} Stra..."), BY_TOKEN),
    scenario(
        "a client that cut the token, with references", mail(f"Re: {TOKEN[SALES][:14]}", REPLY), BY_REFERENCE
    ),
    scenario("a client that cut the token, without any", mail(f"Re: {TOKEN[SALES][:14]}"), TRIAGE),
    scenario("a new mail about it, without anything", mail("Strange login"), TRIAGE),
]
