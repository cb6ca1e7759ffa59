"""A connection test's results as the API shows them: each cause in words, the server's own code beside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from config_api.mailbox_json import mailbox_warnings, warning
from domain.connection_test import OtherMailboxResult, StepResult
from domain.mailboxes import MailboxSettings
from domain.remedies_connection_test import remedy_in_test

_WARN_DAYS = 30
_REFUSED_AS_IT_SHOULD_BE = frozenset(
    ("ErrorAccessDenied", "ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "HTTP 403")
)


def connection_test_json(
    settings: MailboxSettings, results: Sequence[StepResult], other: OtherMailboxResult | None, today: date
) -> dict[str, object]:
    """The body of `POST .../test`. `passed`: every step that was asked for is fine."""
    return {
        "passed": all(result.is_fine for result in results),
        "steps": [_step(result) for result in results],
        "otherMailbox": _other(other) if other else None,
        "warnings": [
            *mailbox_warnings(settings, today),
            *_certificate_warnings(results),
            *(_other_warnings(other) if other else ()),
        ],
    }


def _step(result: StepResult) -> dict[str, object]:
    remedy = remedy_in_test(result.code, result.server_message) if result.code else None
    return {
        "step": result.step.value,
        "outcome": result.outcome.value,
        "milliseconds": round(result.took.total_seconds() * 1000),
        "code": result.code,
        "cause": remedy.code if remedy else None,
        "title": remedy.title if remedy else None,
        "detail": remedy.detail if remedy else None,
        "remedy": remedy.remedy if remedy else None,
        "whoCanAct": remedy.who.value if remedy else None,
        "serverMessage": result.server_message or None,
        "facts": dict(result.facts),
    }


def _other(other: OtherMailboxResult) -> dict[str, object]:
    return {
        "address": other.address,
        "opened": other.opened,
        "code": other.code,
        "serverMessage": other.server_message or None,
    }


def _certificate_warnings(results: Sequence[StepResult]) -> list[dict[str, object]]:
    for result in results:
        days = result.facts.get("daysLeft", "")
        if result.is_fine and days.isdigit() and int(days) <= _WARN_DAYS:
            return [
                warning(
                    "CertificateExpiresSoon",
                    "The server's certificate expires soon",
                    f"It holds until {result.facts['validUntil']}. An Exchange administrator renews it in "
                    "time.",
                )
            ]
    return []


def _other_warnings(other: OtherMailboxResult) -> list[dict[str, object]]:
    if other.opened:
        return [
            warning(
                "OpensOtherMailboxes",
                "The app can open other mailboxes too",
                f"It opened {other.address}. full_access_as_app reaches every mailbox of the organisation; "
                "an Exchange administrator limits the app by RBAC for Applications (the role Application "
                "EWS.AccessAsApp with a scope of this mailbox alone).",
            )
        ]
    if other.code in _REFUSED_AS_IT_SHOULD_BE:
        return []
    why = remedy_in_test(other.code or "", other.server_message).title
    return [
        warning(
            "OtherMailboxNotTried",
            "Whether the app can open other mailboxes is not known",
            f"{other.address}: {why}. Try the address of another mailbox.",
        )
    ]
