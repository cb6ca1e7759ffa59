"""Subjects by which automatic answers and bounces are known, in the languages of the servers that write them.

Words of Exchange and Outlook ("Automatic reply" and "Undeliverable" in their display languages), Domino,
Postfix, Sendmail, Exim, qmail, Gmail and Mimecast.
"""

# Letters of other alphabets look like Latin ones:
# ruff: noqa: RUF001

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MAX_CHARS = 300
_TAGS = r"(?>(?:[\[(*]{1,3}[^\[\](*)]{1,40}[\])*]{1,3}\s*)*)"
"""What gateways put in front: `[EXTERNAL]`, `(Extern)`, `***SPAM***`. Atomic: never tried again shorter, or
a subject of tags would take for ever."""
_END = r"\s*(?::|$)"

_AUTO_REPLY = (
    # Nobody begins a subject of his own with these.
    "automatic reply", "auto reply", "auto-reply", "autoreply", "automatic response", "automated reply",
    "automated response", "auto response", "auto-response", "autoresponse", "out of office autoreply",
    "out of office auto reply", "automatische antwort", "automatische rückantwort", "abwesenheitsnotiz",
    "réponse automatique", "absence du bureau", "respuesta automática", "resposta automática",
    "resposta automàtica", "risposta automatica", "automatisch antwoord", "afwezigheidsbericht",
    "odpowiedź automatyczna", "automatyczna odpowiedź", "autoodpowiedź", "automatická odpověď",
    "automatická odpoveď", "automatikus válasz", "răspuns automat", "autosvar", "automatiskt svar",
    "automatisk svar", "automaattinen vastaus", "automatski odgovor", "samodejni odgovor",
    "автоматски одговор", "автоматический ответ", "автоответ", "автоматична відповідь",
    "автоматичен отговор", "αυτόματη απάντηση", "otomatik yanıt", "otomatik cevap", "תשובה אוטומטית",
    "رد تلقائي", "自動応答", "自動返信", "不在通知", "自动答复", "自动回复", "自動回覆",
    "자동 회신", "ตอบกลับอัตโนมัติ", "trả lời tự động", "balasan otomatis", "automatinis atsakymas",
    "automātiskā atbilde", "automaatvastus",
)  # fmt: skip
_ABSENCE = (
    # People write these too: they count beside another sign of a machine.
    "out of office", "out-of-office", "out of the office", "ooo", "vacation", "on vacation", "on holiday",
    "on leave", "away", "abwesend", "abwesenheit", "außer haus", "im urlaub", "urlaub", "absence", "absent",
    "absente", "message d'absence", "fuera de la oficina", "fuera de oficina", "ausente", "fuori sede",
    "fuori ufficio", "assenza", "fora do escritório", "ausência", "afwezig", "niet aanwezig", "poza biurem",
    "nieobecność", "mimo kancelář", "mimo kancelárie", "házon kívül", "frånvaro", "fravær", "ikke til stede",
    "fraværende", "poissa", "izvan ureda", "odsoten", "вне офиса", "εκτός γραφείου", "ofis dışında", "外出",
    "不在", "부재 중",
)  # fmt: skip
_BOUNCE = (
    "undeliverable", "undelivered", "nondeliverable", "non-delivery", "delivery status notification",
    "delivery failure", "delivery has failed", "delivery failed", "delivery error", "delivery problem",
    "delivery delayed", "delivery incomplete", "delivery report", "delivery notification", "delayed mail",
    "mail delivery", "failure notice", "failed mail", "returned mail", "mail returned", "returned to sender",
    "could not be delivered", "couldn't be delivered", "could not send message", "not delivered",
    "unable to deliver", "mail system error", "message status", "rejected", "blocked", "mailbox full",
    "over quota", "unknown user", "user unknown", "unzustellbar", "nicht zustellbar", "zustellung",
    "verzögert", "non remis", "non distribu", "échec de", "échec d'", "non délivr",
    "no se puede entregar", "no se pudo entregar", "no entregado", "error de entrega",
    "no es posible entregar",
    "não entregue", "não é possível entregar", "falha na entrega", "non recapitabile", "non recapitato",
    "impossibile recapitare", "mancata consegna", "mancato recapito", "onbestelbaar", "niet bezorgd",
    "kan niet worden bezorgd", "nie można dostarczyć", "niedostarczone", "niedostarczalne", "nedoručitelné",
    "nedoručiteľné", "nelze doručit", "kézbesíthetetlen", "nelivrabil", "nu se poate livra", "oleverbar",
    "inte leverera", "kan inte leverera", "kan ikke levere", "uleverbar", "ikke leveret", "ikke levert",
    "ei voitu toimittaa", "ei voi toimittaa", "perille toimittamaton", "nije isporučen", "neisporučivo",
    "nedostavljivo", "не доставлено", "недоставлен", "не удается доставить", "не може бути доставлен",
    "ανεπίδοτο", "δεν είναι δυνατή η παράδοση", "teslim edilemedi", "teslim edilemeyen", "未送达", "无法送达",
    "无法传递", "無法傳遞", "未传递", "退信", "配信不能", "配信されません", "配信できません", "届けられ",
    "배달되지 않음", "배달할 수 없", "לא ניתן למסירה", "غير قابل للتسليم", "تعذر تسليم",
)  # fmt: skip


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_MAX_CHARS]).casefold().strip()


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(_plain(one)) for one in words)


_NOTES_AUTO = re.compile(r"auto: .{1,100}\b(?:is|ist|est|está|è)\b")
_AUTO_REPLY_START = re.compile(_TAGS + "(?:" + _any_of(_AUTO_REPLY) + ")" + _END)
_ABSENCE_START = re.compile(_TAGS + "(?:auto: ?)?(?:" + _any_of(_ABSENCE) + r")\s*(?:[:(\-–.!]|re\b|$)")
_BOUNCE_WORDS = tuple(_plain(one) for one in _BOUNCE)


def says_automatic_reply(subject: str) -> bool:
    """Whether the subject begins as only machines begin one: `Automatic reply:`, `AUTO: Ann is out`."""
    text = _plain(subject)
    return _AUTO_REPLY_START.match(text) is not None or _NOTES_AUTO.match(text) is not None


def says_absence(subject: str) -> bool:
    """Whether the subject begins as absence notes do, and as a person may too: `Out of office:`."""
    return _ABSENCE_START.match(_plain(subject)) is not None


def says_bounce(subject: str) -> bool:
    """Whether the subject speaks of a delivery that failed or is late."""
    text = _plain(subject)
    return any(words in text for words in _BOUNCE_WORDS)
