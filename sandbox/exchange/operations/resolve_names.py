"""ResolveNames (Microsoft: "ResolveNames operation"): people of the directory by the start of a name, an
alias or an address.
"""

from lxml import etree

from sandbox.exchange.context import Answer, Context
from sandbox.exchange.errors import ItemError
from sandbox.exchange.schema import Mailbox
from sandbox.exchange.soap import M, failure, response
from sandbox.exchange.xmltext import escape

MOST = 100


def resolve_names(context: Context, request: etree._Element) -> Answer:
    """All mailboxes of the same kind (a server sees its own directory) that the entry may mean; several are
    a warning.
    """
    entry = (request.findtext(M + "UnresolvedEntry") or "").strip().lower()
    found = [
        box
        for address in context.store.rows("SELECT address FROM mailboxes ORDER BY address")
        if (box := context.store.mailbox(str(address[0]))) is not None
        and box.kind == context.mailbox.kind
        and _means(entry, box)
    ]
    if not found:
        return [response("ResolveNames", [failure("ResolveNames", _none())])]
    return [response("ResolveNames", [_found(found[:MOST])])]


def _means(entry: str, box: Mailbox) -> bool:
    """Ambiguous name resolution: the start of the name, the alias (the address before @) or the address,
    which may be written with its type.
    """
    entry = entry.removeprefix("smtp:")
    return bool(entry) and any(name.lower().startswith(entry) for name in (box.name, box.address))


def _none() -> ItemError:
    return ItemError("ErrorNameResolutionNoResults")


def _found(boxes: list[Mailbox]) -> str:
    resolutions = "".join(
        f"<t:Resolution><t:Mailbox><t:Name>{escape(box.name)}</t:Name>"
        f"<t:EmailAddress>{escape(box.address)}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>"
        "<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:Resolution>"
        for box in boxes
    )
    head = '<m:ResolveNamesResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
    if len(boxes) > 1:
        head = (
            '<m:ResolveNamesResponseMessage ResponseClass="Warning">'
            "<m:MessageText>Multiple results were found.</m:MessageText>"
            "<m:ResponseCode>ErrorNameResolutionMultipleResults</m:ResponseCode>"
            "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        )
    return (
        f'{head}<m:ResolutionSet TotalItemsInView="{len(boxes)}" IncludesLastItemInRange="true">'
        f"{resolutions}</m:ResolutionSet></m:ResolveNamesResponseMessage>"
    )
