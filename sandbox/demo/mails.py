"""All mails of the demo: four incidents' worth of conversations, and what else comes to such a mailbox."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sandbox.demo.building import DemoMail
from sandbox.demo.incidents import changed_account, lost_laptop, phishing, ransomware, strangers


def demo_mails(now: datetime, tokens: Mapping[str, str]) -> list[DemoMail]:
    """The mails in the order of their delivery; their `Date` headers lie in the two days before `now`.
    `tokens`: by incident, what stands in the subject of whoever answers a notification."""
    return [
        *phishing.conversation(now - timedelta(hours=46), tokens),
        *strangers.mails(now - timedelta(hours=40)),
        *ransomware.conversation(now - timedelta(hours=30)),
        *lost_laptop.conversation(now - timedelta(hours=22), tokens),
        lost_laptop.signed_mail(),
        *changed_account.conversation(now - timedelta(hours=12), tokens),
    ]
