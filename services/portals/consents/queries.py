"""Queries of consents."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.local_text import text_in
from services.portals.consents import fhir, rules, texts
from services.portals.consents.models import Consent, ConsentStanding, PortalConsent, SignedConsent
from services.portals.definitions import queries as definitions


def find_consent(session: Session, consent_id: str, *, for_change: bool = False) -> Consent:
    """The consent with this id. Raises Refused(not_found)."""
    statement = select(Consent).where(Consent.id == consent_id)
    consent = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if consent is None:
        raise Refused("not_found", "There is no such consent.", "consent_id")
    return consent


def get_consent(session: Session, _caller: Caller, *, consent_id: str) -> Consent:
    """A consent as it stands. Raises Refused(not_found)."""
    return find_consent(session, consent_id)


def list_consents(session: Session, _caller: Caller, *, after: str | None, limit: int) -> dict[str, Any]:
    """A page of the picklist, newest first."""
    return _page(session, select(Consent), Consent, Consent.created_at, "consents", after, limit)


def get_required_consents(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """What a portal requires: no item where it requires nothing. Raises Refused `not_found`."""
    definitions.named(session, caller.organisation_id, portal)
    view = required_view(session, portal)
    return {"items": [view] if view["consents"] else []}


def required_view(
    session: Session, portal: str, realm: str = "", renewal: str | None = None
) -> dict[str, Any]:
    """The consents that a portal requires, in their order."""
    found = session.execute(
        select(PortalConsent, Consent)
        .join(Consent, Consent.id == PortalConsent.consent_id)
        .where(PortalConsent.portal == portal, PortalConsent.is_required)
        .order_by(PortalConsent.position)
    ).all()
    for row, _ in found[:1]:
        realm, renewal = row.realm, row.renewal
    return {
        "portal": portal,
        "realm": realm,
        "renewal": renewal,
        "consents": [consent for _, consent in found],
    }


def required_of(session: Session, realm: str | None) -> list[tuple[Consent, list[str | None]]]:
    """The consents that any portal requires of a realm, in order, each once with all intervals that hold for it."""
    found = session.execute(
        select(PortalConsent, Consent)
        .join(Consent, Consent.id == PortalConsent.consent_id)
        .where(PortalConsent.realm == realm, PortalConsent.is_required)
        .order_by(PortalConsent.position, PortalConsent.portal)
    ).all()
    required: dict[str, tuple[Consent, list[str | None]]] = {}
    for row, consent in found:
        required.setdefault(consent.id, (consent, [consent.renewal]))[1].append(row.renewal)
    return list(required.values())


def list_my_consents(session: Session, caller: Caller, *, languages: list[str]) -> dict[str, Any]:
    """The consents that are required of the caller, in their order, with what is due."""
    standings = {
        each.consent_id: each
        for each in session.scalars(select(ConsentStanding).where(ConsentStanding.account_id == caller.id))
    }
    now = utc_now()
    items = [
        _my_view(consent, standings.get(consent.id), languages, now)
        for consent, _ in required_of(session, caller.realm)
    ]
    return {"items": items, "are_due": any(each["is_due"] for each in items)}


def _my_view(
    consent: Consent, standing: Any, languages: Sequence[str], now: datetime.datetime
) -> dict[str, Any]:
    language = texts.shown_language(consent.text, languages)
    is_given = standing is not None and standing.is_given
    return {
        "consent_id": consent.id,
        "text_version": consent.text_version,
        "language": language,
        "title": text_in(consent.title, [language]),
        "text": consent.text[language],
        "text_hash": consent.text_hashes[language],
        "questionnaire_id": consent.questionnaire_id,
        "is_due": rules.is_due(standing, consent.text_version, now),
        "signed_at": standing.signed_at if is_given else None,
        "valid_until": standing.valid_until if is_given else None,
    }


def list_my_signed_consents(
    session: Session, caller: Caller, *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what the caller has decided, newest first."""
    own = select(SignedConsent).where(SignedConsent.account_id == caller.id)
    return _page(session, own, SignedConsent, SignedConsent.at, "signed_consents", after, limit)


def list_signed_consents(
    session: Session, _caller: Caller, *, person_id: str, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what a person has decided, newest first."""
    of_person = select(SignedConsent).where(SignedConsent.person_id == person_id)
    return _page(session, of_person, SignedConsent, SignedConsent.at, "signed_consents", after, limit)


def list_decided_consents(
    session: Session, _caller: Caller, *, since: datetime.datetime | None, limit: int
) -> dict[str, Any]:
    """What people have decided from a moment on, oldest first."""
    statement = select(SignedConsent).order_by(SignedConsent.at, SignedConsent.id).limit(limit)
    if since is not None:
        statement = statement.where(SignedConsent.at >= since)
    return {"items": list(session.scalars(statement))}


def export_consents_fhir(
    session: Session, caller: Caller, *, person_id: str, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what a person has decided, as a Bundle of FHIR R4 Consent."""
    page = list_signed_consents(session, caller, person_id=person_id, after=after, limit=limit)
    return {"bundle": fhir.bundle_of(page["items"]), "next": page["next"]}


def _page(
    session: Session, statement: Any, model: Any, moment: Any, order: str, after: str | None, limit: int
) -> dict[str, Any]:
    if after is not None:
        place = read_cursor(after, order, datetime.datetime, str)
        statement = statement.where(tuple_(moment, model.id) < tuple_(*place))
    rows = list(session.scalars(statement.order_by(moment.desc(), model.id.desc()).limit(limit + 1)))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": page,
        "next": None if is_last else cursor_of(order, getattr(page[-1], moment.key), page[-1].id),
    }
