"""Test connection over HTTP: which settings and secret are tried, and how the results are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.connection_test import SSL_OFF, OtherMailboxResult, Outcome, Step, StepResult
from store.connection import StorageConnection
from tests.api.http_app import HttpApp
from tests.config_api.forms import MAILBOX, SECRET, configured, mailbox_form
from tests.store.support import all_rows

TEST = "/api/config/mailboxes/test"
SAVED = f"{MAILBOX}/test"


def failure(step: Step, code: str, said: str = "", **facts: str) -> StepResult:
    """A step that failed."""
    return StepResult(step, Outcome.FAILED, timedelta(milliseconds=340), code, said, facts)


def fail(app: HttpApp, step: Step, code: str, said: str = "") -> dict[str, Any]:
    """How this failure is shown."""
    app.tester.fails_with = {step: failure(step, code, said)}
    answer = app.call("POST", TEST, mailbox_form())
    assert answer.status == 200
    assert answer.json["passed"] is False
    return next(dict(one) for one in answer.json["steps"] if one["step"] == step.value)


def test_saved_settings_are_tried_with_the_stored_secret(app: HttpApp) -> None:
    configured(app)
    answer = app.call("POST", SAVED)
    assert answer.status == 200
    assert answer.json["passed"] is True
    assert [one["step"] for one in answer.json["steps"]] == [step.value for step in Step]
    assert answer.json["steps"][0] == {
        "step": "nameResolution",
        "outcome": "passed",
        "milliseconds": 12,
        "code": None,
        "cause": None,
        "title": None,
        "detail": None,
        "remedy": None,
        "whoCanAct": None,
        "serverMessage": None,
        "facts": {},
    }
    [(settings, secret, steps)] = app.tester.runs
    assert (settings.email, secret, steps) == ("soc@corp.example", None, tuple(Step))
    assert settings.secret is not None


def test_a_mailbox_that_is_not_configured_cannot_be_tried(app: HttpApp) -> None:
    assert app.call("POST", SAVED).code == "MailboxNotConfigured"
    assert app.call("POST", "/api/config/mailboxes/other/test").code == "MailboxNotConfigured"


def test_unsaved_settings_are_tried_with_the_typed_secret_and_nothing_is_stored(
    app: HttpApp, storage: StorageConnection
) -> None:
    answer = app.call("POST", TEST, mailbox_form(email="typed@corp.example"))
    assert (answer.status, answer.json["passed"]) == (200, True)
    [(settings, secret, _)] = app.tester.runs
    assert (settings.email, secret) == ("typed@corp.example", SECRET)
    assert app.vault.versions == {}
    assert app.queue.sent == []
    assert "mailboxes" not in {table for table, _, _ in all_rows(storage)}
    assert SECRET.encode() not in answer.body


def test_unsaved_settings_beside_saved_ones_leave_those_as_they_are(app: HttpApp) -> None:
    before = configured(app)
    app.call("POST", TEST, mailbox_form(email="typed@corp.example", secretKey="another-secret"))
    after = app.call("GET", MAILBOX)
    assert (after.headers["etag"], after.json) == (before.headers["etag"], before.json)
    assert list(app.vault.versions.values()) == [SECRET]


def test_the_stored_secret_is_used_where_nothing_that_it_depends_on_changed(app: HttpApp) -> None:
    configured(app)
    answer = app.call("POST", TEST, mailbox_form(secretKey=None, email="other@corp.example"))
    assert answer.status == 200
    [(settings, secret, _)] = app.tester.runs
    assert (settings.email, secret) == ("other@corp.example", None)
    assert settings.secret is not None


@pytest.mark.parametrize(
    "change",
    [
        {"incomingServer": "mail.evil.example"},
        {"port": 8443},
        {"tenantId": "evil.example"},
        {"appId": "11111111-1111-2222-3333-444455559e2a"},
        {"sslEncrypted": False, "confirmSslOff": True},
    ],
)
def test_the_stored_secret_goes_nowhere_new(app: HttpApp, change: dict[str, Any]) -> None:
    configured(app)
    answer = app.call("POST", TEST, mailbox_form(secretKey=None, **change))
    assert (answer.status, answer.field_codes()) == (422, {"secretKey": "RequiredAgain"})
    assert app.tester.runs == []


def test_without_any_secret_it_is_asked_for(app: HttpApp) -> None:
    answer = app.call("POST", TEST, mailbox_form(secretKey=None))
    assert (answer.status, answer.field_codes()) == (422, {"secretKey": "Required"})


def test_a_field_s_mistake_is_reported_at_the_field_and_nothing_is_tried(app: HttpApp) -> None:
    answer = app.call("POST", TEST, mailbox_form(port=0, otherMailbox="nobody", appId="4f1c"))
    assert answer.status == 422
    assert set(answer.field_codes()) == {"port", "otherMailbox", "appId"}
    assert app.call("POST", f"{TEST}?step=mail", mailbox_form()).status == 422
    assert app.tester.runs == []


@pytest.mark.parametrize("role", ["viewer", "analyst", "respond", "none"])
def test_only_who_may_change_the_configuration_may_test(app: HttpApp, role: str) -> None:
    configured(app)
    assert app.call("POST", SAVED, role=role).status == 403
    assert app.call("POST", TEST, mailbox_form(), role=role).status == 403
    assert app.tester.runs == []


def test_one_step_can_be_asked_for(app: HttpApp) -> None:
    configured(app)
    answer = app.call("POST", f"{SAVED}?step=folderList")
    assert [one["step"] for one in answer.json["steps"]] == ["folderList"]
    app.call("POST", f"{TEST}?step=tls", mailbox_form())
    assert [steps for _, _, steps in app.tester.runs] == [(Step.FOLDER_LIST,), (Step.TLS,)]


def test_a_failed_step_says_what_is_wrong_what_to_do_and_who_can(app: HttpApp) -> None:
    shown = fail(app, Step.TOKEN, "AADSTS7000222", "The provided client secret keys are expired.")
    assert shown["outcome"] == "failed"
    assert shown["milliseconds"] == 340
    assert shown["code"] == "AADSTS7000222"
    assert shown["title"] == "The secret key has expired"
    assert "new client secret" in shown["remedy"]
    assert shown["whoCanAct"] == "Microsoft Entra administrator"
    assert shown["serverMessage"] == "The provided client secret keys are expired."


@pytest.mark.parametrize(
    "said, cause, remedy",
    [
        (
            '2000010;reason="EWS is disabled for the organization.";',
            "EwsOffForOrganization",
            "-EwsEnabled $true",
        ),
        ("EWS is not enabled for this mailbox", "EwsOffForMailbox", "Set-CASMailbox"),
        (
            "The application is not on the allow list of the organization.",
            "EwsAppNotOnAllowList",
            "AllowedAppIDs",
        ),
        ("App ID is not in EWSAllowedAppIDs", "EwsAppNotOnAllowList", "AllowedAppIDs"),
        (
            "The mailbox does not have a valid license for EWS",
            "EwsLicenceMissing",
            "licence with full Exchange",
        ),
        ('2000008;reason="The token contains no permissions"', "PermissionMissingInToken", "admin consent"),
        ("", "HTTP 403", "-EwsAllowedAppIDs"),
    ],
)
def test_a_403_is_told_apart_by_the_server_s_own_words(
    app: HttpApp, said: str, cause: str, remedy: str
) -> None:
    shown = fail(app, Step.MAILBOX_ACCESS, "HTTP 403", said)
    assert (shown["code"], shown["cause"]) == ("HTTP 403", cause)
    assert remedy in shown["remedy"]
    if cause.startswith("EwsOff") or cause == "EwsAppNotOnAllowList":
        assert "1 April 2027" in shown["detail"]
        assert shown["whoCanAct"] == "Exchange administrator"


@pytest.mark.parametrize(
    "code",
    ["ErrorServerBusy", "HTTP 429", "ConnectionLost", "ConnectTimeout", "ReadTimeout", "SignInUnavailable"],
)
def test_no_words_promise_that_a_test_goes_on_by_itself(app: HttpApp, code: str) -> None:
    shown = fail(app, Step.MAILBOX_ACCESS, code)
    assert "by itself" not in shown["remedy"]
    assert "test again" in shown["remedy"].lower()


def test_every_cause_has_words_of_its_own(app: HttpApp) -> None:
    causes = [
        (Step.NAME_RESOLUTION, "NameResolutionFailed"),
        (Step.NAME_RESOLUTION, "AddressNotAllowed"),
        (Step.CONNECTION, "ConnectionRefused"),
        (Step.CONNECTION, "ConnectTimeout"),
        (Step.TLS, "NotHttps"),
        (Step.TLS, "TlsTimeout"),
        (Step.TLS, "CertificateUnknownIssuer"),
        (Step.TLS, "CertificateExpired"),
        (Step.TLS, "CertificateNameMismatch"),
        (Step.TOKEN, "AADSTS90002"),
        (Step.TOKEN, "AADSTS700016"),
        (Step.TOKEN, "AADSTS7000215"),
        (Step.TOKEN, "AADSTS7000222"),
        (Step.MAILBOX_ACCESS, "PermissionMissingInToken"),
        (Step.MAILBOX_ACCESS, "NotExchange"),
        (Step.MAILBOX_ACCESS, "HTTP 404"),
        (Step.MAILBOX_ACCESS, "HTTP 302"),
        (Step.MAILBOX_ACCESS, "ErrorNonExistentMailbox"),
        (Step.MAILBOX_ACCESS, "ErrorAccessDenied"),
        (Step.MAILBOX_ACCESS, "ErrorImpersonateUserDenied"),
        (Step.MAILBOX_ACCESS, "ErrorInvalidLicense"),
        (Step.MAILBOX_ACCESS, "AuthenticationTypeNotOffered"),
        (Step.MAILBOX_ACCESS, "HTTP 403"),
        (Step.MAILBOX_ACCESS, "HTTP 429"),
        (Step.PERMISSION_TO_SEND, "DraftLeft"),
    ]
    told = [(shown["title"], shown["detail"]) for shown in (fail(app, step, code) for step, code in causes)]
    assert len(set(told)) == len(causes)


def test_without_ssl_there_is_no_tls_to_test_and_a_warning(app: HttpApp) -> None:
    app.tester.fails_with = {}
    no_tls = StepResult(Step.TLS, Outcome.NOT_REACHED, timedelta(0), SSL_OFF)
    app.tester.fails_with = {Step.TLS: no_tls}
    form = mailbox_form(sslEncrypted=False, confirmSslOff=True)
    answer = app.call("POST", f"{TEST}?step=tls", form)
    assert answer.json["passed"] is True
    assert answer.json["steps"][0]["outcome"] == "notReached"
    assert [one["code"] for one in answer.json["warnings"]] == ["SslOff"]


@pytest.mark.parametrize("days, warned", [("30", True), ("31", False)])
def test_a_certificate_near_its_end_is_warned_about(app: HttpApp, days: str, warned: bool) -> None:
    app.tester.facts = {Step.TLS: {"daysLeft": days, "validUntil": "2026-12-20"}}
    codes = [one["code"] for one in app.call("POST", TEST, mailbox_form()).json["warnings"]]
    assert codes == (["CertificateExpiresSoon"] if warned else [])


def test_another_mailbox_that_opens_too_is_warned_about(app: HttpApp) -> None:
    configured(app)
    answer = app.call("POST", f"{SAVED}?otherMailbox=ceo@corp.example")
    assert answer.json["passed"] is True
    assert answer.json["otherMailbox"]["opened"] is True
    [warned] = answer.json["warnings"]
    assert warned["code"] == "OpensOtherMailboxes"
    assert "ceo@corp.example" in warned["detail"]


@pytest.mark.parametrize(
    "code, warnings",
    [("ErrorAccessDenied", []), ("ErrorNonExistentMailbox", ["OtherMailboxNotTried"])],
)
def test_another_mailbox_that_is_refused_is_told(app: HttpApp, code: str, warnings: list[str]) -> None:
    app.tester.other = OtherMailboxResult("", False, code)
    answer = app.call("POST", TEST, mailbox_form(otherMailbox="ceo@corp.example"))
    assert answer.json["otherMailbox"]["opened"] is False
    assert [one["code"] for one in answer.json["warnings"]] == warnings


def test_another_mailbox_is_not_tried_after_a_failure(app: HttpApp) -> None:
    app.tester.fails_with = {Step.TOKEN: failure(Step.TOKEN, "AADSTS7000215")}
    answer = app.call("POST", TEST, mailbox_form(otherMailbox="ceo@corp.example"))
    assert answer.json["otherMailbox"] is None


def test_a_step_that_was_not_reached_alone_names_the_cause(app: HttpApp) -> None:
    failed = failure(Step.FOLDER_LIST, "AADSTS7000215")
    app.tester.fails_with = {Step.FOLDER_LIST: replace(failed, outcome=Outcome.NOT_REACHED)}
    answer = app.call("POST", f"{TEST}?step=folderList", mailbox_form())
    assert answer.json["passed"] is False
    assert answer.json["steps"][0]["title"] == "The secret key is wrong"
