"""Where mails of real clients, gateways and people's habits end: in the right incident, or in triage."""

from __future__ import annotations

import pytest

from tests.linking.client_world import (
    FIN_ANSWER,
    OTHER_SENT,
    OTHER_TOKEN,
    SENT,
    TOKEN,
    message,
    place,
)

PREFIXES = {
    "English": "Re:",
    "English upper": "RE:",
    "German": "AW:",
    "German forward": "WG:",
    "Swedish": "SV:",
    "Danish": "SV:",
    "Norwegian forward": "VS:",
    "Finnish": "VS:",
    "Dutch": "Antw:",
    "French": "RE :",
    "French Outlook": "TR :",
    "Spanish": "RV:",
    "Portuguese": "RES:",
    "Portuguese forward": "ENC:",
    "Italian": "R:",
    "Italian forward": "I:",
    "Polish": "Odp:",
    "Polish forward": "PD:",
    "Turkish": "YNT:",
    "Turkish forward": "\u0130LT:",
    "Hungarian": "V\u00e1:",
    "Czech": "Odp:",
    "Greek": "\u0391\u03a0:",
    "Greek forward": "\u03a0\u03a1\u0398:",
    "Hebrew": "\u05d4\u05e9\u05d1:",
    "Russian": "\u041d\u0410:",
    "Chinese": "\u56de\u590d\uff1a",
    "Chinese short": "\u7b54\u590d:",
    "Japanese": "Re\uff1a",
    "Korean": "\ud68c\uc2e0:",
    "Romanian": "R\u0103sp:",
    "Icelandic": "Svar:",
    "Notes": "Re[2]:",
    "The Bat": "Re(3):",
}
TOKEN_SIGNATURE = TOKEN[-9:-1]


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES.keys())
def test_an_answer_without_any_header_is_linked_by_its_token(prefix: str) -> None:
    found = place(message(Subject=f"{prefix} {TOKEN} Server down"))
    assert (found.incident, found.rule, found.state) == ("INC-1042", "token", "linked")


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES.keys())
def test_an_answer_with_another_subject_is_linked_by_what_it_answers(prefix: str) -> None:
    found = place(message(Subject=f"{prefix} something else", In_Reply_To=SENT, References=SENT))
    assert (found.incident, found.rule, found.verified) == ("INC-1042", "reference", "yes")


