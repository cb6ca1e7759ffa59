"""INC-1044: a lost laptop of Sales; a signed mail, and an answer that does not say what it answers. Pure."""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files

from sandbox.demo.building import SOC, DemoMail, Thread
from sandbox.demo.cases import ACCOUNT
from sandbox.demo.files import document, picture
from sandbox.demo.people import KEY_ACCOUNTS, SALES_ASSISTANT, SALES_LEAD

SIGNED_ID = "<7f3c1f0e5b2d4a86@hr.example>"

LIST_PAGE = """<html><body><p>What was on it, as far as I remember:</p>
<table border="1" cellpadding="4"><tr><th>Folder</th><th>Content</th><th>Encrypted</th></tr>
<tr><td>Offers 2026</td><td>118 offers, prices included</td><td>yes</td></tr>
<tr><td>Customers</td><td>Names and telephone numbers</td><td>yes</td></tr>
<tr><td>Desktop</td><td>a few screenshots</td><td style="color:#c00">not sure</td></tr></table>
<blockquote style="border-left:1px solid #ccc;padding-left:1ex"><p>What was on the laptop,
and was it encrypted?</p></blockquote></body></html>"""


def conversation(started_at: datetime, tokens: Mapping[str, str]) -> list[DemoMail]:
    """The mails, in the order in which they were written."""
    thread = Thread("Laptop lost on the train to the trade fair", started_at)
    thread.add(
        SALES_LEAD,
        "Hi,\n\nI left my laptop (asset tag CL-20817) on the 06:52 train. The lost property office does "
        "not have it "
        "yet. It was switched off.\n\nSent from my mobile phone\n",
        headers=(("X-Mailer", "iPhone Mail (23A341)"),),
    )
    thread.add(
        SOC, "What was on the laptop, and was it encrypted?\n", to=(SALES_LEAD,), cc=(SALES_ASSISTANT,)
    )
    thread.add(
        SALES_LEAD,
        "What was on it, as far as I remember:\n\nOffers 2026: 118 offers, prices included\nCustomers: "
        "names and "
        "telephone numbers\nDesktop: a few screenshots\n\n> What was on the laptop, and was it encrypted?\n",
        html=LIST_PAGE,
    )
    thread.add(
        SALES_ASSISTANT,
        "I found the delivery note with the serial number, see attachment.\n",
        subject="laptop",
        files=(
            document("delivery note CL-20817.pdf", ("Delivery note", "Asset tag CL-20817", "Serial 5CG0")),
        ),
        threaded=False,
        after_minutes=180,
    )
    thread.add(
        KEY_ACCOUNTS,
        "Two customers ask whether their data is affected. What may we tell them?\n\nKey Accounts\n",
        subject=f"AW: {thread.topic}",
    )
    thread.add(SOC, "Nothing yet, please. We prepare a text for you until 15:00.\n", to=(KEY_ACCOUNTS,))
    thread.add(KEY_ACCOUNTS, "Fine, we wait.\n", subject=f"AW: {thread.topic}", after_minutes=4)
    thread.add(
        SALES_LEAD,
        "It is found! The conductor had it. Photo attached; the seal is unbroken.\n",
        files=(picture("laptop at the lost property office.png", (40, 140, 70)),),
        after_minutes=240,
    )
    thread.add(
        SALES_ASSISTANT,
        "🎉 Thank you all! And what of the bank account?\n",
        subject=f"RE: {thread.topic} {tokens[ACCOUNT]}",
        cc=(SALES_LEAD,),
        after_minutes=3,
    )
    return thread.mails


def signed_mail() -> DemoMail:
    """A mail with an S/MIME signature (RFC 8551), made once: the key that signed it is gone."""
    raw = files("sandbox.demo").joinpath("signed.eml").read_bytes()
    return DemoMail(SIGNED_ID, raw)
