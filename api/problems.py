"""Every refusal and failure as problem details (RFC 9457): a stable `code`, the fields' mistakes, a
correlation id."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from domain.errors import BoundaryError, RetryLaterError
from domain.remedies import remedy_for

_DEFAULT_RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field's mistake. `field` is its JSON path (`recipients.0`)."""

    field: str
    code: str
    detail: str


class Problem(Exception):  # noqa: N818 (RFC 9457's name)
    """An answer other than success. `members` are extension members of the problem details."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        title: str | None = None,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        super().__init__(f"{status} {code}")

    @classmethod
    def of_fields(cls, errors: Iterable[FieldError]) -> Problem:
        """422: the request was understood, and these fields are wrong."""
        found = tuple(errors)
        names = ", ".join(dict.fromkeys(error.field for error in found if error.field))
        detail = f"Look at: {names}." if names else "The request cannot be taken as it is."
        return cls(422, "ValidationFailed", detail, title="Some fields are wrong", errors=found)

    @classmethod
    def not_found(cls, what: str) -> Problem:
        """404: `what` ("The mail") is not here."""
        return cls(404, "NotFound", f"{what} is not here.")

    @classmethod
    def of_boundary(cls, error: BoundaryError, members: Mapping[str, object] | None = None) -> Problem:
        """503 with `Retry-After` for passing trouble, 502 for what an admin has to mend, in the remedy's
        words."""
        remedy = remedy_for(error.code, error.server_message)
        passing = isinstance(error, RetryLaterError)
        headers = {}
        if isinstance(error, RetryLaterError):
            seconds = error.back_off.total_seconds() if error.back_off else _DEFAULT_RETRY_AFTER_S
            headers["Retry-After"] = str(max(1, math.ceil(seconds)))
        return cls(
            503 if passing else 502,
            error.code,
            remedy.detail,
            title=remedy.title,
            headers=headers,
            members={
                "remedy": remedy.remedy,
                "whoCanAct": remedy.who,
                "serverMessage": error.server_message or None,
                **(members or {}),
            },
        )

    def body(self, correlation: str) -> dict[str, object]:
        """The problem details as JSON."""
        found: dict[str, object] = {
            "type": f"urn:respond-mailbox:problem:{self.code.replace(' ', '-')}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "correlationId": correlation,
        }
        if self.errors:
            found["errors"] = [
                {"field": error.field, "code": error.code, "detail": error.detail} for error in self.errors
            ]
        return found | self.members


def missing_permission(role: str) -> Problem:
    """403: the caller lacks this app role."""
    return Problem(
        403,
        "PermissionMissing",
        f"This needs the role {role}. A Microsoft Entra administrator assigns it.",
        members={"permission": role},
    )


def correlation_id(scope: MutableMapping[str, Any]) -> str:
    """The Functions invocation's id, so that a caller's report leads to the trace; elsewhere a new id."""
    invocation = scope.get("azure_functions.invocation_id")
    return scope.setdefault("respond_mailbox.correlation_id", str(invocation or uuid.uuid4()))  # type: ignore[no-any-return] # an ASGI scope is untyped


def problem_response(problem: Problem, scope: MutableMapping[str, Any]) -> JSONResponse:
    """The answer for this problem."""
    return JSONResponse(
        problem.body(correlation_id(scope)),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )
