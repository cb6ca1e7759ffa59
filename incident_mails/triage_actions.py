"""What is done with mails in triage: one, or up to a hundred with a result each.

Each mail is decided by itself: dies in between, the rest is as it was, and the same request again goes on
(a mail that is linked already is refused with its reason).
"""

from __future__ import annotations

from api.problems import Problem
from api.services import Services
from domain.errors import BoundaryError
from domain.links import LinkedMail
from incident_mails.by_person import Decided, Person, known_incident
from incident_mails.change_form import TriageAction, TriageActions
from incident_mails.mail_json import mail_json
from incident_mails.tab import stored_mail


def act(person: Person, linked: LinkedMail, action: TriageAction) -> Decided:
    """Raises 409 where the mail does not wait in triage, or the change cannot be undone."""
    if action.change is not None:
        return person.undo(linked, action.change)
    if linked.state.link is not None:
        raise Problem(
            409,
            "NotInTriage",
            "This mail is in an incident: move it there, or remove its link first.",
            members={"incident": linked.state.link.incident_id},
        )
    if action.incident is not None:
        return person.place(linked, action.incident)
    return person.dismiss(linked)


def act_on_all(services: Services, person: Person, actions: TriageActions) -> list[dict[str, object]]:
    """A result a mail, in the order asked: `status` as a request of its own would have it. Raises 422 for an
    unknown incident."""
    if actions.incident is not None:
        known_incident(services, actions.incident)
    return [_result(services, person, mail_id, actions) for mail_id in dict.fromkeys(actions.mails)]


def decided_json(decided: Decided) -> dict[str, object]:
    """The mail as it then is, and what undoes the change."""
    return mail_json(decided.mail.mail, decided.mail.state) | {"undo": decided.change}


def _result(services: Services, person: Person, mail_id: str, action: TriageAction) -> dict[str, object]:
    try:
        decided = act(person, stored_mail(services, mail_id), action)
    except Problem as problem:
        return _failure(mail_id, problem)
    except BoundaryError as error:
        return _failure(mail_id, Problem.of_boundary(error))
    return {"id": mail_id, "status": 200, "code": None, "detail": None, "undo": decided.change}


def _failure(mail_id: str, problem: Problem) -> dict[str, object]:
    return {
        "id": mail_id,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "undo": None,
    }
