"""ETags and preconditions (RFC 9110, section 13): 428 without one, 412 with a stale one and what is stored
now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from api.problems import Problem


def entity_tag(*row_etags: str | None) -> str:
    """A strong ETag for an answer made from these rows (None: a row that is not there)."""
    text = "\0".join("-" if etag is None else f"+{etag}" for etag in row_etags)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def check_if_match(if_match: str | None, tag: str, current: Mapping[str, object]) -> None:
    """Lets a change of something that exists pass. `current`: its present version, for the answer's body.

    Raises 428 where `If-Match` is missing, 412 where it names another version.
    """
    if if_match is None:
        raise Problem(
            428,
            "PreconditionRequired",
            "Read it first and send its ETag as If-Match, so that nobody's change is lost.",
            headers={"ETag": tag},
        )
    if if_match.strip() == "*" or tag in (one.strip() for one in if_match.split(",")):
        return
    raise stale(tag, current)


def stale(tag: str, current: Mapping[str, object]) -> Problem:
    """412: somebody else changed it first."""
    return Problem(
        412,
        "PreconditionFailed",
        "Somebody else has changed this since you read it. `current` is what is stored now.",
        headers={"ETag": tag},
        members={"current": dict(current)},
    )


def absent_but_matched() -> Problem:
    """412: `If-Match` was sent for something that is not there."""
    return Problem(
        412,
        "PreconditionFailed",
        "There is nothing stored that If-Match could name.",
        members={"current": None},
    )