LINKED = {
    "Outlook on Windows: In-Reply-To, References, Thread-Index": {
        "Subject": "RE: Server",
        "In_Reply_To": SENT,
        "References": SENT,
        "Thread_Index": "AdABCDEF",
    },
    "Outlook on the web: References folded over lines": {
        "Subject": "Re: Server",
        "References": f"<first@fin.example>\n {SENT}",
    },
    "Outlook for Mac: In-Reply-To alone": {"Subject": "Re: Server", "In_Reply_To": SENT},
    "Outlook mobile: subject cut, references kept": {"Subject": "Re: Ser", "In_Reply_To": SENT},
    "Apple Mail: In-Reply-To and a long chain": {
        "In_Reply_To": FIN_ANSWER,
        "References": f"{SENT} {FIN_ANSWER}",
        "Subject": "Re: Server",
    },
    "Gmail: References of the whole thread": {
        "References": " ".join(["<1@x.example>", "<2@x.example>", SENT]),
        "Subject": "Re: Server",
    },
    "Thunderbird: References without spaces": {"References": f"<1@x.example>{SENT}", "Subject": "Re: Server"},
    "Notes: References separated by commas": {"References": f"<1@x.example>,{SENT}", "Subject": "Re: Server"},
    "In-Reply-To with words around the id": {
        "In_Reply_To": f'Message from soc of "Tue" {SENT}',
        "Subject": "Re: Server",
    },
    "In-Reply-To with a comment": {"In_Reply_To": f"(your mail) {SENT}", "Subject": "Re: Server"},
    "host of the id in another case": {"In_Reply_To": SENT.replace("corp.example", "CORP.example")},
    "an answer to a colleague's answer": {"In_Reply_To": FIN_ANSWER},
    "the answer names an unknown mail first": {"In_Reply_To": "<lost@fin.example>", "References": SENT},
    "64 KiB of References, ours last": {
        "References": " ".join([*(f"<{n:06}@list.example>" for n in range(2_500)), SENT])
    },
    "64 KiB of References, ours first": {
        "References": " ".join([SENT, *(f"<{n:06}@list.example>" for n in range(2_500))])
    },
    "list software rewrites From, keeps references": {
        "From": '"Ann via list" <ann@fin.example>',
        "List_Id": "<x.fin.example>",
        "Precedence": "list",
        "In_Reply_To": SENT,
    },
    "gateway tag before the token": {"Subject": f"[EXTERNAL] {TOKEN} Server"},
    "gateway tag and prefix around the token": {"Subject": f"[EXT] Re: [SPAM?] {TOKEN} Server"},
    "gateway makes subjects lower case": {"Subject": f"re: {TOKEN.lower()} server"},
    "gateway makes subjects upper case": {"Subject": f"RE: {TOKEN.upper()} SERVER"},
    "folded within the token": {"Subject": f"Re: [INC-1042\n {TOKEN_SIGNATURE}] Server"},
    "encoded word over the whole subject": {
        "Subject": "=?utf-8?Q?Re=3A_=5BINC-1042_" + TOKEN_SIGNATURE + "=5D_caf=C3=A9?="
    },
    "encoded words cut within the token": {
        "Subject": "=?utf-8?Q?Re=3A_=5BINC-1042?= =?utf-8?Q?_" + TOKEN_SIGNATURE + "=5D?="
    },
    "mobile client lost the closing bracket": {"Subject": f"Re: [INC-1042 {TOKEN_SIGNATURE}"},
    "token in the middle": {"Subject": f"Question about {TOKEN}, please"},
    "token twice": {"Subject": f"Re: {TOKEN} Fwd: {TOKEN}"},
    "non-breaking space in the token": {"Subject": f"Re: [INC-1042\u00a0{TOKEN_SIGNATURE}]"},
    "a forward into the thread keeps the token": {"Subject": f"Fwd: {TOKEN} Server"},
    "redirected: Resent fields, first sender kept": {
        "Resent_From": "bob@fin.example",
        "Resent_To": "soc@corp.example",
        "In_Reply_To": SENT,
    },
    "delegated sender": {"Sender": "assistant@fin.example", "In_Reply_To": SENT},
    "reply-to elsewhere": {"Reply_To": "team@fin.example", "In_Reply_To": SENT},
    "sub-addressed sender": {"From": "ann+work@fin.example", "In_Reply_To": SENT},
    "sender in another case": {"From": "ANN@FIN.EXAMPLE", "In_Reply_To": SENT},
    "date of 1970": {"Date": "Thu, 01 Jan 1970 00:00:00 +0000", "In_Reply_To": SENT},
    "date in the future": {"Date": "Fri, 01 Jan 2100 00:00:00 +0000", "In_Reply_To": SENT},
    "no date at all": {"Date": "", "In_Reply_To": SENT},
    "no Message-ID": {"Message_ID": "", "In_Reply_To": SENT},
    "no subject": {"Subject": "", "In_Reply_To": SENT},
    "thousand recipients": {
        "To": ", ".join(f"p{n}@other.example" for n in range(1_000)),
        "In_Reply_To": SENT,
    },
    "raw 8-bit in the subject": {"Subject": "Re: caf\udce9", "In_Reply_To": SENT},
}


@pytest.mark.parametrize("headers", LINKED.values(), ids=LINKED.keys())
def test_mail_of_the_thread_is_in_its_incident(headers: dict[str, str]) -> None:
    found = place(message(**headers))
    assert (found.incident, found.state) == ("INC-1042", "linked")
    assert found.verified == "yes"


NOT_THERE = {
    "an unsigned number": {"Subject": "Re: [INC-7] Server"},
    "a guessed signature": {"Subject": "Re: [INC-7 aaaaaaaa] Server"},
    "a signature of another incident": {"Subject": f"Re: [INC-7 {TOKEN_SIGNATURE}] Server"},
    "a cut signature": {"Subject": f"Re: {OTHER_TOKEN[:-3]}"},
    "an empty In-Reply-To": {"In_Reply_To": "<>", "Subject": "Re: Phishing"},
    "an In-Reply-To of nobody": {"In_Reply_To": "<nobody@hr.example>", "Subject": "Re: Phishing"},
    "the local part alone": {"In_Reply_To": "<n2.77b0e1>", "Subject": "Re: Phishing"},
    "another host": {"In_Reply_To": "<n2.77b0e1@evil.example>", "Subject": "Re: Phishing"},
    "the subject alone": {"Subject": "Re: Phishing"},
    "the number in the body alone": {"body": f"about INC-7 {OTHER_TOKEN[:6]}", "Subject": "Question"},
    "tokens of two incidents": {"Subject": f"Re: {TOKEN} {OTHER_TOKEN}"},
    "Thread-Index of another thread": {"Thread_Index": "AdABCDEF", "Thread_Topic": "Phishing"},
}


