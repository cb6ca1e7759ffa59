"""Byte ranges (RFC 9110, section 14), and the bound on one answer: the Functions worker buffers answers
whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from starlette.responses import Response

from api.problems import Problem

MAX_ANSWER_BYTES = 30 * 1024 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def ranged_response(
    read: Callable[[int, int], bytes],
    size_bytes: int,
    range_header: str | None,
    *,
    media_type: str,
    headers: Mapping[str, str],
    send_body: bool = True,
) -> Response:
    """`read(offset, length)` gives the bytes. A range longer than 30 MB is answered by its beginning.

    Raises 416 for a range outside, and for a request without one where the whole is over 30 MB. Several
    ranges in one request, and units other than bytes, count as none. `send_body` False (HEAD): the headers
    alone.
    """
    shown = {**headers, "Accept-Ranges": "bytes"}
    wanted = _requested(range_header, size_bytes)
    if not send_body:
        answer = Response(status_code=200, media_type=media_type, headers=shown)
        answer.headers["Content-Length"] = str(size_bytes)
        return answer
    if wanted is None:
        if size_bytes > MAX_ANSWER_BYTES:
            raise _unsatisfiable(
                size_bytes,
                "RangeRequired",
                f"This has {size_bytes} bytes: fetch it in ranges of at most 30 MB.",
            )
        return Response(read(0, size_bytes), media_type=media_type, headers=shown)
    begin, length = wanted[0], min(wanted[1], MAX_ANSWER_BYTES)
    shown["Content-Range"] = f"bytes {begin}-{begin + length - 1}/{size_bytes}"
    return Response(read(begin, length), status_code=206, media_type=media_type, headers=shown)


def _requested(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Offset and length of the one range that is asked for."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    if not first:
        begin, end = max(0, size_bytes - int(last)), size_bytes
    else:
        begin, end = int(first), min(size_bytes, int(last) + 1 if last else size_bytes)
    if begin >= end:
        raise _unsatisfiable(size_bytes, "RangeNotSatisfiable", f"This has {size_bytes} bytes.")
    return begin, end - begin


def _unsatisfiable(size_bytes: int, code: str, detail: str) -> Problem:
    return Problem(
        416,
        code,
        detail,
        headers={"Content-Range": f"bytes */{size_bytes}", "Accept-Ranges": "bytes"},
        members={"sizeBytes": size_bytes},
    )
