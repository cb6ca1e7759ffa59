"""What gateways, filters, list software and ticket systems do to a mail on its way."""

from __future__ import annotations

import base64

from tests.linking.scenarios.world import FIN, SALES, SENT, TOKEN, TRIAGE, Scenario, mail, scenario

TOKEN_TEXT = TOKEN[SALES]
ID, SIGNATURE = TOKEN_TEXT.strip("[]").split()
BY_REFERENCE, BY_TOKEN = f"{SALES} reference", f"{SALES} token"
REPLY = f"In-Reply-To: <{SENT[SALES]}>"


def words(text: str, charset: str = "utf-8") -> str:
    """An RFC 2047 encoded word."""
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


def wide(text: str) -> str:
    """Full-width letters and digits, as East Asian systems write them."""
    return "".join(chr(ord(one) + 0xFEE0) if one.isalnum() else one for one in text)


SUBJECTS = {
    "tagged [EXTERNAL]": f"[EXTERNAL] RE: {TOKEN_TEXT} Strange login",
    "tagged behind the prefix": f"RE: [EXT] {TOKEN_TEXT} Strange login",
    "tagged as spam": f"***SPAM*** Re: {TOKEN_TEXT} Strange login",
    "tagged in front of the token without a blank": f"[EXTERNAL]{TOKEN_TEXT} Strange login",
    "tagged by a list": f"[sales-list] Re: {TOKEN_TEXT} Strange login",
    "numbered by a ticket system": f"[Ticket#2026112410000017] Re: {TOKEN_TEXT} Strange login",
    "in capitals": f"RE: {TOKEN_TEXT} STRANGE LOGIN".upper(),
    "in small letters": f"re: {TOKEN_TEXT} strange login".lower(),
    "folded inside the token": f"RE: [{ID}\n {SIGNATURE}] Strange login",
    "folded with a tab": f"RE: [{ID}\n\t{SIGNATURE}] Strange login",
    "with more blanks in the token": f"RE: [{ID}   {SIGNATURE}] Strange login",
    "with a no-break space in the token": f"RE: [{ID}\u00a0{SIGNATURE}] Strange login",
    "without the brackets": f"RE: {ID} {SIGNATURE} Strange login",
    "with the closing bracket lost": f"RE: [{ID} {SIGNATURE}",
    "with other brackets": f"RE: ({ID} {SIGNATURE}) Strange login",
    "in quotation marks": f'Re: "{TOKEN_TEXT} Strange login"',
    "in full-width letters": f"RE: [{wide(ID)} {wide(SIGNATURE)}] Strange login",
    "as one encoded word": words(f"RE: {TOKEN_TEXT} Str\u00e4nge login"),
    "as encoded words cut inside the token": f"{words(f'RE: [{ID} ')}\n {words(f'{SIGNATURE}] Strange')}",
    "in a charset of old": words(f"AW: {TOKEN_TEXT} Anmeldung f\u00fcr PC-4", "iso-8859-1"),
    "with the token twice": f"RE: {TOKEN_TEXT} FW: {TOKEN_TEXT} Strange login",
    "with the token at the end": f"Strange login {TOKEN_TEXT}",
    "as raw bytes of Windows-1252": f"AW: {TOKEN_TEXT} Anmeldung f\udcfcr PC-4",
}
LIST = ["List-Id: <sales.lists.example>", "Precedence: list", "X-Mailman-Version: 2.1.39"]
FOOTER = (
    "--b\nContent-Type: text/plain\n\nIt was me.\n--b\nContent-Type: text/plain\n"
    "Content-Disposition: inline\n\n_____\nSales mailing list\n--b--\n"
)

SCENARIOS: list[Scenario] = [
    *(scenario(f"subject {name}", mail(subject), BY_TOKEN) for name, subject in SUBJECTS.items()),
    scenario("a gateway that removes References", mail(f"RE: {TOKEN_TEXT} x", "X-Gateway: 1"), BY_TOKEN),
    scenario(
        "a gateway that writes references of its own",
        mail(f"RE: {TOKEN_TEXT} x", "In-Reply-To: <1@gw.example>", "References: <1@gw.example>"),
        BY_TOKEN,
    ),
    scenario(
        "a gateway that replaces subjects",
        mail("A secure message for you", REPLY),
        BY_REFERENCE,
    ),
    scenario(
        "a list that leaves the sender", mail(f"[sales] Re: {TOKEN_TEXT} x", REPLY, *LIST), BY_REFERENCE
    ),
    scenario(
        "a list that adds a footer",
        mail("[sales] Re: x", REPLY, *LIST, content_type="multipart/mixed; boundary=b", text=FOOTER),
        BY_REFERENCE,
    ),
    scenario(
        "a list that puts itself for the sender",
        mail("[sales] Re: x", REPLY, *LIST, sender="Sam Reed via Sales <sales@lists.example>"),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a list that breaks the signature",
        mail("[sales] Re: x", REPLY, *LIST, seen="mx.corp.example; dmarc=fail"),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a ticket system that answers for Sales",
        mail(f"[#77] {TOKEN_TEXT} x", "Auto-Submitted: no", sender="Desk <desk@helpdesk.example>"),
        BY_TOKEN,
        "unverifiedSender",
    ),
    scenario(
        "what the sender himself writes about DMARC counts for nothing",
        mail(
            "RE: x",
            REPLY,
            "Authentication-Results: mx.corp.example; dmarc=pass",
            seen="mx.corp.example; dmarc=fail",
        ),
        BY_REFERENCE,
        "unverifiedSender",
    ),
    scenario(
        "a failure that a stranger's server tells counts for nothing",
        mail("RE: x", REPLY, seen="mx.other.example; dmarc=fail"),
        BY_REFERENCE,
    ),
    scenario(
        "internal mail",
        mail("RE: x", REPLY, "X-MS-Exchange-Organization-AuthAs: Internal", seen=""),
        BY_REFERENCE,
    ),
    scenario(
        "dmarc=fail and no more than a unit",
        mail("Hello", sender="eve@fin.example", seen="mx.corp.example; dmarc=fail"),
        TRIAGE,
        "unverifiedSender",
    ),
    scenario(
        "of a unit with one open incident",
        mail("Hello", sender="eve@fin.example"),
        f"{FIN} businessUnit",
        "suggested",
    ),
]
