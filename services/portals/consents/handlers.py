"""Commands of consents, each one transaction.

A requirement and a standing each have a generation that grows with every change, so that identity can tell the newer of
two events that change places.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.declare import PORTAL_REALMS
from services.contracts.errors import Refused
from services.contracts.portals import consents as contract
from services.contracts.portals.local_text import text_in
from services.portals.consents import queries, renewals, rules, texts
from services.portals.consents.models import Consent, ConsentStanding, PortalConsent, SignedConsent
from services.portals.definitions import queries as definitions
from services.portals.definitions.rules import REALM_OF_KIND
from services.portals.questionnaires import queries as questionnaires


def create_consent(
    unit: UnitOfWork,
    *,
    title: dict[str, str],
    text: dict[str, str],
    questionnaire_id: str | None,
    renewal: str | None,
) -> Consent:
    """Add a consent to the picklist. Raises Refused `questionnaire_not_found`, `questionnaire_not_published`."""
    questionnaires.require_published(unit.session, questionnaire_id)
    consent = Consent(
        id=wire.new_id(),
        version=1,
        text_version=1,
        title=title,
        text=text,
        text_hashes=texts.text_hashes(title, text),
        questionnaire_id=questionnaire_id,
        renewal=renewal,
        created_at=unit.now,
    )
    unit.add(consent)
    unit.audit("consent.created", "consent", consent.id, text_version=1)
    return consent


def renew_consent_text(
    unit: UnitOfWork,
    *,
    consent_id: str,
    title: dict[str, str],
    text: dict[str, str],
    questionnaire_id: str | None,
    renewal: str | None,
) -> Consent:
    """Give a consent a new text, which is asked for anew. Raises Refused as `create_consent`, `not_found`, `consent_retired`."""
    consent = _usable(unit, consent_id)
    unit.require_version(consent)
    questionnaires.require_published(unit.session, questionnaire_id)
    consent.title, consent.text = title, text
    consent.text_hashes = texts.text_hashes(title, text)
    consent.questionnaire_id, consent.renewal = questionnaire_id, renewal
    consent.version += 1
    consent.text_version += 1
    for row in _requirements(unit, PortalConsent.consent_id == consent.id):
        _require(unit, row, consent.text_version, is_required=True)
    unit.audit("consent.text_renewed", "consent", consent.id, text_version=consent.text_version)
    return consent


def retire_consent(unit: UnitOfWork, *, consent_id: str) -> Consent:
    """Take a consent out of the picklist and from every portal. Raises Refused `not_found`, `consent_retired`."""
    consent = _usable(unit, consent_id)
    unit.require_version(consent)
    consent.retired_at = unit.now
    consent.version += 1
    for row in _requirements(unit, PortalConsent.consent_id == consent.id):
        _require(unit, row, consent.text_version, is_required=False)
    unit.audit("consent.retired", "consent", consent.id)
    return consent


def require_consents(
    unit: UnitOfWork, *, portal: str, consent_ids: list[str], renewal: str | None
) -> dict[str, Any]:
    """Set what a portal requires. Raises Refused `not_found`, `consent_retired`."""
    realm = _realm_of(unit, portal)
    # Locked in one order, so that two who do this at once do not wait for each other.
    consents = {each: _usable(unit, each) for each in sorted(set(consent_ids))}
    for row in _requirements(unit, PortalConsent.portal == portal):
        if row.consent_id not in consents or row.realm != realm:
            version = queries.find_consent(unit.session, row.consent_id).text_version
            _require(unit, row, version, is_required=False)
    for position, consent_id in enumerate(dict.fromkeys(consent_ids)):
        row = held_or_made(
            unit.session,
            PortalConsent,
            {"organisation_id": unit.organisation_id, "portal": portal, "consent_id": consent_id},
            {
                "id": wire.new_id(),
                "realm": realm,
                "position": position,
                "renewal": renewal,
                "is_required": False,
                "generation": 0,
            },
        )
        row.position, row.renewal, row.realm = position, renewal, realm
        if not row.is_required:
            _require(unit, row, consents[consent_id].text_version, is_required=True)
    unit.audit("consents.required", "portal", portal, realm=realm, consents=len(consents))
    unit.session.flush()
    return queries.required_view(unit.session, portal, realm, renewal)


def sign_consent(
    unit: UnitOfWork,
    caller: Caller,
    *,
    consent_id: str,
    text_version: int,
    text_hash: str,
    answer: str,
    typed_name: str | None,
    is_ticked: bool,
) -> SignedConsent:
    """Sign or refuse a consent as it was shown. Raises Refused `consent_not_required`, `consent_outdated`."""
    is_signed = answer == contract.AGREE
    if is_signed:
        rules.require_a_signature(typed_name, is_ticked)
    # The lock of the consent keeps its text as it was shown until this is committed.
    unit.session.scalars(select(Consent).where(Consent.id == consent_id).with_for_update()).one_or_none()
    required = {
        each.id: (each, intervals) for each, intervals in queries.required_of(unit.session, caller.realm)
    }
    if consent_id not in required:
        raise Refused("consent_not_required", "No portal of yours asks for this consent.", "consent_id")
    consent, intervals = required[consent_id]
    language = next((tag for tag, each in consent.text_hashes.items() if each == text_hash), None)
    if language is None or consent.text_version != text_version:
        raise Refused(
            "consent_outdated",
            "The text was changed meanwhile. Read it again before you decide.",
            "text_version",
        )
    signed = SignedConsent(
        id=wire.new_id(),
        consent_id=consent.id,
        text_version=text_version,
        language=language,
        title=text_in(consent.title, [language]),
        text=consent.text[language],
        text_hash=text_hash,
        decision=contract.SIGNED if is_signed else contract.REFUSED,
        at=unit.now,
        valid_until=renewals.valid_until(unit.now, intervals) if is_signed else None,
        account_id=caller.id,
        person_id=caller.scope.get("person_id"),
        session_id=caller.session_id,
        realm=caller.realm,
        typed_name=typed_name,
        method=contract.TYPED_NAME_AND_TICKED_BOX if is_signed else None,
    )
    unit.add(signed)
    standing = _standing(unit, caller, consent_id)
    if is_signed or standing.is_given:
        _stand(unit, standing, signed, is_given=is_signed)
    unit.audit(
        f"consent.{signed.decision}", "consent", consent.id, text_version=text_version, text_hash=text_hash
    )
    return signed


def withdraw_consent(unit: UnitOfWork, caller: Caller, *, consent_id: str) -> SignedConsent:
    """Take back a consent that was signed. Raises Refused `consent_not_given`."""
    standing = unit.session.scalars(
        select(ConsentStanding)
        .where(ConsentStanding.account_id == caller.id, ConsentStanding.consent_id == consent_id)
        .with_for_update()
    ).one_or_none()
    if standing is None or not standing.is_given:
        raise Refused("consent_not_given", "You have not given this consent.", "consent_id")
    given = unit.session.get_one(SignedConsent, standing.signed_consent_id)
    withdrawn = SignedConsent(
        id=wire.new_id(),
        consent_id=consent_id,
        text_version=given.text_version,
        language=given.language,
        title=given.title,
        text=given.text,
        text_hash=given.text_hash,
        decision=contract.WITHDRAWN,
        at=unit.now,
        account_id=caller.id,
        person_id=caller.scope.get("person_id"),
        session_id=caller.session_id,
        realm=caller.realm,
    )
    unit.add(withdrawn)
    _stand(unit, standing, withdrawn, is_given=False)
    unit.audit("consent.withdrawn", "consent", consent_id, text_version=given.text_version)
    return withdrawn


def _realm_of(unit: UnitOfWork, portal: str) -> str:
    realm = REALM_OF_KIND[definitions.named(unit.session, unit.organisation_id, portal).kind]
    if realm not in PORTAL_REALMS:
        raise Refused(
            "invalid_request", "The people of this portal sign no consents. Choose another portal.", "portal"
        )
    return realm


def _usable(unit: UnitOfWork, consent_id: str) -> Consent:
    consent = queries.find_consent(unit.session, consent_id, for_change=True)
    if consent.is_retired:
        raise Refused("consent_retired", "This consent was retired. Choose another one.", "consent_id")
    return consent


def _requirements(unit: UnitOfWork, condition: Any) -> list[PortalConsent]:
    """What portals require now, of these rows, locked."""
    statement = select(PortalConsent).where(condition, PortalConsent.is_required).order_by(PortalConsent.id)
    return list(unit.session.scalars(statement.with_for_update()))


def _require(unit: UnitOfWork, row: PortalConsent, text_version: int, *, is_required: bool) -> None:
    row.is_required = is_required
    row.generation += 1
    unit.publish(
        contract.consents_required,
        row.portal,
        {
            "portal": row.portal,
            "realm": row.realm,
            "is_required": is_required,
            "consent_id": row.consent_id,
            "text_version": text_version,
            "generation": row.generation,
        },
    )


def _standing(unit: UnitOfWork, caller: Caller, consent_id: str) -> ConsentStanding:
    key = {"organisation_id": unit.organisation_id, "account_id": caller.id, "consent_id": consent_id}
    fresh = {"id": wire.new_id(), "text_version": 0, "is_given": False, "generation": 0}
    return held_or_made(unit.session, ConsentStanding, key, fresh)


def _stand(unit: UnitOfWork, standing: ConsentStanding, signed: SignedConsent, *, is_given: bool) -> None:
    standing.is_given = is_given
    standing.text_version = signed.text_version
    standing.signed_consent_id, standing.signed_at = signed.id, signed.at
    standing.valid_until = signed.valid_until
    standing.generation += 1
    told = {
        "account_id": standing.account_id,
        "consent_id": standing.consent_id,
        "text_version": standing.text_version,
        "generation": standing.generation,
    }
    if is_given:
        unit.publish(
            contract.consent_signed, standing.account_id, told | {"valid_until": standing.valid_until}
        )
    else:
        unit.publish(contract.consent_withdrawn, standing.account_id, told)
