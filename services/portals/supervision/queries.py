"""Queries of supervisors. The reply's schema names all that they see; everything else is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from marshmallow import EXCLUDE
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.supervision import SEEN, ReportRow
from services.portals.configuration.queries import document_types, portal_with_module, reports_of
from services.portals.definitions.supervised import require_supervised, supervised
from services.portals.published_items.models import PublishedItem
from services.portals.published_items.queries import WORK_STATUS, earlier_work_status, in_effect, of_types
from services.portals.supervision import reports

_ROW = ReportRow(unknown=EXCLUDE)
_STATUSES = ("full_duty", "restricted_duty", "off_work")
_MOST_REPORTED = 5_000
_MOST = 200  # newest items of an employee


def get_employee_items(session: Session, caller: Caller, *, person_id: str) -> dict[str, Any]:
    """What the supervisor sees of an employee, newest first. Raises Refused `not_found`."""
    require_supervised(session, caller, person_id)
    types = document_types(session, caller, None, of_supervisors=True)
    kinds = [kind for kind in SEEN if kind != WORK_STATUS or _shows_work_status(session, caller)]
    rows = [row for kind in kinds for row in _newest(session, person_id, kind, types)]
    earlier = earlier_work_status(session, person_id) if WORK_STATUS in kinds else []
    return {
        "person_id": person_id,
        **{kind: [_seen(kind, row.values) for row in rows if row.kind == kind] for kind in SEEN},
        "earlier_work_status": [_seen(WORK_STATUS, each["values"]) for each in earlier],
    }


def _newest(session: Session, person_id: str, kind: str, types: set[str] | None) -> Sequence[PublishedItem]:
    """The newest items of a kind: many of another kind push none of them out."""
    statement = select(PublishedItem).where(
        PublishedItem.person_id == person_id,
        PublishedItem.kind == kind,
        *in_effect(utc_now()),
        *of_types(types),
        or_(PublishedItem.kind != "custom", PublishedItem.values["for_supervisors"].as_boolean()),
    )
    newest_first = statement.order_by(PublishedItem.published_at.desc(), PublishedItem.id.desc())
    # The newest work status holds, as in the list of the team.
    return session.scalars(newest_first.limit(1 if kind == WORK_STATUS else _MOST)).all()


def list_team_work_status(session: Session, caller: Caller) -> dict[str, Any]:
    """The newest work status in effect of each employee whom the caller supervises; nobody where no portal shows it."""
    return {
        "items": _statuses(
            session, supervised(session, caller) if _shows_work_status(session, caller) else []
        )
    }


def _statuses(session: Session, people: Sequence[str]) -> list[dict[str, Any]]:
    """The newest work status in effect of each of these employees."""
    place = func.row_number().over(
        partition_by=PublishedItem.person_id,
        order_by=(PublishedItem.published_at.desc(), PublishedItem.id.desc()),
    )
    ranked = (
        select(PublishedItem.person_id, PublishedItem.values, place.label("place"))
        .where(PublishedItem.person_id.in_(people), PublishedItem.kind == WORK_STATUS, *in_effect(utc_now()))
        .subquery()
    )
    newest = session.execute(select(ranked.c.person_id, ranked.c["values"]).where(ranked.c.place == 1)).all()
    found = {person_id: _seen(WORK_STATUS, values) for person_id, values in newest}
    nothing = {"status": None, "from_on": None, "until_on": None}
    return [{"person_id": each, **found.get(each, nothing)} for each in people]


def list_team_surveillance(session: Session, caller: Caller) -> dict[str, Any]:
    """Where the employees stand on their panels; nothing where no portal of supervisors has the module."""
    return _of_team(session, caller, "surveillance", "health_surveillance")


def list_team_cases(session: Session, caller: Caller) -> dict[str, Any]:
    """The stages of the employees' cases; nothing where no portal of supervisors has the module."""
    return _of_team(session, caller, "case", "case_review_status")


def team_of(session: Session, caller: Caller, modules: Collection[str]) -> dict[str, int | None] | None:
    """How many employees the caller supervises, and how they stand as far as these modules show it. None: nobody.

    `modules` are those of a portal of supervisors that admits the caller: what it shows is not asked again.
    """
    people = supervised(session, caller)
    if not people:
        return None
    found: dict[str, int | None] = dict.fromkeys((*_STATUSES, "surveillance_due"))
    if WORK_STATUS in modules:
        statuses = [each["status"] for each in _statuses(session, people)]
        found |= {status: statuses.count(status) for status in _STATUSES}
    if "health_surveillance" in modules:
        items = _standing(session, people, "surveillance")["items"]
        found["surveillance_due"] = len({each["person_id"] for each in items if each["status"] != "current"})
    return {"employees": len(people), **found}


def _of_team(session: Session, caller: Caller, kind: str, module: str) -> dict[str, Any]:
    """The items of a kind that a module shows, by employee, the newest first."""
    is_shown = portal_with_module(session, caller, module, "supervisor") is not None
    return _standing(session, supervised(session, caller) if is_shown else [], kind)


def _standing(session: Session, people: Sequence[str], kind: str) -> dict[str, Any]:
    """The items of a kind, by employee, the newest first."""
    items, is_cut = _newest_of(session, people, (kind,))
    place = {person_id: number for number, person_id in enumerate(people)}
    by_person = sorted(items, key=lambda item: place[item.person_id])
    rows = [{"person_id": item.person_id, **_seen(kind, item.values)} for item in by_person]
    return {"items": rows, "is_cut": is_cut}


def _newest_of(
    session: Session, people: Sequence[str], kinds: Sequence[str]
) -> tuple[list[reports.Published], bool]:
    """The newest items in effect of these people, and whether there are more than are read."""
    found = session.execute(
        select(PublishedItem.person_id, PublishedItem.kind, PublishedItem.values)
        .where(PublishedItem.person_id.in_(people), PublishedItem.kind.in_(kinds), *in_effect(utc_now()))
        .order_by(PublishedItem.published_at.desc(), PublishedItem.id.desc())
        .limit(_MOST_REPORTED + 1)
    ).all()
    return [reports.Published(*row) for row in found[:_MOST_REPORTED]], len(found) > _MOST_REPORTED


def _shows_work_status(session: Session, caller: Caller) -> bool:
    """Whether a portal of supervisors that admits the caller has the module Work Status."""
    return portal_with_module(session, caller, WORK_STATUS, "supervisor") is not None


def get_team_report(session: Session, caller: Caller, *, portal: str, report: str) -> dict[str, Any]:
    """A report that the portal shows. Raises Refused `not_found`, also for a report that was not chosen for it."""
    name = next(
        (each["name"] for each in reports_of(session, caller, portal) if each["code"] == report), None
    )
    if name is None:
        raise Refused("not_found", "This portal shows no such report.", "report")
    people = supervised(session, caller)
    items, is_cut = _newest_of(session, people, reports.KINDS[report])
    rows = [_ROW.load(row) for row in reports.rows(report, people, items)]
    return {"report": report, "name": name, "rows": rows, "is_cut": is_cut}


def _seen(kind: str, values: Mapping[str, Any]) -> Any:
    """The members of an item's values that the supervisor's view of its kind names."""
    view = SEEN[kind]()
    return view.load({name: value for name, value in values.items() if name in view.fields})
