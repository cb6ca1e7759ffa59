"""Subjects of answers, as mail programs in many languages leave them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compose.message import Mode
from domain.compose.subject import reply_subject, strip_prefixes

TOKEN = "[INC-1042 k7fq2m9x]"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("Re: Fwd: FW: topic", id="English"),
        pytest.param("AW: WG: Antwort: topic", id="German"),
        pytest.param("RE : TR : Réf : topic", id="French"),
        pytest.param("RE\u00a0: topic", id="French, no-break space"),
        pytest.param("R: I: RIF: topic", id="Italian"),
        pytest.param("RE: RV: topic", id="Spanish"),
        pytest.param("RES: ENC: topic", id="Portuguese"),
        pytest.param("Antw: Doorst: topic", id="Dutch"),
        pytest.param("SV: VB: topic", id="Swedish"),
        pytest.param("Sv: VS: topic", id="Danish and Norwegian"),
        pytest.param("VS: VL: topic", id="Finnish"),
        pytest.param("SV: FS: topic", id="Icelandic"),
        pytest.param("Odp: PD: topic", id="Polish"),
        pytest.param("Odpověď: Odp: topic", id="Czech"),
        pytest.param("Vá: Továbbítás: topic", id="Hungarian"),
        pytest.param("YNT: İLT: topic", id="Turkish"),
        pytest.param("ΑΠ: ΠΡΘ: topic", id="Greek"),
        pytest.param("Отв: Ответ: Пересл: topic", id="Russian"),
        pytest.param("Відп: Пер: topic", id="Ukrainian"),
        pytest.param("Răsp: Redirecționat: topic", id="Romanian"),
        pytest.param("Odg: Posr: topic", id="Slovene and Croatian"),
        pytest.param("Ats: topic", id="Lithuanian"),
        pytest.param("BLS: TRS: topic", id="Indonesian"),
        pytest.param("Atb: topic", id="Welsh"),
        pytest.param("回复\uff1a转发\uff1a答复: topic", id="Chinese, simplified"),
        pytest.param("回覆\uff1a 轉寄\uff1a topic", id="Chinese, traditional"),
        pytest.param("返信: 転送\uff1atopic", id="Japanese"),
        pytest.param("회신: 전달: topic", id="Korean"),
        pytest.param("השב: הועבר: topic", id="Hebrew"),
        pytest.param("رد: إعادة توجيه: topic", id="Arabic"),
        pytest.param("ตอบกลับ: ส่งต่อ: topic", id="Thai"),
        pytest.param("Trả lời: Chuyển tiếp: topic", id="Vietnamese"),
        pytest.param("RE[2]: Re(3): Re^4: RE*5: Re2: topic", id="numbered"),
        pytest.param(f"Re: {TOKEN} AW: {TOKEN.lower()} topic", id="the token among them, twice"),
    ],
)
def test_an_answer_has_one_prefix_and_one_token_whatever_stood_there(written: str) -> None:
    assert reply_subject(written, Mode.REPLY, TOKEN) == f"Re: {TOKEN} topic"
    assert reply_subject(written, Mode.REPLY_ALL, TOKEN) == f"Re: {TOKEN} topic"
    assert reply_subject(written, Mode.FORWARD, TOKEN) == f"Fwd: {TOKEN} topic"


@pytest.mark.parametrize(
    "topic",
    ["Report: done", "Regarding: x", "12:30 lunch", "https://x.example", "Remember: me", "A: b", "Ä: b"],
)
def test_what_is_no_prefix_stays(topic: str) -> None:
    assert reply_subject(topic, Mode.REPLY, "") == f"Re: {topic}"


@pytest.mark.parametrize(
    "written",
    [
        "inc-1042 K7FQ2M9X] topic",
        "[INC-1042  k7fq2m9x topic",
        "[INC-1042\u00a0k7fq2m9x ] topic",
        "[EXTERNAL][INC-1042 k7fq2m9x] topic",
        "[INC-1042 [INC-1042 k7fq2m9x] k7fq2m9x] topic",
    ],
)
def test_a_token_that_a_mail_program_damaged_is_not_there_twice(written: str) -> None:
    subject = reply_subject(written, Mode.REPLY, TOKEN)
    assert subject.startswith(f"Re: {TOKEN} ")
    assert subject.casefold().count("k7fq2m9x") == 1
    assert subject.endswith(" topic")


def test_the_token_of_an_incident_that_the_mail_was_moved_from_goes() -> None:
    moved = "Re: [INC-7 aaaabbbb] AW: topic"
    assert reply_subject(moved, Mode.REPLY, TOKEN, ["INC-7 aaaabbbb"]) == f"Re: {TOKEN} topic"


def test_an_incident_whose_id_ends_alike_keeps_its_token() -> None:
    other = "[XINC-1042 k7fq2m9x] topic"
    assert reply_subject(other, Mode.REPLY, TOKEN) == f"Re: {TOKEN} {other}"


def test_a_new_mail_keeps_its_subject_and_gets_the_token_in_front() -> None:
    assert reply_subject("Re: what we said", Mode.NEW, TOKEN) == f"{TOKEN} Re: what we said"


def test_a_cut_takes_the_end_and_never_the_token_and_leaves_no_half_character() -> None:
    subject = reply_subject(f"{'x' * 300} {TOKEN}", Mode.REPLY, TOKEN)
    assert subject.startswith(f"Re: {TOKEN} xxx")
    assert subject.endswith("x…")
    assert len(subject) == 255
    emoji = reply_subject("👩🏽‍💻" * 100, Mode.REPLY, TOKEN)
    assert len(emoji.encode("utf-16-le")) <= 510
    assert not emoji.rstrip("…").endswith("\u200d")
    for shift in ("", "x"):
        assert reply_subject(shift + "q\u0301" * 200, Mode.REPLY, "").endswith("q\u0301…")


def test_line_breaks_and_characters_that_turn_text_become_spaces() -> None:
    assert reply_subject("a\r\nBcc: x@y.example\x00\u202egpj", Mode.REPLY, "") == "Re: a Bcc: x@y.example gpj"


def test_an_empty_subject_is_answered_as_well() -> None:
    assert reply_subject("  Re: ", Mode.REPLY, TOKEN) == f"Re: {TOKEN}"


@given(
    st.text(max_size=600) | st.text(alphabet="Re:AW fwd[]2\uff1a\r\n👩\u200d\u0301", max_size=600),
    st.sampled_from(Mode),
    st.sampled_from([TOKEN, ""]),
)
def test_a_subject_made_twice_is_the_same_and_fits_into_one_line(
    subject: str, mode: Mode, token: str
) -> None:
    once = reply_subject(subject, mode, token)
    assert reply_subject(once, mode, token) == once
    assert len(once.encode("utf-16-le")) <= 510
    assert once.isprintable() or not any(char in once for char in "\r\n\x00\u2028")
    assert once.count(token) == 1 or not token


def test_ten_thousand_prefixes_are_read_in_one_pass() -> None:
    assert strip_prefixes("Re: " * 10_000 + "topic") == "topic"
