"""Words for refusals that share one status and differ in what the server says beside it: HTTP 403 above all.

Exchange's texts are matched by what they are about, not to the letter, since they change. Sources: Microsoft,
"Control access to EWS in Exchange", "Set-OrganizationConfig", "Deprecation of Exchange Web Services in
Exchange Online".
"""

from __future__ import annotations

import re

from domain.remedies_exchange import Words

_EXCHANGE, _ENTRA = "Exchange administrator", "Microsoft Entra administrator"
_END = "EWS in Exchange Online ends for good on 1 April 2027; until then this works."
_HOURS = "It can take up to 24 hours to take effect."

REFUSAL_REMEDIES: dict[str, Words] = {
    "EwsOffForOrganization": (
        "EWS is switched off for the organisation",
        "The organisation's switch EwsEnabled is off, or not set, which means off since 1 October 2026. "
        + _END,
        "An Exchange administrator runs in Exchange Online PowerShell: Set-OrganizationConfig -EwsEnabled "
        "$true "
        "-EwsAllowedAppIDs with this App ID added to the whole list. " + _HOURS,
        _EXCHANGE,
    ),
    "EwsOffForMailbox": (
        "EWS is switched off for this mailbox",
        "The organisation allows EWS, the mailbox's own switch does not. " + _END,
        "An Exchange administrator runs in Exchange Online PowerShell: Set-CASMailbox (the mailbox) "
        "-EwsEnabled "
        "$true. " + _HOURS,
        _EXCHANGE,
    ),
    "EwsAppNotOnAllowList": (
        "This app is not on the organisation's allow list for EWS",
        "EWS is on, but only for the apps whose App ID the organisation lists. " + _END,
        "An Exchange administrator runs in Exchange Online PowerShell: Set-OrganizationConfig "
        "-EwsAllowedAppIDs "
        "with this App ID added to the whole list (Get-OrganizationConfig shows it). " + _HOURS,
        _EXCHANGE,
    ),
    "EwsLicenceMissing": (
        "The mailbox's licence does not allow EWS",
        "Mailboxes with only a Kiosk, F1 or F3 licence may not be opened by EWS since 30 June 2026.",
        "A Microsoft 365 administrator assigns the mailbox a licence with full Exchange Online (Plan 1 or "
        "2).",
        _EXCHANGE,
    ),
    "PermissionMissingInToken": (
        "Consent is missing: the app has no permission for Exchange",
        "Microsoft Entra ID gives a token, but without the application permission full_access_as_app, and "
        "Exchange refuses it.",
        "A Microsoft Entra administrator adds the application permission Office 365 Exchange Online > "
        "full_access_as_app under App registrations > API permissions, and grants admin consent. Or an "
        "Exchange "
        "administrator gives the app the role Application EWS.AccessAsApp by RBAC for Applications.",
        _ENTRA,
    ),
}

_TEXTS = (
    ("EwsLicenceMissing", r"licen[cs]e|kiosk|\bF[13]\b"),
    (
        "EwsAppNotOnAllowList",
        r"allow(ed)?[ -]?(app|list)|block[ -]?list|app(lication)?\b.{0,60}\bnot (on|in|allowed)",
    ),
    ("PermissionMissingInToken", r"token contains no permissions|permissions can ?not be understood"),
    ("EwsOffForMailbox", r"(EWS|Web Services)\b.{0,40}\b(disabled|off|not enabled)\b.{0,40}\b(mailbox|user)"),
    ("EwsOffForOrganization", r"(EWS|Web Services)\b.{0,40}\b(disabled|off|not enabled)|EwsEnabled"),
)
_STATUS = ("HTTP 401", "HTTP 403")


def refusal_by_text(code: str, server_message: str) -> str | None:
    """The key in `REFUSAL_REMEDIES` that the server's own words point at; None where they say nothing."""
    if code not in _STATUS:
        return code if code in REFUSAL_REMEDIES else None
    for key, pattern in _TEXTS:
        if re.search(pattern, server_message[:500], re.IGNORECASE | re.DOTALL):
            return key
    return None
