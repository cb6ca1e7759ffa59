"""Saves the **Mailbox** form: the secret's new version in Key Vault first, then one row that names it.

Settings and activity log entry are one transaction. Dies after Key Vault's write: a version that no row
names, and the mailbox as it was. Dies after the row: the poll is not asked for yet, which the status heals
when it is read. Two savers: the row's ETag lets one win, the other's secret version is disabled and its
caller answered with what is stored.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime

from api.caller import Caller
from api.dependencies import activity
from api.etags import absent_but_matched, check_if_match, entity_tag, stale
from api.problems import FieldError, Problem
from api.services import Services
from config_api.mailbox_form import MailboxForm, check_email
from config_api.mailbox_json import logged, mailbox_json
from config_api.mistakes import FieldMistakeError
from config_api.poll_request import poll_now, stop_polling
from config_api.secret_versions import switch_off
from config_api.server_address import ServerAddress, parse_server_address
from domain.errors import ConflictError
from domain.mailboxes import AuthenticationType, MailboxConfiguration, MailboxSettings, SecretRef
from domain.secret_reuse import what_asks_for_the_secret_again


@dataclass(frozen=True, slots=True)
class SavedMailbox:
    """`created`: there was none before."""

    settings: MailboxSettings
    etag: str
    created: bool


def save_mailbox(
    services: Services, caller: Caller, mailbox_id: str, form: MailboxForm, if_match: str | None
) -> SavedMailbox:
    """Raises `Problem` for preconditions and field mistakes, and what Key Vault and storage raise."""
    now = services.clock.now()
    stored = services.mailboxes.read(mailbox_id)
    _check_precondition(stored, if_match, now)
    before = stored.settings if stored else None
    wanted = settings_of_form(form, before, mailbox_id)
    new_secret = _store_secret(services, caller, form, wanted, now)
    settings = replace(wanted, secret=new_secret) if new_secret else wanted
    goes_further_back = before is not None and settings.look_back_days > before.look_back_days
    if goes_further_back:
        # Before and after the save: neither a crash in between nor a poll in between loses the walk.
        services.mailboxes.request_rewalk(mailbox_id, now)
    try:
        etag = _save(services, caller, before, settings, stored.settings_etag if stored else None)
    except ConflictError:
        current = services.mailboxes.read(mailbox_id)
        if current is None or not _names(current.settings.secret, new_secret):
            if new_secret:
                switch_off(services, new_secret)
            raise _conflict(current, now) from None
        # Our own row refused its repetition: it was written by a request that storage answered with 5xx.
        settings, etag = current.settings, current.settings_etag
    if goes_further_back:
        services.mailboxes.request_rewalk(mailbox_id, services.clock.now())
    if settings.enabled:
        poll_now(services, mailbox_id, forget_back_off=_is_another_mailbox(before, settings))
    else:
        stop_polling(services, mailbox_id)
    return SavedMailbox(settings, entity_tag(etag), created=before is None)


def _check_precondition(stored: MailboxConfiguration | None, if_match: str | None, now: datetime) -> None:
    if stored is not None:
        check_if_match(if_match, entity_tag(stored.settings_etag), mailbox_json(stored.settings, now.date()))
    elif if_match is not None:
        raise absent_but_matched()


def settings_of_form(form: MailboxForm, before: MailboxSettings | None, mailbox_id: str) -> MailboxSettings:
    """What the form stands for, with the secret that is stored so far. `before`: what the form is to replace.

    Raises `Problem` with the fields' mistakes, a secret key that has to be entered (again) among them.
    """
    errors: list[FieldError] = []
    address = parse_server_address(form.incoming_server)
    email = form.email
    try:
        email = check_email(form.email, form.authentication_type)
    except FieldMistakeError as mistake:
        errors.append(mistake.at("email"))
    errors += _authentication_errors(form, address)
    errors += _address_errors(form, address)
    if not form.ssl_encrypted and not form.confirm_ssl_off:
        errors.append(
            FieldError(
                "sslEncrypted",
                "ConfirmationNeeded",
                "Without SSL, mail and sign-in travel unencrypted. To turn it off all the same, send "
                "confirmSslOff: true.",
            )
        )
    made = MailboxSettings(
        mailbox_id=mailbox_id,
        creation_id=before.creation_id if before else uuid.uuid4().hex,
        email=email,
        incoming_server=address.host,
        app_id=form.app_id or "",
        tenant_id=form.tenant_id or "",
        account_type=form.account_type,
        port=address.port or form.port,
        authentication_type=AuthenticationType(form.authentication_type),
        ssl_encrypted=form.ssl_encrypted,
        enabled=form.enabled if form.says("enabled") or not before else before.enabled,
        look_back_days=form.look_back_days
        if form.says("look_back_days") or not before
        else before.look_back_days,
        authserv_id=form.authserv_id if form.says("authserv_id") or not before else before.authserv_id,
        secret=_kept_secret(form, before),
    )
    errors += _secret_errors(form, before, made)
    if errors:
        raise Problem.of_fields(errors)
    return made


def _authentication_errors(form: MailboxForm, address: ServerAddress) -> list[FieldError]:
    if form.authentication_type == AuthenticationType.OAUTH2:
        required = (("appId", form.app_id), ("tenantId", form.tenant_id))
        return [
            FieldError(name, "Required", "OAuth 2.0 needs this field.")
            for name, value in required
            if not value
        ]
    if not address.is_microsoft_365:
        return []
    name = "NTLM" if form.authentication_type == AuthenticationType.NTLM else "Basic"
    detail = f"Microsoft 365 does not take {name} authentication; choose OAuth 2.0."
    return [FieldError("authenticationType", "NotForMicrosoft365", detail)]


def _address_errors(form: MailboxForm, address: ServerAddress) -> list[FieldError]:
    errors = []
    if address.port is not None and form.says("port") and form.port != address.port:
        detail = f"The server's address says {address.port}, Port says {form.port}; make them one."
        errors.append(FieldError("port", "PortContradiction", detail))
    if address.encrypted is not None and address.encrypted != form.ssl_encrypted:
        scheme = "https" if address.encrypted else "http"
        detail = (
            f"The address begins with {scheme}://, SSL Encrypted says otherwise; enter the host name alone."
        )
        errors.append(FieldError("incomingServer", "SchemeContradiction", detail))
    return errors


def _secret_errors(
    form: MailboxForm, before: MailboxSettings | None, made: MailboxSettings
) -> list[FieldError]:
    if form.secret_key is not None:
        return []
    if before is None or before.secret is None:
        return [FieldError("secretKey", "Required", "The secret key is not set yet; enter it.")]
    changed = what_asks_for_the_secret_again(before, made)
    if not changed:
        return []
    what = " and ".join(changed)
    detail = f"Enter the secret key again: the {what} changed, and it is sent nowhere new unasked."
    return [FieldError("secretKey", "RequiredAgain", detail)]


def _kept_secret(form: MailboxForm, before: MailboxSettings | None) -> SecretRef | None:
    secret = before.secret if before else None
    if secret is None or not form.says("secret_expires_on"):
        return secret
    return replace(secret, expires_on=_expiry(form))


def _store_secret(
    services: Services, caller: Caller, form: MailboxForm, settings: MailboxSettings, now: datetime
) -> SecretRef | None:
    if form.secret_key is None:
        return None
    name = f"mailbox-{settings.creation_id}"
    version = services.secrets.write(name, form.secret_key)
    return SecretRef(
        name, version, set_at=now, set_by=caller.acting_for or caller.name, expires_on=_expiry(form)
    )


def _expiry(form: MailboxForm) -> date | None:
    return date.fromisoformat(form.secret_expires_on) if form.secret_expires_on else None


def _save(
    services: Services,
    caller: Caller,
    before: MailboxSettings | None,
    settings: MailboxSettings,
    etag: str | None,
) -> str:
    now = services.clock.now()
    after = logged(settings, now) or {}
    if before is None or before.secret != settings.secret:
        after["secretKey"] = "changed"
    entry = activity(
        services,
        caller,
        "mailbox.changed" if before else "mailbox.created",
        f"mailbox/{settings.mailbox_id}",
        logged(before, now),
        after,
    )
    return services.mailboxes.save_settings(settings, etag, entry)


def _names(stored: SecretRef | None, new: SecretRef | None) -> bool:
    return stored is not None and new is not None and (stored.name, stored.version) == (new.name, new.version)


def _conflict(current: MailboxConfiguration | None, now: datetime) -> Problem:
    if current is None:
        return absent_but_matched()
    return stale(entity_tag(current.settings_etag), mailbox_json(current.settings, now.date()))


def _is_another_mailbox(before: MailboxSettings | None, after: MailboxSettings) -> bool:
    if before is None:
        return False
    return (before.incoming_server, before.port, before.email) != (
        after.incoming_server,
        after.port,
        after.email,
    )
