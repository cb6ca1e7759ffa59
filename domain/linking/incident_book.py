"""What is known of incidents while mails are decided: who was open when, who impacts whom, who merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.incidents import Incident, root_of


@dataclass(frozen=True)
class IncidentBook:
    """`incidents`: all that may be asked for. `of_unit`: every incident that impacts a unit. `families`: by
    root, the incidents whose mails it shows, itself included. `spellings`: stored ids by casefolded id.
    `merged`: child to parent."""

    incidents: Mapping[str, Incident]
    of_unit: Mapping[str, tuple[Incident, ...]]
    families: Mapping[str, tuple[str, ...]]
    spellings: Mapping[str, tuple[str, ...]]
    merged: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, incidents: Iterable[Incident]) -> IncidentBook:
        """From all incidents that there are."""
        known = {one.id: one for one in incidents}
        merged = {one.id: one.merged_into for one in known.values() if one.merged_into}
        of_unit: dict[str, list[Incident]] = {}
        families: dict[str, list[str]] = {}
        spellings: dict[str, list[str]] = {}
        for identifier in sorted(known):
            for unit in known[identifier].business_units:
                of_unit.setdefault(unit, []).append(known[identifier])
            families.setdefault(root_of(identifier, merged), []).append(identifier)
            spellings.setdefault(identifier.casefold(), []).append(identifier)
        return cls(
            known,
            {unit: tuple(found) for unit, found in of_unit.items()},
            {root: tuple(ids) for root, ids in families.items()},
            {folded: tuple(ids) for folded, ids in spellings.items()},
            merged,
        )

    def root(self, incident_id: str) -> str:
        """The incident that shows this one's mails."""
        return root_of(incident_id, self.merged)

    def units(self, root: str) -> frozenset[str]:
        """The units that an incident impacts, those of the incidents merged into it included."""
        family = self.families.get(root, (root,))
        return frozenset(
            unit for one in family if one in self.incidents for unit in self.incidents[one].business_units
        )

    def spelled(self, incident_id: str) -> str | None:
        """The stored id that a token's id means: the same letters, else the only one that differs in case."""
        if incident_id in self.incidents:
            return incident_id
        found = self.spellings.get(incident_id.casefold(), ())
        return found[0] if len(found) == 1 else None
