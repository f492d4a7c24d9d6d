"""Commands over an organisation."""

from __future__ import annotations

from typing import Any

from services.chassis.unit_of_work import UnitOfWork
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
