"""GetAttachment (Microsoft: "GetAttachment operation"): an attachment's bytes, or the message that it is."""

import base64

from lxml import etree

from sandbox.exchange.context import Answer, Context, id_nodes
from sandbox.exchange.errors import ItemError
from sandbox.exchange.mime import read_properties
from sandbox.exchange.parts import Attachment, attachment_head, list_attachments
from sandbox.exchange.soap import M, T, failure, response, success
from sandbox.exchange.view import Mode, View
from sandbox.exchange.xmltext import escape


def get_attachment(context: Context, request: etree._Element) -> Answer:
    """Attachments by id, each on its own."""
    include_mime = request.findtext(f"{M}AttachmentShape/{T}IncludeMimeContent", "").strip() in ("true", "1")
    view = context.view(Mode.GET)
    messages = []
    for node in id_nodes(request, "AttachmentIds"):
        try:
            written = _attachment(context, node.get("Id", ""), view, include_mime)
            messages.append(success("GetAttachment", f"<m:Attachments>{written}</m:Attachments>"))
        except ItemError as error:
            messages.append(failure("GetAttachment", error, "<m:Attachments/>"))
    return [response("GetAttachment", messages)]


def _attachment(context: Context, attachment_id: str, view: View, include_mime: bool) -> str:
    number, index = context.ids.parse_attachment(attachment_id)
    item = context.store.item(number)
    if item is None or item.mailbox != context.mailbox.id:
        raise ItemError("ErrorItemNotFound")
    found = list_attachments(view.message(item))
    if index >= len(found):
        raise ItemError("ErrorAttachmentNotFound", "The attachment could not be found.")
    attachment = found[index]
    tag, head = attachment_head(item, index, attachment, view)
    if attachment.message is None:
        content = base64.b64encode(attachment.content()).decode("ascii")
        return f"{head}<t:Content>{content}</t:Content></t:{tag}>"
    return f"{head}{_message(context, attachment, include_mime)}</t:{tag}>"


def _message(context: Context, attachment: Attachment, include_mime: bool) -> str:
    raw = attachment.content()
    properties = read_properties(raw, internal_domain=context.internal_domain)
    mime = ""
    if include_mime:
        mime = f'<t:MimeContent CharacterSet="UTF-8">{base64.b64encode(raw).decode("ascii")}</t:MimeContent>'
    return (
        f"<t:Message>{mime}<t:ItemClass>IPM.Note</t:ItemClass><t:Subject>{escape(properties.subject)}</t:Subject>"
        f"<t:Size>{len(raw)}</t:Size></t:Message>"
    )
