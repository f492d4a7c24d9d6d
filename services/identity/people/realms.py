"""The rules of each realm as an organisation has set them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.people import rules
from services.identity.people.models import RealmSettings


def rules_of(session: Session, organisation_id: str, realm: str) -> rules.RealmRules:
    """What holds for the accounts of a realm: the organisation's settings, else the defaults."""
    row = session.scalar(
        select(RealmSettings).where(
            RealmSettings.organisation_id == organisation_id, RealmSettings.realm == realm
        )
    )
    return rules_from(row, realm)


def rules_from(row: RealmSettings | None, realm: str) -> rules.RealmRules:
    """The rules in a row of settings; the realm's defaults without one."""
    if row is None:
        return rules.DEFAULTS[realm]
    values = {field.name: getattr(row, field.name) for field in fields(rules.RealmRules)}
    return rules.RealmRules(**values | {"allowed_networks": tuple(row.allowed_networks)})


def link_minutes(realm_rules: rules.RealmRules, realm: str, settings: Any) -> int:
    """Lifetime of a link that sets a password. `settings` are those of the process."""
    return int(realm_rules.link_minutes or settings.link_lifetime_minutes.of(realm))


def absolute_hours(realm_rules: rules.RealmRules, realm: str, settings: Any) -> int:
    """After so many hours a session ends in any case."""
    return int(realm_rules.session_absolute_hours or settings.session_absolute_hours.of(realm))
