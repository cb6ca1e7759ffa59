"""Reads what the rules need around some mails: the mails they name, directly and further up, and the
incidents that may matter. Reads only.

Everything is asked for in batches: the number of requests grows with how far a thread reaches back, not with
the mails that are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from domain.business_units import UnitDirectory
from domain.incidents import Incident, root_of
from domain.linking.cycles import components
from domain.linking.decide_all import MAX_SHARERS, counting_names, shown_as
from domain.linking.facts import MailFacts, facts_of
from domain.linking.incident_book import IncidentBook
from domain.links import Link, LinkedMail
from domain.ours import conversation_key
from linking.context import LinkContext

MAX_ANCESTORS = 1_000
"""A mail whose references lead to more stored mails than that is taken to be in no circle."""
_MOST_READ = 10 * MAX_ANCESTORS


class Around:
    """Some mails and everything around them, as it was read. `link_of` sees what was decided since."""

    def __init__(self, context: LinkContext, mails: Iterable[LinkedMail]) -> None:
        self._context = context
        self._units = UnitDirectory(row.value for row in context.units.read_all(include_archived=False))
        self._keys = context.token_keys.keys()
        self._authserv_ids: dict[str, str | None] = {}
        self._links: dict[str, Link | None] = {}
        self._facts: dict[str, MailFacts] = {}
        self._by_name: dict[str, tuple[str, ...]] = {}
        for mail in mails:
            self.add(mail)
        self._own = tuple(self._facts)
        self._answered: frozenset[str] = frozenset()
        self._read_named()
        self._order = components(self._edges())
        self._cycle = {member: frozenset(cycle) for cycle in self._order for member in cycle}
        hashes = {
            self.conversation_hash(conversation_id)
            for one in self._own
            if (conversation_id := self._facts[one].conversation_id)
        }
        self.conversations = context.links.conversation_incidents(sorted(hashes)) if hashes else {}
        """Incidents of the mails' conversations, by keyed hash."""
        self.book = self._read_book()

    def add(self, linked: LinkedMail) -> MailFacts:
        """The mail's facts, with the decision that its state holds."""
        mailbox_id = linked.mail.mailbox_id
        if mailbox_id not in self._authserv_ids:
            settings = self._context.mailboxes.read_settings(mailbox_id)
            self._authserv_ids[mailbox_id] = settings.value.authserv_id if settings else None
        facts = facts_of(
            linked.mail,
            linked.state.decision,
            units=self._units,
            authserv_id=self._authserv_ids[mailbox_id],
            token_keys=self._keys,
        )
        self._facts[facts.id] = facts
        self._links[facts.id] = linked.state.link
        return facts

    def facts(self, mail_id: str) -> MailFacts | None:
        """Of a mail that was read."""
        return self._facts.get(mail_id)

    def link(self, mail_id: str) -> Link | None:
        """Where a mail is placed, as far as is known now."""
        return self._links.get(mail_id)

    def decided(self, mail_id: str, link: Link | None) -> None:
        """A mail was decided: others see it from now on."""
        self._links[mail_id] = link

    def in_order(self) -> list[str]:
        """The mails asked for, those that are named before those that name them."""
        own = set(self._own)
        return [member for cycle in self._order for member in cycle if member in own]

    def cycle(self, mail_id: str) -> frozenset[str]:
        """The mails that it names and that name it, directly or not, itself included."""
        if mail_id in self._answered and self._leads_too_far(mail_id):
            return frozenset({mail_id})
        return self._cycle[mail_id]

    def sharers(self, facts: MailFacts) -> tuple[str, ...]:
        """Other mails with its Message-ID."""
        return tuple(one for one in self._by_name.get(facts.own_name or "", ()) if one != facts.id)

    def shown_as(self, facts: MailFacts) -> str | None:
        """See `domain.linking.decide_all.shown_as`."""
        others = [self._facts[one] for one in self.sharers(facts) if one in self._facts]
        return shown_as(facts, [facts, *others])

    def named(self, facts: MailFacts) -> dict[str, tuple[str, ...]]:
        """What each of its names means."""
        return counting_names(facts, self._by_name, set(self.cycle(facts.id)))

    def conversation(self, facts: MailFacts, *, placed_before: bool) -> tuple[str, ...]:
        """Incidents of the conversation's certain mails, its own former placement not counted."""
        assert facts.conversation_id is not None
        digest = self.conversation_hash(facts.conversation_id)
        if placed_before:
            found = self._context.links.conversation_incidents([digest], apart_from=facts.id)[digest]
            self._know(found)
            return found
        return self.conversations[digest]

    def conversation_hash(self, conversation_id: str) -> str:
        """Its keyed hash."""
        return self._context.mails.keyed_hash(conversation_key(conversation_id))

    def _edges(self) -> dict[str, list[str]]:
        return {
            mail_id: [target for name in facts.names for target in self._meant(name)]
            for mail_id, facts in self._facts.items()
        }

    def _meant(self, name: str) -> tuple[str, ...]:
        found = self._by_name.get(name, ())
        return found if len(found) <= MAX_SHARERS else ()

    def _leads_too_far(self, mail_id: str) -> bool:
        seen = {mail_id}
        work = [mail_id]
        while work and len(seen) <= MAX_ANCESTORS + 1:
            for name in self._facts[work.pop()].names:
                for target in self._meant(name):
                    if target not in seen and target in self._facts:
                        seen.add(target)
                        work.append(target)
        return len(seen) > MAX_ANCESTORS + 1

    def _read_named(self) -> None:
        """The mails that these name. Only a mail that is itself named can be in a circle, so only from such
        mails on are those read that they lead to; what arrives is hardly ever one. Who arrives last of a
        circle finds it whole: every mail is indexed before it is decided."""
        own_names = {name for one in self._own if (name := self._facts[one].own_name)}  # who shares them
        self._look_up(own_names | {name for one in self._own for name in self._facts[one].names})
        self._answered = self._named_by_others()
        expanded = set(self._own)
        frontier = self._targets(self._answered) - expanded
        while frontier and len(self._facts) <= _MOST_READ:
            self._look_up({name for one in frontier for name in self._facts[one].names})
            expanded |= frontier
            frontier = self._targets(frontier) - expanded

    def _named_by_others(self) -> frozenset[str]:
        names = {one: name for one in self._own if (name := self._facts[one].own_name)}
        hashes = {one: self._context.mails.keyed_hash(name) for one, name in names.items()}
        found = self._context.links.naming(hashes.values()) if hashes else {}
        return frozenset(one for one, digest in hashes.items() if set(found.get(digest, ())) - {one})

    def _look_up(self, wanted: set[str]) -> None:
        names = sorted(wanted - self._by_name.keys())
        hashes = {name: self._context.mails.keyed_hash(name) for name in names}
        known = self._context.links.known_as(hashes.values()) if hashes else {}
        for name in names:
            self._by_name[name] = known.get(hashes[name], ())
        missing = {one for name in names for one in self._meant(name)} - self._facts.keys()
        for row in self._context.links.read(sorted(missing)).values() if missing else ():
            self.add(row)

    def _targets(self, mail_ids: Iterable[str]) -> set[str]:
        return {
            target
            for one in mail_ids
            for name in self._facts[one].names
            for target in self._meant(name)
            if target in self._facts
        }

    def _read_book(self) -> IncidentBook:
        own = [self._facts[one] for one in self._own]
        ids = {link.incident_id for link in self._links.values() if link is not None}
        for facts in own:
            if facts.decision is not None:
                ids |= {*facts.decision.refused}
                ids |= {facts.decision.placed_in} if facts.decision.placed_in else set()
        ids |= {incident_id for found in self.conversations.values() for incident_id in found}
        tokens = {token.incident_id for facts in own for token in facts.tokens}
        units = {unit for facts in own if (unit := facts.business_unit)}
        store = self._context.incidents
        spelled = store.spelled(sorted(tokens)) if tokens else {}
        ids |= {one for found in spelled.values() for one in found}
        of_unit = store.of_units(sorted(units)) if units else {}
        ids |= {one.id for found in of_unit.values() for one in found}
        spellings = {asked.casefold(): found for asked, found in spelled.items()}
        return _complete(self._context, ids, of_unit, spellings)

    def _know(self, incident_ids: Sequence[str]) -> None:
        """Incidents that only a conversation names."""
        new = set(incident_ids) - self.book.incidents.keys()
        if new:
            ids = new | self.book.incidents.keys()
            self.book = _complete(self._context, ids, self.book.of_unit, self.book.spellings)


def _complete(
    context: LinkContext,
    ids: set[str],
    of_unit: Mapping[str, tuple[Incident, ...]],
    spellings: Mapping[str, tuple[str, ...]],
) -> IncidentBook:
    """The book with every root, and every incident merged into one of them."""
    if not ids:
        return IncidentBook({}, of_unit, {}, spellings)
    store = context.incidents
    merged = dict(store.merged(sorted(ids)))
    roots = {root_of(one, merged) for one in ids}
    families = {root: (root, *store.merged_into(root)) for root in sorted(roots)}
    everybody = ids | {one for family in families.values() for one in family}
    incidents = store.read_many(sorted(everybody))
    merged |= {one.id: one.merged_into for one in incidents.values() if one.merged_into}
    return IncidentBook(incidents, of_unit, families, spellings, merged)
