"""Merges of people and their undoing: what names a person belongs to the record that stands for that person now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from services.chassis.unit_of_work import UnitOfWork
from services.portals.messages.models import Message, Thread
from services.portals.models import Base


def follow_people(unit: UnitOfWork, data: Mapping[str, Any], standings: Sequence[Mapping[str, Any]]) -> None:
    """Move every row with `first_person_id`, whom it named first, to the record of that person now.

    `standings` is what identity says about the two people now, so a late or repeated event, and one of several merges one
    after another, has the same outcome.
    """
    for standing in standings:
        person_id = standing["person_id"]
        of_person = [person_id, *standing["merged_ids"]]
        moved = sum(_move(unit, model, of_person, person_id) for model in models())
        unit.audit("people.followed", "person", person_id, merge_id=data["merge_id"], rows=moved)


def models() -> list[Any]:
    """The models whose rows follow merges: all that keep whom they named first."""
    mapped = (mapper.class_ for mapper in Base.registry.mappers)
    return sorted(
        (each for each in mapped if hasattr(each, "first_person_id")), key=lambda each: each.__tablename__
    )


def _move(unit: UnitOfWork, model: Any, of_person: Sequence[str], person_id: str) -> int:
    left_behind = select(model).where(model.first_person_id.in_(of_person), model.person_id != person_id)
    rows = list(unit.session.scalars(left_behind.with_for_update()))
    for row in rows:
        row.person_id = person_id
    if model is Thread and rows:
        messages = update(Message).where(Message.thread_id.in_([row.id for row in rows]))
        unit.session.execute(messages.values(person_id=person_id))
    return len(rows)
