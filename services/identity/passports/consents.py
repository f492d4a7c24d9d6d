"""Whether somebody still has to give a consent, by what portals has told.

An account may work only when every consent is given that any portal of its realm requires, whichever of these portals it
uses. A consent that is not known as given is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, exists, or_

from services.chassis.database import held_or_made
from services.chassis.models import UtcDateTime
from services.chassis.unit_of_work import UnitOfWork
from services.identity.models import Account
from services.identity.passports.models import GivenConsent, RequiredConsent

_accounts = Account.__table__
_required, _given = RequiredConsent.__table__.c, GivenConsent.__table__.c

# Part of the one statement of a passport. It needs the parameter `now`.
CONSENTS_DUE = (
    exists()
    .where(
        _required.organisation_id == _accounts.c.organisation_id,
        _required.realm == _accounts.c.realm,
        _required.is_required,
        ~exists()
        .where(
            _given.account_id == _accounts.c.id,
            _given.consent_id == _required.consent_id,
            _given.is_given,
            _given.text_version >= _required.text_version,
            or_(_given.valid_until.is_(None), _given.valid_until > bindparam("now", type_=UtcDateTime())),
        )
        .correlate(_accounts, RequiredConsent.__table__),
    )
    .correlate(_accounts)
    .label("consents_due")
)


def note_required(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Note whether a portal requires a consent, and in which version."""
    _note(
        unit,
        RequiredConsent,
        ("portal", "consent_id"),
        {each: data[each] for each in ("realm", "text_version", "is_required")},
        data,
    )


def note_signed(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Note that an account has signed a version of a consent, and until when that holds."""
    values = {"text_version": data["text_version"], "is_given": True, "valid_until": data.get("valid_until")}
    _note(unit, GivenConsent, ("account_id", "consent_id"), values, data)


def note_withdrawn(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Note that an account has taken a consent back."""
    values = {"text_version": data["text_version"], "is_given": False, "valid_until": None}
    _note(unit, GivenConsent, ("account_id", "consent_id"), values, data)


def _note(
    unit: UnitOfWork, model: Any, names: tuple[str, str], values: Mapping[str, Any], data: Mapping[str, Any]
) -> None:
    """Keep the state that an event tells, unless a later one was told before: events of two queues may change places."""
    key = {"organisation_id": unit.organisation_id} | {name: data[name] for name in names}
    row = held_or_made(unit.session, model, key, {**values, "generation": data["generation"]})
    if row.generation < data["generation"]:
        for name, value in values.items():
            setattr(row, name, value)
        row.generation = data["generation"]
    unit.audit(
        "consent.noted",
        "consent",
        data["consent_id"],
        **{names[0]: data[names[0]]},
        generation=row.generation,
    )
