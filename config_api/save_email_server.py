"""Saves the **Email Server** form: the password's new version in Key Vault first, then one row that names it.

Dies after Key Vault's write: a version that no row names, and the settings as they were. Dies after the row:
a password that is no longer used is not switched off; nothing names it. Two savers: the row's ETag lets one
win, the other's version is disabled and its caller answered with what is stored.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from api.caller import Caller
from api.models import rfc3339
from api.problems import FieldError, Problem
from api.services import Services
from config_api.email_server_form import EmailServerForm
from config_api.mailbox_json import warning
from config_api.secret_versions import switch_off
from config_api.settings_resource import Current, SettingsResource
from domain.configuration import EmailServer, EmailServerKind, PasswordRef, SmtpSecurity, SmtpServer


def save_email_server(
    services: Services, caller: Caller, form: EmailServerForm, if_match: str | None
) -> Current[EmailServer]:
    """Raises `Problem` for preconditions and field mistakes, and what Key Vault and storage raise."""
    current = EMAIL_SERVER.read_to_change(services, if_match)
    before = current.value.smtp
    smtp = _smtp(form, before)
    old = before.password if before else None
    new = _store_password(services, caller, form, old) if smtp else None
    if smtp and new:
        smtp = replace(smtp, password=new)
    value = EmailServer(smtp=smtp, sender_name=form.sender_name, signature=form.signature)
    kept = smtp.password if smtp else None
    changed = {"password": "changed"} if kept != old else None
    try:
        saved = EMAIL_SERVER.save(services, caller, current, value, secrets_changed=changed)
    except Problem:
        stored = EMAIL_SERVER.read(services)
        if new is None or not _names(stored.value.smtp, new):
            if new:
                switch_off(services, new)
            raise
        # Our own row refused its repetition: it was written by a request that storage answered with 5xx.
        saved = stored
    if old and kept is None:
        switch_off(services, old)
    return saved


def _names(stored: SmtpServer | None, new: PasswordRef) -> bool:
    held = stored.password if stored else None
    return held is not None and (held.name, held.version) == (new.name, new.version)


def _smtp(form: EmailServerForm, before: SmtpServer | None) -> SmtpServer | None:
    if form.kind == EmailServerKind.EWS:
        if errors := _errors_of_ews(form):
            raise Problem.of_fields(errors)
        return None
    security = SmtpSecurity(form.security or SmtpSecurity.STARTTLS)
    made = SmtpServer(
        host=form.host or "",
        port=form.port or security.default_port,
        security=security,
        user_name=form.user_name,
        password=before.password if before and form.user_name else None,
    )
    if errors := _errors_of_smtp(form, before, made):
        raise Problem.of_fields(errors)
    return made


def _errors_of_ews(form: EmailServerForm) -> list[FieldError]:
    given = {
        "host": form.host,
        "port": form.port,
        "security": form.security,
        "userName": form.user_name,
        "password": form.password,
    }
    detail = "Only an SMTP server has this field; with ews the mailbox's own settings count."
    return [FieldError(name, "NotForEws", detail) for name, value in given.items() if value is not None]


def _errors_of_smtp(form: EmailServerForm, before: SmtpServer | None, made: SmtpServer) -> list[FieldError]:
    errors = []
    if not made.host:
        errors.append(FieldError("host", "Required", "An SMTP server needs this field."))
    if made.security is SmtpSecurity.NONE and not form.confirm_unencrypted:
        detail = (
            "Without TLS, mail and password travel unencrypted. To do so all the same, send "
            "confirmUnencrypted: true."
        )
        errors.append(FieldError("security", "ConfirmationNeeded", detail))
    if form.user_name is None:
        if form.password is not None:
            detail = "A password goes with a user name; enter it, or leave the password out."
            errors.append(FieldError("userName", "Required", detail))
    elif form.password is None:
        errors += _errors_of_password(before, made)
    return errors


def _errors_of_password(before: SmtpServer | None, made: SmtpServer) -> list[FieldError]:
    if before is None or before.password is None:
        return [FieldError("password", "Required", "The password is not set yet; enter it.")]
    compared = (
        ("host", before.host, made.host),
        ("port", before.port, made.port),
        ("security", before.security, made.security),
        ("user name", before.user_name, made.user_name),
    )
    changed = [label for label, old, new in compared if old != new]
    if not changed:
        return []
    what = " and ".join(changed)
    detail = f"Enter the password again: the {what} changed, and it is sent nowhere new unasked."
    return [FieldError("password", "RequiredAgain", detail)]


def _store_password(
    services: Services, caller: Caller, form: EmailServerForm, old: PasswordRef | None
) -> PasswordRef | None:
    if form.password is None:
        return None
    name = old.name if old else f"email-server-{uuid.uuid4().hex}"
    version = services.secrets.write(name, form.password)
    return PasswordRef(name, version, services.clock.now(), caller.acting_for or caller.name)


def _json(server: EmailServer) -> dict[str, object]:
    return {**_logged(server), "warnings": _warnings(server)}


def _logged(server: EmailServer) -> dict[str, object]:
    smtp = server.smtp
    password = smtp.password if smtp else None
    return {
        "kind": server.kind.value,
        "host": smtp.host if smtp else None,
        "port": smtp.port if smtp else None,
        "security": smtp.security.value if smtp else None,
        "userName": smtp.user_name if smtp else None,
        "passwordSet": password is not None,
        "passwordSetAt": rfc3339(password.set_at) if password else None,
        "passwordSetBy": password.set_by if password else None,
        "senderName": server.sender_name,
        "signature": server.signature,
    }


def _warnings(server: EmailServer) -> list[dict[str, object]]:
    if server.smtp is None or server.smtp.security is not SmtpSecurity.NONE:
        return []
    title = "Mail and password travel to the SMTP server unencrypted"
    detail = "Whoever is on the way can read them. Choose starttls or tls."
    return [warning("SmtpUnencrypted", title, detail)]


EMAIL_SERVER = SettingsResource(EmailServer(), "emailServer", "settings/email-server", _json, _logged)
