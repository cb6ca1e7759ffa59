"""Connections that break, answers that cannot be read: nothing is lost or doubled, the status tells of it."""

from __future__ import annotations

import pytest

from tests.support.faults import configured, failure, going_wrong, held_back, inbox, is_well
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox

LISTINGS = ("GetFolder", "SyncFolderItems")
LONG = "Half of this is cut off.\n" * 1_000
CUTS = ("cut-before", "cut-mid", "cut-after")


@pytest.fixture(scope="module", autouse=True)
def _configured(sandbox: RunningSandbox) -> None:
    configured(sandbox)


def goes_on_without_loss(sandbox: RunningSandbox, message_id: str) -> None:
    """The mail arrives once, is counted once, and no failure is shown any more."""
    synced(sandbox, lambda: mail_with_id(sandbox, message_id))
    sandbox.until(lambda: is_well(sandbox))
    delivered = len(sandbox.command("items").splitlines())

    def counted() -> bool:
        # A mail is shown a moment before its folder's row is written.
        counts = inbox(sandbox)["counts"]
        assert (counts["seen"], counts["unreadable"]) == (delivered, 0)
        return True

    sandbox.until(counted, 15)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("operation", LISTINGS)
def test_a_connection_that_is_cut_costs_no_mail_and_is_told(
    sandbox: RunningSandbox, operation: str, cut: str
) -> None:
    message_id = f"{operation}.{cut}@fin.example"
    with going_wrong(sandbox, "exchange", cut, operation=operation):
        sandbox.deliver(plain_mail(message_id))
        shown = synced(sandbox, lambda: failure(sandbox, "ConnectionLost"))
        assert shown["title"] == "The connection broke"
        assert (shown["whoCanAct"], "goes on by itself" in shown["remedy"]) == ("nobody", True)

    goes_on_without_loss(sandbox, message_id)


@pytest.mark.parametrize("cut", CUTS)
def test_a_sign_in_that_is_cut_costs_no_mail_and_is_told(sandbox: RunningSandbox, cut: str) -> None:
    message_id = f"token.{cut}@fin.example"
    with going_wrong(sandbox, "token", cut):
        sandbox.command("revoke", "--tokens-only")
        sandbox.deliver(plain_mail(message_id))
        shown = synced(sandbox, lambda: failure(sandbox, "SignInUnavailable"))
        assert shown["title"] == "Microsoft Entra ID cannot be reached"
        assert "ConnectionLost" in shown["serverMessage"]

    goes_on_without_loss(sandbox, message_id)


@pytest.mark.parametrize("operation", LISTINGS)
@pytest.mark.parametrize(
    "kind, code",
    [("malformed-xml", "MalformedAnswer"), ("entity-bomb", "MalformedAnswer"), ("endless", "AnswerTooLong")],
)
def test_an_answer_that_is_no_answer_is_given_up_and_told(
    sandbox: RunningSandbox, operation: str, kind: str, code: str
) -> None:
    message_id = f"{operation}.{kind}@fin.example"
    with going_wrong(sandbox, "exchange", kind, operation=operation):
        sandbox.deliver(plain_mail(message_id))
        shown = synced(sandbox, lambda: failure(sandbox, code))
        assert "goes on by itself" in shown["remedy"]

    goes_on_without_loss(sandbox, message_id)


def test_characters_that_xml_forbids_hold_up_nothing(sandbox: RunningSandbox) -> None:
    raw = plain_mail("forbidden@fin.example", sender="ann@fin.example", subject="Odd")
    with going_wrong(sandbox, "exchange", "forbidden-characters"):
        sandbox.deliver(raw, plain_mail("stranger@shop.example", sender="shop@shop.example"))
        mail = synced(sandbox, lambda: mail_with_id(sandbox, "forbidden@fin.example"))
        assert sandbox.until(lambda: is_well(sandbox))

    assert mail["subject"] == "Odd"
    assert sandbox.call("GET", f"/api/triage/{mail['id']}/raw").body == raw


def test_mails_whose_fetch_breaks_are_recorded_told_and_fetched_once_it_is_mended(
    sandbox: RunningSandbox,
) -> None:
    """A fetch that always fails cannot be told from mails that break their own transfer: these are recorded
    with what is known, and tried again a minute later."""
    kinds = (*CUTS, "malformed-xml", "entity-bomb", "endless")
    awaited = [name for kind in kinds for name in recorded(sandbox, kind)]

    def all_there() -> bool:
        sandbox.sync()
        return all(mail_with_id(sandbox, name)["problem"] is None for name in awaited)

    sandbox.until(all_there, 90)
    goes_on_without_loss(sandbox, awaited[0])
    assert sandbox.status()["warnings"] == []


def recorded(sandbox: RunningSandbox, kind: str) -> list[str]:
    """Message-IDs of mails of which some or all are recorded as unreadable, since `kind` goes wrong."""
    names = [f"fetch{number}.{kind}@fin.example" for number in range(4)]
    with going_wrong(sandbox, "exchange", kind, operation="GetItem"):
        with held_back(sandbox):
            sandbox.deliver(*(plain_mail(name, subject=kind, text=LONG) for name in names))

        def all_of_them() -> bool:
            sandbox.sync()  # the poll that meets a fourth broken mail stops there
            found = [mail for mail in sandbox.triage() if mail["subject"] == kind]
            codes = {mail["problem"]["code"] for mail in found if mail["problem"]}
            assert codes <= {"ConnectionLost", "MalformedAnswer", "AnswerTooLong"}
            return len(found) == len(names) and bool(codes)  # half an answer holds some of them whole

        sandbox.until(all_of_them)
        assert "MailsUnreadable" in [one["code"] for one in sandbox.status()["warnings"]]
    return names
