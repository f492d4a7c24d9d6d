"""Commands on saved replies, each one transaction."""

from __future__ import annotations

from sqlalchemy import func, select

from services.chassis import wire
from services.chassis.database import hold_counter, insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals.saved_replies import MOST_REPLIES
from services.contracts.spelling import search_key
from services.portals.saved_replies import queries
from services.portals.saved_replies.models import SavedReply


def create_saved_reply(unit: UnitOfWork, *, name: str, text: str) -> SavedReply:
    """Save a reply. Raises Refused `saved_reply_taken`, `conflict` where there are too many."""
    _hold(unit)
    if (unit.session.scalar(select(func.count()).select_from(SavedReply)) or 0) >= MOST_REPLIES:
        raise Refused("conflict", f"There are {MOST_REPLIES} saved replies. Take one away first.", "name")
    values = {
        "id": wire.new_id(),
        "organisation_id": unit.organisation_id,
        "version": 1,
        "name": name,
        "name_key": search_key(name),
        "text": text,
    }
    if not insert_unless_there(unit.session, SavedReply.__table__, values):
        raise _taken()
    unit.audit("saved_reply.created", "saved_reply", str(values["id"]))
    return queries.found(unit.session, str(values["id"]))


def change_saved_reply(unit: UnitOfWork, *, saved_reply_id: str, name: str, text: str) -> SavedReply:
    """Change a saved reply. Raises Refused `not_found`, `saved_reply_taken`."""
    _hold(unit)
    row = queries.found(unit.session, saved_reply_id, for_change=True)
    unit.require_version(row)
    same = select(SavedReply.id).where(SavedReply.name_key == search_key(name), SavedReply.id != row.id)
    if unit.session.scalar(same) is not None:
        raise _taken()
    row.name, row.name_key, row.text = name, search_key(name), text
    row.version += 1
    unit.audit("saved_reply.changed", "saved_reply", row.id)
    return row


def delete_saved_reply(unit: UnitOfWork, *, saved_reply_id: str) -> dict[str, str]:
    """Take a saved reply away. Raises Refused `not_found`."""
    row = queries.found(unit.session, saved_reply_id, for_change=True)
    unit.require_version(row)
    unit.session.delete(row)
    unit.audit("saved_reply.deleted", "saved_reply", row.id)
    return {"saved_reply_id": saved_reply_id}


def _hold(unit: UnitOfWork) -> None:
    """Names are unique and their number is limited, so those who write them take turns."""
    hold_counter(unit.session, "saved_replies", str(unit.organisation_id))


def _taken() -> Refused:
    return Refused("saved_reply_taken", "There is a saved reply of this name. Choose another name.", "name")
