"""Commands over an organisation."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import organisations as contract
from services.identity.models import Organisation
from services.identity.organisations import rules
from services.identity.organisations.queries import organisation_view
from services.identity.registry.organisations import load_organisation


def set_features(unit: UnitOfWork, *, features: list[str]) -> dict[str, Any]:
    """Switch features (S0-5). Closing the portal takes effect with each provider's next passport."""
    organisation = load_organisation(unit)
    unit.require_version(organisation)
    wanted = rules.checked_features(features)
    if wanted != organisation.features:
        unit.audit(
            "organisation.features_changed",
            "organisation",
            organisation.id,
            before=organisation.features,
            after=wanted,
        )
        organisation.features = wanted
        organisation.version += 1
    return organisation_view(organisation)


class MoreFacts(TypedDict, total=False):
    """Facts that stay as they are where they are left out."""

    postal_address: str | None


def set_public_facts(
    unit: UnitOfWork,
    *,
    short_name: str,
    telephone: str | None,
    time_zone: str,
    published_realms: list[str],
    **more: Unpack[MoreFacts],
) -> dict[str, Any]:
    """Set what everybody may know of the organisation. Raises Refused(short_name_taken, version_conflict)."""
    organisation = load_organisation(unit)
    unit.require_version(organisation)
    if unit.session.scalar(
        select(Organisation.id).where(Organisation.key == short_name, Organisation.id != organisation.id)
    ):
        raise _taken()
    wanted = {
        "short_name": short_name,
        "telephone": telephone,
        "time_zone": time_zone,
        "published_realms": rules.published(published_realms),
        **more,
    }
    before = organisation_view(organisation)
    changed = [name for name, value in wanted.items() if before[name] != value]
    if changed:
        for name in changed:
            setattr(organisation, name, wanted[name])
        organisation.version += 1
        try:
            unit.session.flush()
        except IntegrityError:  # the database decides whether a short name is free
            raise _taken() from None
        unit.audit(
            "organisation.public_facts_changed",
            "organisation",
            organisation.id,
            members=changed,
            before=before["short_name"],
            after=short_name,
        )
    if "time_zone" in changed:
        told = {"organisation_id": organisation.id, "time_zone": time_zone}
        unit.publish(contract.organisation_time_zone_set, organisation.id, told)
    return organisation_view(organisation)


def _taken() -> Refused:
    return Refused(
        "short_name_taken",
        "Another organisation has this short name: choose another one.",
        field="short_name",
    )
