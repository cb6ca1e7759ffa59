"""ConvertId (Microsoft: "ConvertId operation"): between the ways of writing one id. It needs no mailbox."""

import base64
import binascii

from lxml import etree

from sandbox.exchange.context import Answer, id_nodes
from sandbox.exchange.errors import ItemError, RequestError
from sandbox.exchange.soap import T, failure, response, success
from sandbox.exchange.xmltext import escape

_BASE64 = ("EwsId", "EwsLegacyId", "EntryId", "StoreId", "OwaId")


def convert_id(request: etree._Element) -> Answer:
    """Ids in another format."""
    wanted = request.get("DestinationFormat", "")
    if wanted not in (*_BASE64, "HexEntryId"):
        raise RequestError(
            "ErrorSchemaValidation", "The request failed schema validation: DestinationFormat."
        )
    messages = []
    for node in id_nodes(request, "SourceIds"):
        try:
            messages.append(success("ConvertId", _converted(node, wanted)))
        except ItemError as error:
            messages.append(failure("ConvertId", error))
    return [response("ConvertId", messages)]


def _converted(node: etree._Element, wanted: str) -> str:
    text = node.get("Id", "")
    try:
        raw = (
            bytes.fromhex(text)
            if node.get("Format") == "HexEntryId"
            else base64.b64decode(text, validate=True)
        )
    except (ValueError, binascii.Error) as error:
        raise ItemError("ErrorInvalidIdMalformed") from error
    if node.tag != T + "AlternateId" or len(raw) < 12:
        raise ItemError("ErrorInvalidIdMalformed")
    new = raw.hex().upper() if wanted == "HexEntryId" else base64.b64encode(raw).decode("ascii")
    mailbox = escape(node.get("Mailbox", ""))
    return (
        '<m:AlternateId xsi:type="t:AlternateIdType" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' Format="{wanted}" Id="{new}" Mailbox="{mailbox}"/>'
    )
