"""What a mail is besides a mail: by structure, class, header and the words of many languages' servers."""

# Letters of other alphabets look like Latin ones:
# ruff: noqa: RUF001

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kind_words import says_absence, says_automatic_reply, says_bounce
from domain.mail import MailKind
from tests.support.parsed import parsed


def kind(
    subject: str = "PC-4",
    *fields: str,
    sender: str = "ann@fin.example",
    content_type: str = "text/plain; charset=utf-8",
    body: str = "Text\n",
    item_class: str = "IPM.Note",
) -> MailKind:
    head = "".join(f"{field}\n" for field in fields)
    head = f"From: {sender}\nTo: soc@corp.example\nSubject: {subject}\n{head}"
    raw = f"{head}Content-Type: {content_type}\n\n{body}"
    return parsed(raw.encode(), item_class=item_class).kind


AUTOMATIC = [
    "Automatic reply: PC-4", "Automatische Antwort: PC-4", "Réponse automatique : PC-4",
    "Respuesta automática: PC-4", "Resposta automática: PC-4", "Risposta automatica: PC-4",
    "Automatisch antwoord: PC-4", "Odpowiedź automatyczna: PC-4", "Automatická odpověď: PC-4",
    "Automatická odpoveď: PC-4", "Automatikus válasz: PC-4", "Răspuns automat: PC-4", "Autosvar: PC-4",
    "Automatisk svar: PC-4", "Automaattinen vastaus: PC-4", "Automatski odgovor: PC-4",
    "Samodejni odgovor: PC-4", "Автоматический ответ: PC-4", "Автоматична відповідь: PC-4",
    "Αυτόματη απάντηση: PC-4", "Otomatik yanıt: PC-4", "自動応答: PC-4", "自动答复： PC-4", "자동 회신: PC-4",
    "תשובה אוטומטית: PC-4", "رد تلقائي: PC-4", "[EXTERNAL] Automatic reply: PC-4",
    "Out of Office AutoReply: PC-4", "AUTO: Ann Ivić is out of the office (returning 12/01/2026)",
    "AUTO: Ann Ivić ist außer Haus", "Abwesenheitsnotiz: PC-4",
]  # fmt: skip


@pytest.mark.parametrize("subject", AUTOMATIC)
def test_the_servers_words_for_an_automatic_answer_in_their_languages(subject: str) -> None:
    assert kind(subject) is MailKind.AUTO_REPLY


@pytest.mark.parametrize(
    "subject",
    ["Out of office: until Monday", "Abwesend: Re: PC-4", "Fuera de la oficina", "Absence", "Poissa: PC-4"],
)
@pytest.mark.parametrize(
    "sign",
    [
        "Return-Path: <>",
        "X-Auto-Response-Suppress: All",
        "Precedence: bulk",
        "X-MS-Exchange-Inbox-Rules-Loop: a@x",
    ],
)
def test_words_that_people_write_too_need_a_machines_sign(subject: str, sign: str) -> None:
    assert kind(subject) is MailKind.MAIL
    assert kind(subject, sign) is MailKind.AUTO_REPLY


@pytest.mark.parametrize(
    "fields",
    [
        ["Auto-Submitted: auto-replied"],
        ["Auto-Submitted: AUTO-REPLIED (vacation)"],
        ["Auto-Submitted: auto-replied; owner-email=\"ann@fin.example\""],
        ["Auto-Submitted: auto-generated", "In-Reply-To: <a@corp.example>"],
        ["X-Autoreply: yes"],
        ["X-Autorespond: away"],
        ["Precedence: auto_reply"],
    ],
)  # fmt: skip
def test_headers_of_automatic_answers(fields: list[str]) -> None:
    assert kind("Re: PC-4", *fields) is MailKind.AUTO_REPLY


@pytest.mark.parametrize(
    "subject, fields",
    [
        ("Re: Automatic reply: PC-4", []),
        ("Fwd: Out of office: PC-4", ["Return-Path: <>"]),
        ("Backup finished", ["Auto-Submitted: auto-generated"]),
        ("News", ["X-Auto-Response-Suppress: OOF", "Precedence: bulk"]),
        ("PC-4", ["Auto-Submitted: no"]),
        ("Forwarded by a rule", ["X-MS-Exchange-Inbox-Rules-Loop: ann@fin.example"]),
    ],
)
def test_what_is_no_automatic_answer(subject: str, fields: list[str]) -> None:
    assert kind(subject, *fields) is MailKind.MAIL


def test_what_we_send_ourselves_is_no_automatic_answer_though_it_says_auto_generated() -> None:
    fields = [
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "In-Reply-To: <a@corp.example>",
    ]
    assert kind("Follow-up", *fields, sender="SOC <soc@corp.example>") is MailKind.MAIL


