"""Saves a business unit; where whose mail it is has changed, stored mails are decided again and the look-back
window is walked again.

The store keeps row, address look-up and activity log consistent. Dies after the unit's row, before
re-decision and rewalk are asked for: pending rows were written first, and the sweep that finds them asks for
both.
"""

from __future__ import annotations

import uuid

from api.caller import Caller
from api.dependencies import activity
from api.etags import check_if_match, entity_tag, stale
from api.problems import FieldError, Problem
from api.services import Services
from config_api.unit_form import UnitForm, unique_addresses, unique_domains
from domain.business_units import BusinessUnit, normalise_address, normalise_domain
from domain.errors import ConflictError
from domain.stored import AddressTakenError, Versioned
from linking.context import link_context
from linking.incidents import announce, unit_changed


def unit_json(unit: BusinessUnit) -> dict[str, object]:
    """A business unit as the API shows it."""
    return {
        "id": unit.id,
        "uuid": unit.uuid,
        "name": unit.name,
        "description": unit.description,
        "recipients": list(unit.recipients),
        "followUpRecipients": list(unit.follow_up_recipients),
        "addresses": list(unit.addresses),
        "domains": list(unit.domains),
        "archived": unit.archived,
    }


def create_unit(services: Services, caller: Caller, form: UnitForm) -> Versioned[BusinessUnit]:
    """Raises 409 for an address or domain of another unit, and what storage raises."""
    key = uuid.uuid4()
    return _save(services, caller, None, _unit(form, f"bu-{key.hex[:12]}", str(key)))


def change_unit(
    services: Services, caller: Caller, unit_id: str, form: UnitForm, if_match: str | None
) -> Versioned[BusinessUnit]:
    """Raises 404, 412, 428, 409 for an address or domain of another unit, and what storage raises."""
    stored = services.units.read(unit_id)
    if stored is None:
        raise Problem.not_found("The business unit")
    check_if_match(if_match, entity_tag(stored.etag), unit_json(stored.value))
    return _save(services, caller, stored, _unit(form, stored.value.id, stored.value.uuid))


def _unit(form: UnitForm, unit_id: str, unit_uuid: str) -> BusinessUnit:
    return BusinessUnit(
        id=unit_id,
        uuid=unit_uuid,
        name=form.name,
        description=form.description,
        recipients=unique_addresses(form.recipients),
        follow_up_recipients=unique_addresses(form.follow_up_recipients),
        addresses=unique_addresses(form.addresses),
        domains=unique_domains(form.domains),
        archived=form.archived,
    )


def _save(
    services: Services, caller: Caller, stored: Versioned[BusinessUnit] | None, unit: BusinessUnit
) -> Versioned[BusinessUnit]:
    entry = activity(
        services,
        caller,
        "businessUnit.changed" if stored else "businessUnit.created",
        f"businessUnit/{unit.id}",
        unit_json(stored.value) if stored else None,
        unit_json(unit),
    )
    before = stored.value.matches() if stored else set()
    context = link_context(services)
    work = unit_changed(context, unit.id) if unit.matches() != before else None
    try:
        saved = services.units.save(unit, stored.etag if stored else None, entry)
    except (AddressTakenError, ConflictError) as refusal:
        if work is not None:
            context.pending.done(work)
        if isinstance(refusal, AddressTakenError):
            raise _taken(refusal, unit) from None
        current = services.units.read(unit.id)
        if current is None:
            raise Problem.not_found("The business unit") from None
        raise stale(entity_tag(current.etag), unit_json(current.value)) from None
    if work is not None:
        announce(context, work)
    if unit.matches() - before:
        services.units.request_rewalks(services.clock.now())
    return saved


def _taken(taken: AddressTakenError, unit: BusinessUnit) -> Problem:
    fields = (
        ("addresses", unit.addresses, normalise_address),
        ("domains", unit.domains, normalise_domain),
        ("recipients", unit.recipients, normalise_address),
        ("followUpRecipients", unit.follow_up_recipients, normalise_address),
    )
    place = next(
        (
            f"{name}.{position}"
            for name, entries, normalise in fields
            for position, entry in enumerate(entries)
            if normalise(entry) == normalise(taken.entry)
        ),
        "domains" if "@" not in taken.entry else "addresses",
    )
    detail = f"{taken.entry} belongs to the business unit {taken.unit_name}."
    return Problem(
        409,
        "AddressTaken",
        detail,
        errors=[FieldError(place, "AddressTaken", detail)],
        members={"businessUnit": {"id": taken.unit_id, "name": taken.unit_name}},
    )
