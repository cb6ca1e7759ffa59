"""What a person decides about a mail, as a decision for linking and an entry for the activity log.

Each function answers the mail as it then stands and the change's id, which undoes it for 30 days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.caller import Caller
from api.dependencies import activity
from api.problems import FieldError, Problem
from api.services import Services
from domain.errors import NotFoundError
from domain.links import UNDO_DAYS, LinkedMail, LinkState, PersonDecision
from domain.stored import Activity
from linking.by_hand import UndoRefusedError, decide_by_person, undo_decision
from linking.context import link_context, new_id

_UNDO_REFUSALS = {
    "UndoUnknown": "This mail has no such change.",
    "UndoTooLate": f"A change can be undone for {UNDO_DAYS} days.",
    "ChangedSince": "Somebody has decided about this mail since; undo that first.",
}


@dataclass(frozen=True, slots=True)
class Decided:
    """`change`: what `undo` names."""

    mail: LinkedMail
    change: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, and the change's id: one for several mails that are decided at once."""

    services: Services
    caller: Caller
    change: str

    @classmethod
    def of(cls, services: Services, caller: Caller) -> Person:
        """With a new change."""
        return cls(services, caller, new_id())

    def place(self, linked: LinkedMail, incident_id: str, action: str = "mail.linked") -> Decided:
        """Into this incident, which has been looked up."""
        return self._decide(linked, replace(self._decision(linked), placed_in=incident_id), action)

    def unlink(self, linked: LinkedMail) -> Decided:
        """Out of its incident, into triage."""
        return self._decide(linked, replace(self._decision(linked), nowhere=True), "mail.unlinked")

    def dismiss(self, linked: LinkedMail) -> Decided:
        """It belongs to no incident."""
        return self._decide(linked, replace(self._decision(linked), dismissed=True), "mail.dismissed")

    def accept(self, linked: LinkedMail) -> Decided:
        """The suggestion was right. Raises 409 where it is none."""
        return self.place(linked, _suggested(linked), "mail.suggestionAccepted")

    def refuse(self, linked: LinkedMail) -> Decided:
        """The suggestion was wrong: no rule places the mail there again. Raises 409 where it is none."""
        suggested, decision = _suggested(linked), self._decision(linked)
        refused = tuple(dict.fromkeys((*decision.refused, suggested)))
        return self._decide(linked, replace(decision, refused=refused), "mail.suggestionRefused")

    def undo(self, linked: LinkedMail, change: str) -> Decided:
        """What stood before a person's change. Raises 409."""
        decision = PersonDecision(self.change, self.services.clock.now(), self.caller.name)
        decision = replace(decision, acting_for=self.caller.acting_for)
        entry = self._entry(linked, "mail.changeUndone", {"change": change})
        try:
            after = undo_decision(link_context(self.services), linked.mail.id, change, decision, entry)
        except UndoRefusedError as refused:
            raise Problem(409, refused.code, _UNDO_REFUSALS[refused.code]) from None
        except NotFoundError:
            raise Problem.not_found("The mail") from None
        return Decided(after, self.change)

    def _decision(self, linked: LinkedMail) -> PersonDecision:
        before = linked.state.decision
        return PersonDecision(
            self.change,
            self.services.clock.now(),
            self.caller.name,
            acting_for=self.caller.acting_for,
            refused=before.refused if before else (),
        )

    def _decide(self, linked: LinkedMail, decision: PersonDecision, action: str) -> Decided:
        after = {"incident": decision.placed_in, "refused": list(decision.refused) or None}
        entry = self._entry(linked, action, {name: value for name, value in after.items() if value})
        try:
            mail = decide_by_person(link_context(self.services), linked.mail.id, decision, entry)
        except NotFoundError:
            raise Problem.not_found("The mail") from None
        return Decided(mail, decision.id)

    def _entry(self, linked: LinkedMail, action: str, after: dict[str, object]) -> Activity:
        link = linked.state.link
        before = (
            {"incident": link.incident_id, "state": link.state.value, "rule": link.rule.value}
            if link
            else {"incident": None}
        )
        return activity(self.services, self.caller, action, f"mail/{linked.mail.id}", before, after)


def known_incident(services: Services, incident_id: str, field: str = "incident") -> str:
    """Raises 422 at the field."""
    if services.incidents.read(incident_id) is None:
        raise Problem.of_fields([FieldError(field, "UnknownIncident", "There is no incident with this id.")])
    return incident_id


def _suggested(linked: LinkedMail) -> str:
    link = linked.state.link
    if link is None or link.state is not LinkState.SUGGESTED:
        raise Problem(409, "NotSuggested", "This mail is not suggested for the incident (any more).")
    return link.incident_id
