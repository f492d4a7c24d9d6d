"""Changes of decisions, each one transaction or a step in one."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.signing.decisions import queries
from services.signing.decisions.models import ConsentProgress, Decision
from services.signing.documents.models import Recipient


def hear_of_consents(unit: UnitOfWork, _data: Mapping[str, Any]) -> None:
    """Somebody of this organisation has decided on a consent."""
    first = {
        "id": unit.organisation_id,
        "organisation_id": unit.organisation_id,
        "news": 1,
        "is_behind": True,
    }
    first |= {"organisation_key": unit.organisation_key, "until": None}
    if not insert_unless_there(unit.session, ConsentProgress.__table__, first):
        progress = unit.session.get_one(ConsentProgress, unit.organisation_id, with_for_update=True)
        progress.news += 1
        progress.is_behind = True


def seal_decline(unit: UnitOfWork, own: Recipient, sha256: str) -> None:
    """The decline of a recipient is signed."""
    decided = {"id": own.id, "kind": "decline", "document_id": own.document_id, "account_id": own.account_id}
    _seal(unit, decided | {"decided_at": own.decided_at}, sha256)
    waiting = update(Recipient).where(Recipient.id == own.id)
    unit.session.execute(waiting.values(waits_for_seal_since=None))


def seal_consent(unit: UnitOfWork, consent: Mapping[str, Any], sha256: str) -> None:
    """A decision on a consent is signed."""
    decided = {
        "id": consent["id"],
        "kind": "consent",
        "document_id": None,
        "account_id": consent["account_id"],
    }
    decided |= {"decided_at": datetime.datetime.fromisoformat(consent["at"])}
    _seal(unit, decided, sha256, **({"person_id": consent["person_id"]} if consent["person_id"] else {}))


def _seal(unit: UnitOfWork, decided: Mapping[str, Any], sha256: str, **about: Any) -> None:
    row = {**decided, "organisation_id": unit.organisation_id, "sealed_at": unit.now, "sha256": sha256}
    if insert_unless_there(unit.session, Decision.__table__, row):
        unit.audit("decision.sealed", "decision", row["id"], kind=row["kind"], sha256=sha256, **about)


def come_further(unit: UnitOfWork, until: datetime.datetime | None, news: int | None) -> None:
    """Consents are signed up to this moment. `news`: nothing was left when so much had been heard."""
    progress = unit.session.get_one(ConsentProgress, unit.organisation_id, with_for_update=True)
    progress.until = until or progress.until
    if progress.news == news:
        progress.is_behind = False


def open_decision_file(unit: UnitOfWork, *, decision_id: str) -> dict[str, str]:
    """Where the file is. The opening is audited."""
    decision = queries.get_decision(unit.session, unit.caller, decision_id)
    unit.audit("decision.opened", "decision", decision.id, sha256=decision.sha256)
    return {
        "sha256": decision.sha256,
        "file_name": f"{decision.kind}-{decision.id[:8]}.json",
        "media_type": "application/json",
    }
