"""How senders and recipients are written: SMTP in GetItem; legacy DNs or bare names of internal senders
elsewhere.
"""

import hashlib

from sandbox.exchange.mime import Address
from sandbox.exchange.view import Mode, View
from sandbox.exchange.xmltext import escape

_LEGACY = "/O=EXCHANGELABS/OU=EXCHANGE ADMINISTRATIVE GROUP (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN="


def legacy_dn(address: str) -> str:
    """The EX address (legacyExchangeDN) of a mailbox of the organisation."""
    digest = (
        hashlib.md5(address.lower().encode("utf-8", "replace"), usedforsecurity=False).hexdigest().upper()
    )
    return f"{_LEGACY}{digest}-{address.partition('@')[0].upper()[:20]}"


def mailbox_element(address: Address, view: View) -> str:
    """A recipient's Mailbox element with its SMTP address."""
    name, smtp = address
    if not smtp:
        return f"<t:Mailbox><t:Name>{view.text(name)}</t:Name></t:Mailbox>"
    kind = "Mailbox" if view.is_internal(smtp) else "OneOff"
    return (
        f"<t:Mailbox><t:Name>{view.text(name or smtp)}</t:Name>"
        f"<t:EmailAddress>{escape(smtp)}</t:EmailAddress>"
        f"<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>{kind}</t:MailboxType></t:Mailbox>"
    )


def sender_element(tag: str, name: str | None, smtp: str | None, view: View) -> str:
    """From or Sender. For internal senders SyncFolderItems gives the EX address and FindItem only
    the name.
    """
    if name is None and smtp is None:
        return ""
    shown, address = name or smtp or "", smtp or ""
    if view.mode is Mode.GET or not view.is_internal(address):
        return f"<t:{tag}>{mailbox_element((shown, address), view)}</t:{tag}>"
    if view.mode is Mode.FIND:
        return f"<t:{tag}><t:Mailbox><t:Name>{view.text(shown)}</t:Name></t:Mailbox></t:{tag}>"
    return (
        f"<t:{tag}><t:Mailbox><t:Name>{view.text(shown)}</t:Name>"
        f"<t:EmailAddress>{escape(legacy_dn(address))}</t:EmailAddress><t:RoutingType>EX</t:RoutingType>"
        f"<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:{tag}>"
    )


def recipients_element(tag: str, addresses: list[Address], view: View) -> str:
    """A list of recipients; nothing where there are none."""
    if not addresses:
        return ""
    return f"<t:{tag}>{''.join(mailbox_element(address, view) for address in addresses)}</t:{tag}>"
