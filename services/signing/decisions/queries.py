"""Questions about decisions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity.permissions import MANAGE_CONSENTS
from services.signing.decisions.models import Decision
from services.signing.documents import queries as documents

MOST_LISTED = 50


def get_decision(session: Session, caller: Caller | None, decision_id: str) -> Decision:
    """The signed decision with this id. Raises Refused(not_found), also for one that the caller may not see."""
    found = session.scalars(select(Decision).where(Decision.id == decision_id)).one_or_none()
    if found is None or caller is None or not _may_see(session, caller, found):
        raise Refused("not_found", "There is no such decision, or it is not signed yet.", "decision_id")
    return found


def _may_see(session: Session, caller: Caller, decision: Decision) -> bool:
    if decision.account_id == caller.id:
        return True
    if decision.kind == "consent":
        return caller.realm == "staff" and caller.may(str(MANAGE_CONSENTS.permission))
    if caller.realm != "staff" or not caller.may("document.read"):
        return False
    return documents.find_document(session, caller, decision.document_id or "") is not None


def list_my_decisions(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's own decisions, newest first."""
    own = select(Decision).where(Decision.account_id == caller.id)
    newest_first = own.order_by(Decision.decided_at.desc(), Decision.id.desc())
    return {"items": list(session.scalars(newest_first.limit(MOST_LISTED)))}


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files to which a document or a decision refers."""
    own = session.scalars(select(Decision.sha256).where(Decision.sha256.in_(sha256s)))
    return documents.files_in_use(session, sha256s) | set(own)
