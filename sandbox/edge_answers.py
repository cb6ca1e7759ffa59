"""Answers given instead of a part: an HTTP error in the part's own shape, a broken one, one without end."""

import asyncio
import json

from aiohttp import web

from sandbox.faults import Fault

ENDLESS_PIECE = b" " * 16_384
ENDLESS_PAUSE_S = 0.01
SOAP_START = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
)
STORAGE_CODES = {
    403: "AuthorizationFailure",
    404: "ResourceNotFound",
    429: "TooManyRequests",
    503: "ServerBusy",
}
_TYPES = {"exchange": "text/xml", "storage": "application/xml"}


def status_answer(part: str, fault: Fault) -> web.Response:
    """The HTTP status of the fault, with `Retry-After` where it has one."""
    status = fault.status or 500
    headers = {"Retry-After": str(fault.retry_after_s)} if fault.retry_after_s is not None else {}
    if part == "exchange" and status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    body = _error_body(part, fault, status)
    return web.Response(status=status, headers=headers, body=body, content_type=_content_type(part))


def malformed_answer(part: str) -> web.Response:
    """An answer that breaks off inside its markup, with a length that says it is whole."""
    xml = SOAP_START + b"<m:GetItemResponse><unclosed attribute="
    body = xml if _is_xml(part) else b'{"value": [{"broken": '
    return web.Response(body=body, content_type=_content_type(part))


async def endless_answer(part: str, fault: Fault, request: web.Request) -> web.StreamResponse:
    """Writes white space until the client has had enough; `delay_s` is the pause between two pieces."""
    answer = web.StreamResponse()
    answer.content_type = _content_type(part)
    await answer.prepare(request)
    await answer.write(SOAP_START if _is_xml(part) else b"{")
    while True:
        await answer.write(ENDLESS_PIECE)
        await asyncio.sleep(fault.delay_s or ENDLESS_PAUSE_S)


def _is_xml(part: str) -> bool:
    return part in _TYPES


def _content_type(part: str) -> str:
    return _TYPES.get(part, "application/json")


def _error_body(part: str, fault: Fault, status: int) -> bytes:
    if part == "storage":
        code = fault.error or STORAGE_CODES.get(status, "InternalError")
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{code}</Code><Message>{code}.</Message></Error>"
        ).encode()
    if part == "token":
        error = "temporarily_unavailable" if status in (429, 500, 503, 504) else "invalid_client"
        description = f"{fault.error or 'AADSTS90033'}: A transient error has occurred. Please try again."
        return json.dumps({"error": error, "error_description": description}).encode()
    if part in ("keyvault", "msi"):
        code = fault.error or ("Throttled" if status == 429 else "Unavailable")
        return json.dumps({"error": {"code": code, "message": f"{code}."}}).encode()
    return b""
