"""Mail of no business unit, newsletters and private mail, of which the app must keep nothing. Pure."""

from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address

from sandbox.demo.building import DemoMail, Thread

NEWSLETTER = Address("Threat Weekly", addr_spec="news@threat-weekly.example")
CANTEEN = Address("Canteen", addr_spec="canteen@catering.example")
FRIEND = Address("A friend", addr_spec="friend@private.example")
SHOP = Address("Your parcel", addr_spec="orders@shop.example")
CONFERENCE = Address("Conference office", addr_spec="office@sec-conference.example")

NEWSLETTER_PAGE = """<html><body style="background:#eee"><table width="600"><tr><td>
<h1>Threat Weekly</h1><p>Ten things that happened this week.</p>
<a href="https://threat-weekly.example/unsubscribe?u=soc">Unsubscribe</a></td></tr></table></body></html>"""


def mails(started_at: datetime) -> list[DemoMail]:
    """The mails; none of them is expected to show up."""
    written: list[DemoMail] = []
    for week in range(1, 4):
        thread = Thread(f"Threat Weekly, issue {260 + week}", started_at)
        thread.add(
            NEWSLETTER,
            "Ten things that happened this week.\n",
            html=NEWSLETTER_PAGE,
            headers=(
                ("List-Unsubscribe", "<https://threat-weekly.example/unsubscribe?u=soc>"),
                ("Precedence", "bulk"),
            ),
            after_minutes=week * 400,
        )
        written += thread.mails
    for sender, topic, text in (
        (CANTEEN, "Menu of the week", "Monday: soup. Tuesday: pasta. Wednesday: curry.\n"),
        (FRIEND, "Saturday?", "Hi! Are you coming on Saturday? The children would love it.\n"),
        (SHOP, "Your parcel is on its way", "Your order 881-220 leaves today.\n"),
        (
            CONFERENCE,
            "Your talk has been accepted",
            "We are glad to have you. Please confirm until Friday.\n",
        ),
    ):
        thread = Thread(topic, started_at)
        thread.add(sender, text)
        written += thread.mails
    return [replace(mail, expected=False) for mail in written]
