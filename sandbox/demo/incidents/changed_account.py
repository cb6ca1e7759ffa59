"""INC-1045: a supplier's "new bank account"; Finance and Sales write about the same. Pure."""

from collections.abc import Mapping
from datetime import datetime

from sandbox.demo.building import SOC, DemoMail, Thread
from sandbox.demo.cases import ACCOUNT
from sandbox.demo.files import document
from sandbox.demo.people import ACCOUNTS_PAYABLE, FINANCE_CONTROLLER, KEY_ACCOUNTS, SALES_LEAD, TREASURY

LONG_TEXT_PARAGRAPHS = 40


def conversation(started_at: datetime, tokens: Mapping[str, str]) -> list[DemoMail]:
    """The mails, in the order in which they were written."""
    thread = Thread("Supplier asks us to pay to a new bank account", started_at)
    thread.add(
        TREASURY,
        "Good morning,\n\na supplier of packaging asks us to pay two invoices (84,310.00 EUR) to an "
        "account in another "
        "country. The letter looks right, the phone number on it does not.\n\nTreasury\n",
        subject=f"RE: {tokens[ACCOUNT]} {thread.topic}",
        files=(
            document("letter of the supplier.pdf", ("To: Finance", "Please note our new bank details.")),
            document("invoice 2026-3381.pdf", ("Invoice 2026-3381", "Amount: 41,200.00 EUR")),
            document("invoice 2026-3394.pdf", ("Invoice 2026-3394", "Amount: 43,110.00 EUR")),
        ),
        cc=(FINANCE_CONTROLLER,),
    )
    thread.add(
        SOC,
        "Please pay nothing for now and call the supplier on a number that you know from before.\n\nDid "
        "Sales get "
        "anything similar?\n",
        to=(TREASURY,),
        cc=(FINANCE_CONTROLLER, SALES_LEAD),
    )
    thread.add(TREASURY, "Called. They have not changed their bank. So it is fraud.\n", after_minutes=18)
    thread.add(
        SALES_LEAD,
        "Yes! One of our customers got a letter with *our* name and a foreign account.\n",
        cc=(TREASURY, KEY_ACCOUNTS),
    )
    thread.add(
        KEY_ACCOUNTS,
        "Here is what the customer wrote to us, in full.\n\n"
        + "".join(
            f"{number}. We were asked on the phone for the account of order {4700 + number} and did not "
            "answer.\n\n"
            for number in range(1, LONG_TEXT_PARAGRAPHS + 1)
        ),
        subject=f"RE: {thread.topic} - what the customer wrote to us, word by word, with all order numbers",
    )
    thread.add(
        FINANCE_CONTROLLER,
        "The bank has recalled the first payment, which had gone out on Friday. 41,200.00 EUR are back.\n",
        after_minutes=300,
    )
    thread.add(ACCOUNTS_PAYABLE, "Master data is locked against changes of bank details since 11:00.\n")
    thread.add(SOC, "Thank you. We close this on Monday unless something new comes up.\n", to=(TREASURY,))
    thread.add(TREASURY, "Agreed.\n", after_minutes=6)
    return thread.mails
