"""Which incidents' mails a tab shows, and which mails are in it. The mail's row decides, not its
projection."""

from __future__ import annotations

from dataclasses import dataclass

from api.problems import Problem
from api.services import Services
from domain.incidents import Incident, root_of
from domain.links import LinkedMail
from domain.stored import Versioned
from incident_mails.save_incident import stored_incident

MAX_MAIL_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Tab:
    """`incident_ids`: the incident and all that are merged into it; none where it is merged itself.
    `merged_into`: the incident that shows its mails then."""

    incident: Versioned[Incident]
    incident_ids: tuple[str, ...]
    merged_into: str | None

    def shows(self, linked: LinkedMail) -> bool:
        """Whether the mail is in this tab."""
        return linked.state.link is not None and linked.state.link.incident_id in self.incident_ids


def tab_of(services: Services, incident_id: str) -> Tab:
    """Raises 404."""
    stored = stored_incident(services, incident_id)
    if stored.value.merged_into is not None:
        root = root_of(incident_id, services.incidents.merged([incident_id]))
        return Tab(stored, (), root)
    return Tab(stored, (incident_id, *services.incidents.merged_into(incident_id)), None)


def stored_mail(services: Services, mail_id: str) -> LinkedMail:
    """Raises 404."""
    found = services.links.read([mail_id]) if 0 < len(mail_id) <= MAX_MAIL_ID_CHARS else {}
    if mail_id not in found:
        raise Problem.not_found("The mail")
    return found[mail_id]


def mail_of(services: Services, tab: Tab, mail_id: str) -> LinkedMail:
    """Raises 404 also where the mail is in another incident's tab, or in triage."""
    linked = stored_mail(services, mail_id)
    if not tab.shows(linked):
        raise Problem.not_found("The mail")
    return linked
