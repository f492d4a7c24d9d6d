"""Queries of files in conversations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.portals.inbox import queries as inbox
from services.portals.messages.models import Message
from services.portals.screened_files import rules


def open_my_message_file(session: Session, caller: Caller, *, message_id: str) -> dict[str, Any]:
    """The file of a message in a conversation of the caller. Raises Refused `not_found`."""
    message = _found(session, message_id)
    try:
        inbox.found(session, caller, message.thread_id)
    except Refused as refusal:
        raise _missing() from refusal
    return _opened(message)


def open_message_file(session: Session, _caller: Caller, *, message_id: str) -> dict[str, Any]:
    """The file of a message. Raises Refused `not_found`."""
    return _opened(_found(session, message_id))


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files that a message is."""
    named = session.scalars(select(Message.file_sha256).where(Message.file_sha256.in_(sha256s)))
    return {each for each in named if each is not None}


def _found(session: Session, message_id: str) -> Message:
    found = session.scalars(select(Message).where(Message.id == message_id)).one_or_none()
    if found is None or found.file_sha256 is None:
        raise _missing()
    return found


def _missing() -> Refused:
    return Refused("not_found", "There is no such file.", "message_id")


def _opened(message: Message) -> dict[str, Any]:
    """Where the bytes are, and whose message it is."""
    media_type = str(message.file_type)
    return {
        "sha256": message.file_sha256,
        "file_name": rules.file_name(message.type_name, media_type),
        "media_type": media_type,
        "person_id": message.person_id,
    }