BOUNCES = [
    "Undeliverable: PC-4", "Unzustellbar: PC-4", "Non remis : PC-4", "No se puede entregar: PC-4",
    "Não entregue: PC-4", "Non recapitabile: PC-4", "Onbestelbaar: PC-4", "Nie można dostarczyć: PC-4",
    "Nedoručitelné: PC-4", "Kézbesíthetetlen: PC-4", "Kan inte levereras: PC-4", "Kan ikke leveres: PC-4",
    "Не доставлено: PC-4", "Teslim edilemedi: PC-4", "配信不能: PC-4", "未送达: PC-4", "배달되지 않음: PC-4",
    "Mail delivery failed: returning message to sender", "Undelivered Mail Returned to Sender",
    "Delivery Status Notification (Failure)", "failure notice", "Returned mail: see transcript for details",
    "Warning: could not send message for past 4 hours", "DELIVERY FAILURE: User eve not listed",
]  # fmt: skip


@pytest.mark.parametrize("subject", BOUNCES)
@pytest.mark.parametrize(
    "sender, field",
    [("Postmaster <postmaster@fin.example>", "X-Any: 1"), ("noreply@fin.example", "Return-Path: <>")],
)
def test_bounces_without_a_report_in_their_languages(subject: str, sender: str, field: str) -> None:
    assert kind(subject, field, sender=sender) is MailKind.BOUNCE
    assert kind(subject) is MailKind.MAIL


@pytest.mark.parametrize(
    "item_class, found",
    [
        ("REPORT.IPM.Note.NDR", MailKind.BOUNCE),
        ("REPORT.IPM.Note.DR", MailKind.DELIVERY_RECEIPT),
        ("REPORT.IPM.Note.DELAYED", MailKind.BOUNCE),
        ("REPORT.IPM.Note.IPNRN", MailKind.READ_RECEIPT),
        ("REPORT.IPM.Note.IPNNRN", MailKind.READ_RECEIPT),
        ("IPM.Schedule.Meeting.Request", MailKind.MEETING),
        ("IPM.Schedule.Meeting.Resp.Pos", MailKind.MEETING),
        ("IPM.Note.Rules.OofTemplate.Microsoft", MailKind.AUTO_REPLY),
        ("IPM.Note.Rules.ReplyTemplate.Microsoft", MailKind.AUTO_REPLY),
        ("IPM.Note", MailKind.MAIL),
    ],
)
def test_exchanges_item_class(item_class: str, found: MailKind) -> None:
    assert kind(item_class=item_class) is found


_TEXT = "--b\nContent-Type: text/plain\n\nx\n"
P7S = _TEXT + "--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nMA==\n--b--"
RPMSG = _TEXT + "--b\nContent-Type: application/octet-stream; name=message_v2.rpmsg\n\nMA==\n--b--"
PGP = "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b--"


@pytest.mark.parametrize(
    "content_type, body, found",
    [
        ("multipart/signed; protocol=application/pkcs7-signature; boundary=b", P7S, MailKind.SIGNED),
        ("multipart/mixed; boundary=b", P7S, MailKind.SIGNED),
        ("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", "MA==", MailKind.SIGNED),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "MA==", MailKind.ENCRYPTED),
        ("application/x-pkcs7-mime; name=smime.p7m", "MA==", MailKind.ENCRYPTED),
        ("application/octet-stream; name=smime.p7m", "MA==", MailKind.ENCRYPTED),
        ("multipart/mixed; boundary=b", RPMSG, MailKind.ENCRYPTED),
        ("multipart/encrypted; protocol=application/pgp-encrypted; boundary=b", PGP, MailKind.ENCRYPTED),
        ("text/plain", "-----BEGIN PGP MESSAGE-----\n\nx\n", MailKind.ENCRYPTED),
        ("text/plain", "-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n", MailKind.SIGNED),
        ("text/calendar; method=REQUEST", "BEGIN:VCALENDAR\n", MailKind.MEETING),
    ],
)
def test_how_a_mail_is_protected_and_meetings(content_type: str, body: str, found: MailKind) -> None:
    assert kind(content_type=content_type, body=body) is found


def test_a_meetings_automatic_answer_is_the_meetings() -> None:
    fields = ["Auto-Submitted: auto-generated", "In-Reply-To: <a@corp.example>"]
    assert kind("Accepted: PC-4", *fields, content_type="text/calendar; method=REPLY") is MailKind.MEETING


@given(st.text())
def test_any_subject_can_be_asked_about(subject: str) -> None:
    assert (says_automatic_reply(subject), says_absence(subject), says_bounce(subject)) is not None


@pytest.mark.parametrize(
    "subject", ["[" * 300, "[a]" * 100, "(a) " * 75 + "x", "auto: " + "is" * 140, " " * 300]
)
def test_no_subject_is_slow_to_judge(subject: str) -> None:
    for _ in range(50):
        assert not says_automatic_reply(subject) or subject.startswith("auto:")
        assert not says_absence(subject)
