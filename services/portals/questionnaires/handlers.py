"""Commands of questionnaires, each one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import orjson

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid
from services.contracts.portals import questionnaires as contract
from services.portals.definitions import queries as definitions
from services.portals.questionnaires import form as forms
from services.portals.questionnaires import queries
from services.portals.questionnaires.fhir_reading import Reading
from services.portals.questionnaires.models import PortalQuestionnaires, Questionnaire, QuestionnaireVersion

_MOST_BYTES = 300_000  # of a form as JSON, so that every reply with it stays small
_STEP = {contract.UP: -1, contract.DOWN: 1}


def create_questionnaire(unit: UnitOfWork, *, title: str) -> dict[str, Any]:
    """Begin a questionnaire."""
    return queries.view(_made(unit, title, forms.EMPTY))


def import_questionnaire(unit: UnitOfWork, reading: Reading) -> dict[str, Any]:
    """Begin a questionnaire with what was read."""
    row = _made(unit, reading.title, reading.form)
    return {"questionnaire": queries.view(row), "not_supported": reading.not_supported[:200]}


def _made(unit: UnitOfWork, title: str, form: Mapping[str, Any]) -> Questionnaire:
    _require_small(form)
    row = Questionnaire(
        id=wire.new_id(), version=1, title=title, form=dict(form), has_changes=True, published_version=None,
        created_at=unit.now, changed_at=unit.now, retired_at=None,
    )  # fmt: skip
    unit.add(row)
    unit.audit("questionnaire.created", "questionnaire", row.id, items=len(forms.by_id(form["items"])))
    return row


class Changes(TypedDict, total=False):
    """What holds for the whole questionnaire, each member as a whole."""

    title: str
    instructions: str | None
    variants: list[Mapping[str, Any]]
    needs_supervisor_review: bool
    supervisor_orders: list[str]
    notices: list[Mapping[str, Any]]


class ItemValues(TypedDict, total=False):
    """What an item says and asks."""

    kind: str
    text: str
    prefix: str | None
    help: str | None
    is_required: bool
    is_read_only: bool
    is_long: bool
    is_whole: bool
    is_open: bool
    max_length: int | None
    least: float | None
    most: float | None
    unit: str | None
    options: list[Mapping[str, Any]]
    conditions: list[Mapping[str, Any]]
    needs: str
    observation: Mapping[str, Any] | None
    jurisdictions: list[str]


def change_questionnaire(
    unit: UnitOfWork, *, questionnaire_id: str, **changes: Unpack[Changes]
) -> dict[str, Any]:
    """Change the title and what holds for the whole. Raises Refused `not_found`, `questionnaire_not_found`."""
    row = _editable(unit, questionnaire_id)
    ordered = changes.get("supervisor_orders", [])
    if missing := set(ordered) - queries.known(unit.session, ordered):
        at = next(place for place, each in enumerate(ordered) if each in missing)
        raise Refused(
            "questionnaire_not_found",
            "There is no such questionnaire. Choose another.",
            f"supervisor_orders.{at}",
        )
    row.title = changes.pop("title", row.title)
    return _changed(unit, row, {**row.form, **changes})


def replace_questionnaire_items(
    unit: UnitOfWork, items: list[dict[str, Any]], *, questionnaire_id: str
) -> dict[str, Any]:
    """Replace all items by those that were read. Raises Refused `not_found`."""
    row = _editable(unit, questionnaire_id)
    return _changed(unit, row, {**row.form, "items": items})


def add_questionnaire_item(
    unit: UnitOfWork,
    /,
    *,
    questionnaire_id: str,
    item: str | None,
    parent: str | None,
    **values: Unpack[ItemValues],
) -> dict[str, Any]:
    """Add an item. Raises Refused `not_found`, `invalid_request`."""
    row = _editable(unit, questionnaire_id)
    return _changed(
        unit, row, {**row.form, "items": forms.with_item(row.form["items"], item, parent, values)}
    )


def change_questionnaire_item(
    unit: UnitOfWork, /, *, questionnaire_id: str, item: str, **values: Unpack[ItemValues]
) -> dict[str, Any]:
    """Replace what an item says and asks. Raises Refused `not_found`."""
    row = _editable(unit, questionnaire_id)
    return _changed(unit, row, {**row.form, "items": forms.with_values(row.form["items"], item, values)})


def move_questionnaire_item(
    unit: UnitOfWork, *, questionnaire_id: str, item: str, direction: str
) -> dict[str, Any]:
    """Move an item among its neighbours. Raises Refused `not_found`."""
    row = _editable(unit, questionnaire_id)
    return _changed(unit, row, {**row.form, "items": forms.moved(row.form["items"], item, _STEP[direction])})


def remove_questionnaire_item(unit: UnitOfWork, *, questionnaire_id: str, item: str) -> dict[str, Any]:
    """Take an item out, with those within it. Raises Refused `not_found`."""
    row = _editable(unit, questionnaire_id)
    return _changed(unit, row, {**row.form, "items": forms.without_item(row.form["items"], item)})


def publish_questionnaire(unit: UnitOfWork, *, questionnaire_id: str) -> dict[str, Any]:
    """Publish the draft as the next version. Raises Refused `questionnaire_unchanged`, `invalid_request` with every problem."""
    row = _editable(unit, questionnaire_id)
    if not row.has_changes:
        raise Refused("questionnaire_unchanged", "Nothing was changed since this was published last.")
    if told := forms.problems(row.title, row.form):
        raise invalid(told)
    number = (row.published_version or 0) + 1
    unit.add(
        QuestionnaireVersion(
            questionnaire_id=row.id, number=number, title=row.title, form=row.form, published_at=unit.now,
            published_by=unit.actor_id,
        )
    )  # fmt: skip
    row.published_version, row.has_changes = number, False
    row.version += 1
    unit.audit("questionnaire.published", "questionnaire", row.id, number=number)
    unit.publish(contract.questionnaire_published, row.id, {"questionnaire_id": row.id, "number": number})
    return queries.view(row)


def retire_questionnaire(unit: UnitOfWork, *, questionnaire_id: str) -> dict[str, Any]:
    """Retire a questionnaire. Raises Refused `not_found`, `questionnaire_retired`."""
    row = _editable(unit, questionnaire_id)
    row.retired_at = unit.now
    row.version += 1
    unit.audit("questionnaire.retired", "questionnaire", row.id)
    unit.publish(contract.questionnaire_retired, row.id, {"questionnaire_id": row.id})
    return queries.view(row)


def offer_questionnaires(unit: UnitOfWork, *, portal: str, items: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Set the picklist of a portal. Raises Refused `not_found`, `questionnaire_not_found`, `questionnaire_not_published`."""
    definitions.named(unit.session, unit.organisation_id, portal)
    ids = [each["questionnaire_id"] for each in items]
    there, usable = queries.known(unit.session, ids), queries.published(unit.session, ids)
    for place, each in enumerate(ids):
        if each not in there:
            raise Refused(
                "questionnaire_not_found",
                "There is no such questionnaire.",
                f"items.{place}.questionnaire_id",
            )
        if each not in usable:
            raise Refused(
                "questionnaire_not_published",
                "Publish this questionnaire first: only then can a portal offer it.",
                f"items.{place}.questionnaire_id",
            )
        if each in ids[:place]:
            raise invalid([(f"items.{place}.questionnaire_id", "It is offered already. Take one away.")])
    row = held_or_made(
        unit.session,
        PortalQuestionnaires,
        {"organisation_id": unit.organisation_id, "portal": portal},
        {"id": wire.new_id(), "version": queries.FIRST_PICKLIST, "items": []},
    )
    unit.require_version(row)
    row.items = [dict(each) for each in items]
    row.version += 1
    unit.audit("questionnaires.offered", "portal", portal, questionnaires=len(ids))
    unit.session.flush()
    return queries.picklist_view(unit.session, unit.organisation_id, portal)


def _editable(unit: UnitOfWork, questionnaire_id: str) -> Questionnaire:
    row = queries.find_questionnaire(unit.session, questionnaire_id, for_change=True)
    unit.require_version(row)
    if row.retired_at is not None:
        raise Refused("questionnaire_retired", "This questionnaire is retired. Begin another.")
    return row


def _changed(unit: UnitOfWork, row: Questionnaire, form: dict[str, Any]) -> dict[str, Any]:
    _require_small(form)
    row.form, row.changed_at, row.has_changes = form, unit.now, True
    row.version += 1
    unit.audit("questionnaire.changed", "questionnaire", row.id, version=row.version)
    return queries.view(row)


def _require_small(form: Mapping[str, Any]) -> None:
    if told := forms.too_much(form):
        raise invalid([("items", told)])
    if len(orjson.dumps(form)) > _MOST_BYTES:
        raise invalid([("items", f"A questionnaire has at most {_MOST_BYTES // 1000} kB. Make two of it.")])
