"""Words for what Microsoft Entra ID answers: title, detail, remedy, who can act.

Source: Microsoft, "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

from domain.remedies_exchange import Words

_ADMIN, _ENTRA, _NOBODY = "mailbox admin", "Microsoft Entra administrator", "nobody"
_NEW_SECRET = (
    "A Microsoft Entra administrator makes a new client secret under App registrations > Certificates & "
    "secrets; "
    "enter its value (not its id) as Secret Key and save."
)
_APP_ID = (
    "Check App ID and Tenant ID: the application (client) id and directory (tenant) id of one app "
    "registration."
)
_TENANT_ID = "Check Tenant ID: the directory (tenant) id, or a verified domain of that tenant."

SIGN_IN_REMEDIES: dict[str, Words] = {
    "AADSTS7000215": (
        "The secret key is wrong",
        "Microsoft Entra ID does not accept it for this app. Often the secret's id was pasted instead of its "
        "value.",
        _NEW_SECRET,
        _ADMIN,
    ),
    "AADSTS7000222": (
        "The secret key has expired",
        "Microsoft Entra ID does not accept client secrets beyond their expiry.",
        _NEW_SECRET,
        _ENTRA,
    ),
    "AADSTS7000216": (
        "The secret key is missing",
        "The app needs a client secret here.",
        _NEW_SECRET,
        _ADMIN,
    ),
    "AADSTS7000218": (
        "The secret key is missing",
        "The app needs a client secret here.",
        _NEW_SECRET,
        _ADMIN,
    ),
    "AADSTS700016": (
        "The app is not known in this tenant",
        "There is no app with this App ID.",
        _APP_ID,
        _ADMIN,
    ),
    "AADSTS7000112": (
        "The app is disabled",
        "The app's service principal is switched off in this tenant.",
        "A Microsoft Entra administrator enables it under Enterprise applications > Properties.",
        _ENTRA,
    ),
    "AADSTS90002": ("The tenant is not known", "Microsoft Entra ID has no such tenant.", _TENANT_ID, _ADMIN),
    "AADSTS900023": ("The tenant is not known", "This is no tenant id or domain.", _TENANT_ID, _ADMIN),
    "AADSTS900382": (
        "The sign-in goes to the wrong cloud",
        "Tenant and server are in different clouds.",
        _TENANT_ID,
        _ADMIN,
    ),
    "AADSTS500011": (
        "The tenant does not know the mail server",
        "The server's address is no resource of this tenant.",
        "Check Incoming Email Server. For Exchange Server, hybrid modern authentication has to name this "
        "address.",
        _ADMIN,
    ),
    "AADSTS501051": (
        "The app has no permission for the mail server",
        "It was not assigned to a role for this resource.",
        "Grant the application permission full_access_as_app, with admin consent.",
        _ENTRA,
    ),
    "AADSTS65001": (
        "Consent is missing",
        "No administrator has consented to the app's permissions.",
        "A Microsoft Entra administrator grants admin consent under App registrations > API permissions.",
        _ENTRA,
    ),
    "AADSTS53003": (
        "Conditional Access blocks the app",
        "A policy of the tenant refuses this sign-in.",
        "A Microsoft Entra administrator looks at the sign-in log and excludes the app or its address from "
        "the policy.",
        _ENTRA,
    ),
    "AADSTS90033": (
        "Microsoft Entra ID has passing trouble",
        "It says that it is away for the moment.",
        "Nothing to do: polling goes on by itself.",
        _NOBODY,
    ),
    "SignInUnavailable": (
        "Microsoft Entra ID cannot be reached",
        "The address to sign in at does not answer, or has passing trouble; the reason is beside this.",
        "Nothing to do at first: polling goes on by itself. If it lasts, an Azure administrator checks that "
        "the app may reach login.microsoftonline.com (or the national cloud's address) at port 443.",
        _NOBODY,
    ),
    "SignInRefused": (
        "The sign-in is refused",
        "What answers at the sign-in address refuses without a code of Microsoft Entra ID's.",
        "Check Tenant ID, and that no proxy stands between the app and login.microsoftonline.com.",
        _ADMIN,
    ),
    "AuthenticationTypeNotOffered": (
        "The server does not offer this way to sign in",
        "It does not take what Authentication Type says; what it offers is beside this (bearer means OAuth "
        "2.0).",
        "Choose an Authentication Type that the server offers, or have an Exchange administrator switch this "
        "one on for /EWS (for OAuth 2.0: hybrid modern authentication).",
        _ADMIN,
    ),
    "TokenAnswerMalformed": (
        "Microsoft Entra ID's answer cannot be read",
        "What came back is no token answer; a proxy may stand in between.",
        "Check that the app may reach login.microsoftonline.com directly, if this lasts.",
        "Azure administrator",
    ),
    "AuthorityNotUsable": (
        "The place to sign in cannot be used",
        "No sign-in address could be made of this tenant.",
        _TENANT_ID,
        _ADMIN,
    ),
    "SecretNotFound": (
        "The secret key is missing",
        "Key Vault has no such secret (any more).",
        "Enter the Secret Key again and save.",
        _ADMIN,
    ),
}
