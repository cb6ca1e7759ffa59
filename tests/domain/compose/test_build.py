"""A whole message from what a person wrote and what is answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.compose.build import Sending, Written, outgoing_message
from domain.compose.check import SizeLimits, find_mistakes
from domain.compose.message import Mode, OutgoingPart
from domain.compose.quote import Original, text_to_html
from domain.compose.thread import Thread
from domain.mail import Address, Direction, Evidence, Mail
from tests.support.outgoing import composed, parsed

ANN = Address("Ann Example", "ann@fin.example")
SENDING = Sending(
    sender=Address("SOC of Corp", "soc@corp.example"),
    token="[INC-1042 k7fq2m9x]",
    signature="SOC, Corp\n+1 555 0100  \n",
    message_id="<000102030405060708090a0b@corp.example>",
    date=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
)
MAIL = Mail(
    id="default.1",
    mailbox_id="default",
    received_at=datetime(2026, 11, 24, 9, 1, tzinfo=UTC),
    direction=Direction.INCOMING,
    internet_message_id="<P@Fin.example>",
    sender=ANN,
    to=(Address("SOC", "soc@corp.example"),),
    cc=(Address("", "ben@fin.example"),),
    subject="AW: [INC-1042 k7fq2m9x] False invoice",
    sent_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    evidence=Evidence(references=("first@corp.example",)),
)
ORIGINAL = Original(
    MAIL, html='<p>See <b>this</b>: <img src="cid:shot"></p>', text="See this:\n\n> earlier\nlast"
)
SHOT = OutgoingPart("mail/3", "shot.png", "image/png", 3, "shot")
REPLY = Written(Mode.REPLY, to=(ANN,), html="<p>We block it.</p>")


def test_a_reply_answers_quotes_signs_and_keeps_the_images() -> None:
    made = outgoing_message(REPLY, SENDING, original=ORIGINAL, images=[SHOT])
    message = made.message
    assert made.dropped_images == ()
    assert message.subject == "Re: [INC-1042 k7fq2m9x] False invoice"
    assert message.in_reply_to == "<P@Fin.example>"
    assert message.references == ("<first@corp.example>", "<P@Fin.example>")
    assert message.text == (
        "We block it.\n\n-- \nSOC, Corp\n+1 555 0100\n\n"
        "On Tue, 24 Nov 2026 at 09:00 UTC, Ann Example <ann@fin.example> wrote:\n\n"
        "> See this:\n>\n>> earlier\n> last\n"
    )
    places = [
        message.html.index(piece)
        for piece in ("We block it.", "-- <br>", "Ann Example &lt;ann@", "<blockquote")
    ]
    assert places == sorted(places)
    assert f'<img src="cid:{message.inline[0].content_id}">' in message.html
    assert message.inline[0].key == "mail/3"
    assert find_mistakes(message, SizeLimits()) == ()


def test_a_forward_shows_the_original_with_its_header_and_takes_its_files() -> None:
    attached = OutgoingPart("mail/4", "../invoice.pdf", "application/pdf", 4)
    written = Written(Mode.FORWARD, to=(Address("", "ben@hr.example"),), text="FYI", attachments=(attached,))
    message = outgoing_message(written, SENDING, original=ORIGINAL).message
    assert message.subject == "Fwd: [INC-1042 k7fq2m9x] False invoice"
    assert message.in_reply_to == "<P@Fin.example>"
    assert (
        "---------- Forwarded message ----------\nFrom: Ann Example <ann@fin.example>\n"
        "Date: Tue, 24 Nov 2026 at 09:00 UTC\nSubject: AW: [INC-1042 k7fq2m9x] False invoice\n"
        "To: SOC <soc@corp.example>\nCc: ben@fin.example\n\nSee this:\n\n> earlier\nlast\n"
    ) in message.text
    assert "<blockquote" not in message.html
    assert "<b>From:</b> Ann Example &lt;ann@fin.example&gt;<br>" in message.html
    assert message.attachments == (replace(attached, name="invoice.pdf"),)


def test_a_new_mail_quotes_and_answers_nothing() -> None:
    written = Written(Mode.NEW, to=(ANN,), subject="Question", text="Hello,\n  indented")
    message = outgoing_message(written, replace(SENDING, signature=""), original=ORIGINAL).message
    assert (message.subject, message.in_reply_to, message.references) == (
        "[INC-1042 k7fq2m9x] Question",
        None,
        (),
    )
    assert message.text == "Hello,\n  indented\n"
    assert "Hello,<br>\n&nbsp; indented" in message.html


def test_a_follow_up_belongs_to_the_thread_of_what_it_follows() -> None:
    thread = Thread("<primary@corp.example>", ("<primary@corp.example>",))
    sending = replace(SENDING, auto_submitted=True)
    message = outgoing_message(
        Written(Mode.NEW, (ANN,), subject="x", text="y"), sending, thread=thread
    ).message
    assert (message.in_reply_to, message.auto_submitted) == ("<primary@corp.example>", True)


def test_a_subject_that_was_edited_keeps_prefix_and_token() -> None:
    written = replace(REPLY, subject="Blocked: invoice")
    assert outgoing_message(written, SENDING, original=ORIGINAL).message.subject == (
        "Re: [INC-1042 k7fq2m9x] Blocked: invoice"
    )


def test_nobody_gets_the_mail_twice() -> None:
    again = Address("A.", "ANN@FIN.example")
    ben = Address("", "ben@fin.example")
    message = outgoing_message(replace(REPLY, to=(ANN, again), cc=(ben, again), bcc=(ben,)), SENDING).message
    assert (message.to, message.cc, message.bcc) == ((ANN,), (ben,), ())


def test_an_original_with_text_alone_is_quoted_as_written_and_nothing_in_it_is_markup() -> None:
    original = Original(
        replace(MAIL, sender=Address('"><script>', "a@x.example")), text="<script>x</script>\n  a"
    )
    html = outgoing_message(REPLY, SENDING, original=original).message.html
    assert "<script>" not in html
    assert "&lt;script&gt;x&lt;/script&gt;<br>\n&nbsp; a" in html


def test_an_original_with_html_alone_or_nothing_at_all_is_quoted_as_text_as_well() -> None:
    text = outgoing_message(REPLY, SENDING, original=Original(MAIL, html="<p>a</p><p>b</p>")).message.text
    assert text.endswith("wrote:\n\n> a\n>\n> b\n")
    nothing = outgoing_message(
        REPLY, SENDING, original=Original(replace(MAIL, sender=None, sent_at=None))
    ).message
    assert nothing.text.endswith("On Tue, 24 Nov 2026 at 09:01 UTC, somebody wrote:\n\n>\n")


@pytest.mark.parametrize("char", ["x", '"', "\n", " ", "ü"])
def test_an_endless_original_is_cut_and_can_still_be_answered(char: str) -> None:
    original = Original(MAIL, html="<p>" + "x" * 3_000_000, text="y" + char * 3_000_000 + "y")
    message = outgoing_message(REPLY, SENDING, original=original).message
    assert message.text.endswith("> […]\n")
    assert find_mistakes(message, SizeLimits()) == ()


def test_images_of_which_nothing_is_known_are_told() -> None:
    made = outgoing_message(replace(REPLY, html='<p><img src="cid:mine"></p>'), SENDING, original=ORIGINAL)
    assert made.dropped_images == ("mine", "shot")
    assert "cid:" not in made.message.html


def test_the_preview_is_what_leaves() -> None:
    message = outgoing_message(REPLY, SENDING, original=ORIGINAL, images=[SHOT]).message
    read = parsed(composed(message, {"mail/3": b"PNG"}))
    html, text = read.get_body(("html",)), read.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert html.get_content().replace("\r\n", "\n") == message.html
    assert text.get_content().replace("\r\n", "\n") == message.text


def test_text_keeps_its_lines_and_spaces_as_html() -> None:
    assert text_to_html("a  b\r\n c\t<d>") == "a&nbsp; b<br>\n&nbsp;c&nbsp; &nbsp; &nbsp; &lt;d&gt;"
