"""SOAP 1.1 as EWS speaks it: a request's operation, mailbox and version out; envelopes, messages and faults
in.

Bodies are hostile: document types, entities and over-deep trees are refused before anything is read from
them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from sandbox.exchange.errors import TEXTS, ItemError, RequestError
from sandbox.exchange.xmltext import escape

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
T = "{http://schemas.microsoft.com/exchange/services/2006/types}"

_MESSAGES = M[1:-1]
_TYPES = T[1:-1]
_ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"

ENVELOPE_START = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
    '<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9343" MinorBuildNumber="21" '
    f'Version="V2018_01_08" xmlns:h="{_TYPES}"/></s:Header><s:Body>'
)
ENVELOPE_END = "</s:Body></s:Envelope>"

_VERSIONS = (
    "Exchange2007",
    "Exchange2007_SP1",
    "Exchange2010",
    "Exchange2010_SP1",
    "Exchange2010_SP2",
    "Exchange2013",
    "Exchange2013_SP1",
    "Exchange2016",
)


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """One parsed request.

    operation: local name of the body's element, for example ``GetItem``.
    impersonated: SMTP address or principal of ExchangeImpersonation, in lower case, if there is one.
    """

    operation: str
    body: etree._Element
    impersonated: str | None


def parse_request(raw: bytes) -> SoapRequest:
    """Read a request's envelope. Raises RequestError(ErrorSchemaValidation or ErrorInvalidServerVersion)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise RequestError(
            "ErrorSchemaValidation", f"The request failed schema validation: {error.msg}"
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise RequestError(
            "ErrorSchemaValidation", "For security reasons DTD is prohibited in this XML document."
        )
    if root.tag != SOAP + "Envelope":
        raise RequestError("ErrorSchemaValidation", "The request is not a SOAP 1.1 envelope.")
    body = root.find(SOAP + "Body")
    operation = None if body is None else next(body.iterchildren("*"), None)
    if operation is None or not isinstance(operation.tag, str) or not operation.tag.startswith(M):
        raise RequestError("ErrorInvalidRequest", "The request has no EWS operation.")
    _check_version(root)
    return SoapRequest(operation.tag[len(M) :], operation, _impersonated(root))


def _check_version(root: etree._Element) -> None:
    version = root.find(f"{SOAP}Header/{T}RequestServerVersion")
    if version is not None and version.get("Version", "") not in _VERSIONS:
        text = "The specified server version is invalid."
        raise RequestError("ErrorInvalidServerVersion", text)


def _impersonated(root: etree._Element) -> str | None:
    sid = root.find(f"{SOAP}Header/{T}ExchangeImpersonation/{T}ConnectingSID")
    if sid is None:
        return None
    for name in ("PrimarySmtpAddress", "SmtpAddress", "PrincipalName"):
        text = sid.findtext(T + name)
        if text and text.strip():
            return text.strip().lower()
    raise RequestError(
        "ErrorInvalidExchangeImpersonationHeaderData", "ExchangeImpersonation header data is invalid."
    )


def response(operation: str, messages: Iterable[str]) -> str:
    """The body's element for response messages that are already written."""
    return (
        f'<m:{operation}Response xmlns:m="{_MESSAGES}" xmlns:t="{_TYPES}"><m:ResponseMessages>'
        f"{''.join(messages)}</m:ResponseMessages></m:{operation}Response>"
    )


def response_frame(operation: str) -> tuple[str, str]:
    """What stands before and after the response messages, for answers that are streamed."""
    start, end = response(operation, ["\0"]).split("\0")
    return start, end


def success_frame(operation: str) -> tuple[str, str]:
    """What stands before and after the content of a successful response message."""
    tag = f"m:{operation}ResponseMessage"
    return f'<{tag} ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>', f"</{tag}>"


def success(operation: str, content: str = "") -> str:
    """One successful response message."""
    start, end = success_frame(operation)
    return start + content + end


def failure(operation: str, error: ItemError, content: str = "") -> str:
    """One response message of class Error."""
    tag = f"m:{operation}ResponseMessage"
    return (
        f'<{tag} ResponseClass="Error"><m:MessageText>{escape(error.text)}</m:MessageText>'
        f"<m:ResponseCode>{error.code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        f"{_message_xml(error.back_off_ms)}{content}</{tag}>"
    )


def _message_xml(back_off_ms: int | None) -> str:
    if back_off_ms is None:
        return ""
    return f'<m:MessageXml><t:Value Name="BackOffMilliseconds">{back_off_ms}</t:Value></m:MessageXml>'


def fault(error: RequestError) -> str:
    """A SOAP fault as EWS writes it (Microsoft: "EWS throttling in Exchange", sample of ErrorServerBusy)."""
    text = escape(error.text or TEXTS.get(error.code, error.code))
    back_off = ""
    if error.back_off_ms is not None:
        value = f'<t:Value Name="BackOffMilliseconds">{error.back_off_ms}</t:Value>'
        back_off = f'<t:MessageXml xmlns:t="{_TYPES}">{value}</t:MessageXml>'
    return (
        f'<s:Fault><faultcode xmlns:a="{_TYPES}">a:{error.code}</faultcode>'
        f'<faultstring xml:lang="en-US">{text}</faultstring><detail>'
        f'<e:ResponseCode xmlns:e="{_ERRORS}">{error.code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{_ERRORS}">{text}</e:Message>{back_off}</detail></s:Fault>'
    )
