"""Writes a message anew from its parts, as Exchange does for copies, sent mails and later fetches.

The content stays, bytes do not: new boundaries, CRLF throughout, header lines unfolded and folded again,
header fields of Exchange's own. What is signed or encrypted keeps its parts.
"""

import email.generator
import email.message
import email.parser
import email.policy
import io
import uuid

from sandbox.exchange.mime import Headers, normalised_subject, read_headers

_SIGNED = ("multipart/signed", "application/pkcs7-mime", "application/x-pkcs7-mime")
_POLICY = email.policy.compat32.clone(linesep="\r\n", max_line_length=76)


def rebuild_mime(raw: bytes, replace: dict[str, str] | None = None) -> bytes:
    """The message with new boundaries; replace: header fields to be set, or removed where the value
    is empty.
    """
    given = read_headers(raw)
    content_type = (given.first("Content-Type") or "").lower()
    added = {name: value for name, value in _own_fields(given).items() if given.first(name) is None}
    replace = {**added, **(replace or {})}
    if content_type.startswith(_SIGNED):
        return _as_it_came(raw, replace)
    try:
        return _rebuilt(raw, replace)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError):
        return _as_it_came(raw, replace)


def _own_fields(given: Headers) -> dict[str, str]:
    """Header fields that Exchange writes into every message that it builds."""
    topic = given.first("Subject") or ""
    return {
        **({"Thread-Topic": normalised_subject(topic)} if topic.isascii() and topic.isprintable() else {}),
        "Content-Language": "en-US",
        "X-MS-Exchange-MessageSentRepresentingType": "1",
        "MIME-Version": "1.0",
    }


def _rebuilt(raw: bytes, replace: dict[str, str]) -> bytes:
    message = email.parser.BytesParser(policy=_POLICY).parsebytes(raw)
    for name, value in replace.items():
        del message[name]
        if value:
            message[name] = value
    _renew_boundaries(message)
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False, policy=_POLICY).flatten(message)
    return out.getvalue()


def _renew_boundaries(message: email.message.Message) -> None:
    marker = uuid.uuid4().hex.upper()
    for index, part in enumerate(message.walk()):
        if part.get_content_maintype() == "multipart" and part.is_multipart() and part.get_boundary():
            part.set_boundary(f"_{index:03d}_{marker}_")


def _as_it_came(raw: bytes, replace: dict[str, str]) -> bytes:
    """What cannot be taken apart keeps its body; only line ends and the given fields change."""
    lines = raw.replace(b"\r\n", b"\n")
    head, separator, body = lines.partition(b"\n\n")
    kept = [
        f"{name}: {value}" for name, value in read_headers(head).fields if name.lower() not in _lower(replace)
    ]
    kept += [f"{name}: {value}" for name, value in replace.items() if value]
    text = "\n".join(kept).encode("utf-8", "replace") + separator + body
    return text.replace(b"\n", b"\r\n")


def _lower(replace: dict[str, str]) -> set[str]:
    return {name.lower() for name in replace}