@pytest.mark.parametrize("headers", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_what_proves_nothing_links_nobody_elses_incident(headers: dict[str, str]) -> None:
    found = place(message(**headers))
    # Ann's unit is impacted by INC-1042 alone: that is suggested, and never INC-7.
    assert (found.incident, found.rule, found.state) == ("INC-1042", "businessUnit", "suggested")


TRIAGE = {
    "a unit with no open incident": {"From": "x@it.example"},
    "a stranger without anything": {"From": "x@elsewhere.example"},
    "mail that fails DMARC is not suggested": {
        "Authentication_Results": "mx.corp.example; dmarc=fail",
        "Subject": "Question",
    },
    "a conversation's subject and a stranger": {"From": "x@elsewhere.example", "Subject": f"Re: {TOKEN[:9]}"},
}


@pytest.mark.parametrize("headers", TRIAGE.values(), ids=TRIAGE.keys())
def test_what_belongs_nowhere_waits_for_a_person(headers: dict[str, str]) -> None:
    assert place(message(**headers)).incident is None


UNVERIFIED = {
    "a stranger who forwards the token": {"From": "x@elsewhere.example", "Subject": f"Fwd: {TOKEN}"},
    "a stranger who answers our mail": {"From": "x@elsewhere.example", "In_Reply_To": SENT},
    "another unit's person with the token": {"From": "bob@hr.example", "Subject": f"Re: {TOKEN}"},
    "a person of the unit by a failed check": {
        "Authentication_Results": "mx.corp.example; dmarc=fail",
        "In_Reply_To": SENT,
    },
    "no sender at all": {"From": "", "In_Reply_To": SENT},
    "a look-alike domain": {"From": "ann@f1n.example", "In_Reply_To": SENT},
    "a display name that is an address": {
        "From": '"ann@fin.example" <x@elsewhere.example>',
        "In_Reply_To": SENT,
    },
    "a subdomain that the unit does not have": {"From": "ann@mail.fin.example", "In_Reply_To": SENT},
}


@pytest.mark.parametrize("headers", UNVERIFIED.values(), ids=UNVERIFIED.keys())
def test_who_is_not_of_the_incident_is_linked_and_marked(headers: dict[str, str]) -> None:
    found = place(message(**headers))
    assert (found.incident, found.verified) == ("INC-1042", "no")


@pytest.mark.parametrize(
    "results", ["", "mx.evil.example; dmarc=pass", "mx.corp.example; spf=pass", "mx.corp.example; dmarc=none"]
)
def test_without_a_check_of_our_own_server_a_unit_sender_is_unknown(results: str) -> None:
    found = place(message(Authentication_Results=results, In_Reply_To=SENT))
    assert (found.incident, found.verified) == ("INC-1042", "unknown")


def test_conversation_links_a_unit_of_the_incident_and_no_other() -> None:
    assert place(message(Subject="Re: x"), "c-server").rule == "conversation"
    assert place(message(From="bob@hr.example", Subject="Re: x"), "c-server").incident == "INC-7"
    assert place(message(From="x@elsewhere.example", Subject="Re: x"), "c-server").incident is None
    failed = message(Authentication_Results="mx.corp.example; dmarc=fail")
    assert place(failed, "c-server").incident is None


def test_reference_beats_token_and_token_beats_unit() -> None:
    both = place(message(Subject=f"Re: {OTHER_TOKEN}", In_Reply_To=SENT))
    assert (both.incident, both.rule) == ("INC-1042", "reference")
    token = place(message(Subject=f"Re: {OTHER_TOKEN}"))
    assert (token.incident, token.rule, token.verified) == ("INC-7", "token", "no")
    assert place(message(In_Reply_To=OTHER_SENT)).incident == "INC-7"


AUTOMATIC = {
    "auto-reply by RFC 3834": ({"Auto_Submitted": "auto-replied"}, "autoReply"),
    "out of office of Exchange": (
        {
            "Subject": "Automatic reply: Server",
            "X_Auto_Response_Suppress": "All",
            "Auto_Submitted": "auto-generated",
        },
        "autoReply",
    ),
    "out of office by header of other systems": ({"X_Autoreply": "yes"}, "autoReply"),
    "vacation by precedence": ({"Precedence": "auto_reply"}, "autoReply"),
}


@pytest.mark.parametrize("headers, kind", AUTOMATIC.values(), ids=AUTOMATIC.keys())
def test_what_machines_answer_is_linked_and_said_to_be_that(headers: dict[str, str], kind: str) -> None:
    found = place(message(In_Reply_To=SENT, **headers))
    assert (found.incident, found.kind) == ("INC-1042", kind)
