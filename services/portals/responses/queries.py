"""Queries of answers."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import responses as contract
from services.contracts.portals.questionnaires import REPORT_INJURY
from services.portals.definitions import queries as definitions
from services.portals.definitions.supervised import supervised
from services.portals.message_types import queries as message_types
from services.portals.published_items.queries import profile_of
from services.portals.questionnaires import answering, fhir_writing
from services.portals.questionnaires import queries as questionnaires
from services.portals.questionnaires.form import by_id
from services.portals.questionnaires.models import QuestionnaireVersion
from services.portals.responses import answers as drafts
from services.portals.responses import rules
from services.portals.responses.models import AnswerNotice, Response, SupervisorOrder

_MOST_ORDERS = 200
_OF_VERSION = (Response.questionnaire_id == QuestionnaireVersion.questionnaire_id) & (
    Response.number == QuestionnaireVersion.number
)


class QueuedAs(NamedTuple):
    """The person and the message type as which answers come into the queue."""

    person_id: str
    message_type: str


def queued_as(session: Session, caller: Caller, response_id: str) -> QueuedAs | None:
    """As what answers come into the queue: of the message type that carries the questionnaire, or as the report of an injury.

    None: they do not; so it is with what was ordered of a supervisor. Raises Refused `not_found`.
    """
    row = find_mine(session, caller, response_id)
    if row.order_id is not None:
        return None
    offered = questionnaires.offered_of(session, [row.portal] if row.portal else [])
    is_report = any(
        each["questionnaire_id"] == row.questionnaire_id and each["module"] == REPORT_INJURY
        for each in offered
    )
    carries = [
        each.code
        for each in message_types.all_types(session).values()
        if each.is_enabled
        and (
            each.questionnaire_id == row.questionnaire_id
            or (is_report and each.code == rules.INJURY and each.questionnaire_id is None)
        )
    ]
    return QueuedAs(row.person_id, carries[0]) if carries else None


def list_my_questionnaires(
    session: Session, caller: Caller, *, portal: str | None, person_id: str | None, module: str | None
) -> dict[str, Any]:
    """What the caller's portals offer about a person, by default about themselves, and what was ordered of a supervisor."""
    subject = subject_of(caller, person_id)
    found = list(_offered(session, caller, portal, subject))
    if person_id in (None, caller.scope.get("person_id")):
        found += list(_ordered(session, caller))
    return {
        "items": [each for each in found if module in (None, each["module"])],
        "person_id": subject,
    }


def subject_of(caller: Caller, person_id: str | None) -> str:
    """The person whose questionnaires the caller answers. Raises Refused `not_found`."""
    found = str(profile_of(caller, person_id)["person_id"])
    if found not in _own_people(caller):
        raise Refused("not_found", "There is no such person, or the profile is not open to you.", "person_id")
    return found


def offered_to(session: Session, caller: Caller, portal: str | None = None) -> list[dict[str, Any]]:
    """The entries of the picklists of the portals that admit the caller."""
    admitted = definitions.offered(session, caller)
    is_supervisor = bool(supervised(session, caller))
    portals = [
        each.portal
        for each in admitted
        if portal in (None, each.portal) and (each.kind != rules.SUPERVISOR or is_supervisor)
    ]
    return questionnaires.offered_of(session, portals)


def _offered(
    session: Session, caller: Caller, portal: str | None, person_id: str
) -> Iterator[dict[str, Any]]:
    entries = offered_to(session, caller, portal)
    mine = _mine_by_key(session, caller, person_id)
    for entry in entries:
        yield {
            **_question(entry["form"], entry["title"], entry["questionnaire_id"], person_id),
            "portal": entry["portal"],
            "module": entry["module"],
            "order_id": None,
            **mine.get(entry["questionnaire_id"], _NOTHING),
        }


_NOTHING = {"draft_id": None, "submitted_at": None}


def _mine_by_key(session: Session, caller: Caller, person_id: str) -> dict[str, dict[str, Any]]:
    """By questionnaire: the caller's draft, and when they sent the last answers."""
    rows = session.execute(
        select(Response.questionnaire_id, Response.id, Response.submitted_at)
        .where(Response.account_id == caller.id, Response.person_id == person_id, Response.order_id.is_(None))
        .order_by(Response.saved_at.desc())
        .limit(_MOST_ORDERS)
    )
    found: dict[str, dict[str, Any]] = {}
    for questionnaire_id, response_id, submitted_at in rows:
        of = found.setdefault(questionnaire_id, dict(_NOTHING))
        if submitted_at is None:
            of["draft_id"] = of["draft_id"] or response_id
        else:
            of["submitted_at"] = of["submitted_at"] or submitted_at
    return found


def _question(form: Mapping[str, Any], title: str, questionnaire_id: str, person_id: str) -> dict[str, Any]:
    return {
        "questionnaire_id": questionnaire_id,
        "person_id": person_id,
        "title": title,
        "instructions": form["instructions"],
        "variants": form["variants"],
        "supervisor_sees_answers": form["needs_supervisor_review"],
    }


def _ordered(session: Session, caller: Caller) -> Iterator[dict[str, Any]]:
    orders = list(
        session.scalars(
            select(SupervisorOrder)
            .where(
                SupervisorOrder.person_id.in_(supervised(session, caller)),
                SupervisorOrder.completed_at.is_(None),
            )
            .order_by(SupervisorOrder.ordered_at.desc())
            .limit(_MOST_ORDERS)
        )
    )
    if not orders:
        return
    usable = questionnaires.published(session, {each.questionnaire_id for each in orders})
    begun = select(Response.order_id, Response.id).where(
        Response.account_id == caller.id, Response.order_id.in_([each.id for each in orders])
    )
    draft_ids: dict[str, str] = {
        str(order_id): response_id for order_id, response_id in session.execute(begun)
    }
    for each in orders:
        if found := usable.get(each.questionnaire_id):
            yield {
                **_question(found.form, found.title, each.questionnaire_id, each.person_id),
                "supervisor_sees_answers": False,
                "portal": None,
                "module": "questionnaire",
                "order_id": each.id,
                "draft_id": draft_ids.get(each.id),
                "submitted_at": None,
            }


def find_order(
    session: Session, caller: Caller, order_id: str, *, for_change: bool = False
) -> SupervisorOrder:
    """An open order about an employee whom the caller supervises. Raises Refused `not_found`."""
    statement = select(SupervisorOrder).where(
        SupervisorOrder.id == order_id,
        SupervisorOrder.person_id.in_(supervised(session, caller)),
        SupervisorOrder.completed_at.is_(None),
    )
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused(
            "not_found", "There is no such order, or another supervisor has answered it.", "order_id"
        )
    return row


def get_my_response(
    session: Session, caller: Caller, *, response_id: str, section: int | None
) -> dict[str, Any]:
    """Answers of the caller, with one section. Raises Refused `not_found`."""
    return work_view(session, find_mine(session, caller, response_id), section)


def find_mine(session: Session, caller: Caller, response_id: str, *, for_change: bool = False) -> Response:
    """Answers of the caller about somebody who is still open to them. Raises Refused `not_found`."""
    statement = select(Response).where(Response.id == response_id, Response.account_id == caller.id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None or row.person_id not in _people(session, caller, is_order=row.order_id is not None):
        raise Refused("not_found", "There are no such answers of yours.", "response_id")
    return row


def find_draft(session: Session, caller: Caller, response_id: str, *, for_change: bool = False) -> Response:
    """As `find_mine`, of answers that are not sent yet. Raises Refused `not_found`, `response_submitted`."""
    row = find_mine(session, caller, response_id, for_change=for_change)
    if row.submitted_at is not None:
        raise Refused(
            "response_submitted", "These answers are sent. They can be read, and not changed any more."
        )
    return row


def version_of(session: Session, row: Response) -> tuple[str, Mapping[str, Any]]:
    """The title and the form that these answers are about. Applicants are asked for no files: they have not signed in."""
    version = questionnaires.find_version(session, row.questionnaire_id, row.number)
    form = answering.without_files(version.form) if row.realm == rules.APPLICANT else version.form
    return version.title, form


def work_view(
    session: Session,
    row: Response,
    section: int | None = None,
    goes_on_to: str | None = None,
    standing: answering.Standing | None = None,
) -> dict[str, Any]:
    """Answers as the contract's MyResponse. Raises Refused `not_found` for a section that is not there."""
    title, form = version_of(session, row)
    is_done = row.submitted_at is not None
    steps, problems = [], []
    if not is_done:
        stands = standing or answering.standing(form, row.answers, row.jurisdiction)
        steps = drafts.steps_of(stands, row.answers)
        problems = drafts.problems_of(stands, steps)
    if section is not None and section > len(steps):
        raise Refused("not_found", "There is no such section.", "section")
    return row_view(row, title) | {
        "instructions": form["instructions"],
        "supervisor_sees_answers": form["needs_supervisor_review"] and row.order_id is None,
        "steps": drafts.progress(steps, problems),
        "step": None if section is None else steps[section - 1],
        "problems": problems,
        "shown": answering.shown(form, row.answers),
        "goes_on_to": goes_on_to or (contract.REVIEW if is_done or not steps else "sections/1"),
    }


def list_my_responses(session: Session, caller: Caller, *, after: str | None, limit: int) -> dict[str, Any]:
    """A page of what the caller has begun and sent, newest first."""
    people = [*_own_people(caller), *supervised(session, caller)]
    wanted = (Response.account_id == caller.id, Response.person_id.in_(people))
    return _page(session, wanted, Response.saved_at, "my responses", after, limit)


def number_begun(session: Session, caller: Caller) -> int:
    """How many questionnaires the caller has begun and not sent."""
    wanted = (
        Response.account_id == caller.id,
        Response.person_id.in_(_own_people(caller)),
        Response.submitted_at.is_(None),
    )
    return session.scalar(select(func.count()).where(*wanted)) or 0


def number_asked(session: Session, caller: Caller) -> int:
    """How many questionnaires about employees wait for the caller."""
    return sum(1 for _ in _ordered(session, caller))


def number_to_review(session: Session, caller: Caller) -> int:
    """How many answers of employees the caller has to review."""
    wanted = (*_for_review(session, caller), Response.reviewed_at.is_(None))
    return session.scalar(select(func.count()).where(*wanted)) or 0


def list_responses(
    session: Session, _caller: Caller, *, person_id: str, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what was answered about a person and sent, newest first."""
    wanted = (Response.person_id == person_id, Response.submitted_at.is_not(None))
    return _page(session, wanted, Response.submitted_at, "responses", after, limit)


def get_response(session: Session, _caller: Caller, *, response_id: str) -> dict[str, Any]:
    """Answers that were sent. Raises Refused `not_found`."""
    row = find_sent(session, response_id)
    filed = ("portal", "order_item", "document_type", "chart_tab")
    return _read_view(session, row) | {name: getattr(row, name) for name in filed}


def export_response(session: Session, _caller: Caller, *, response_id: str) -> dict[str, Any]:
    """Answers that were sent, as QuestionnaireResponse. Raises Refused `not_found`."""
    row = find_sent(session, response_id)
    version = questionnaires.find_version(session, row.questionnaire_id, row.number)
    return {"resource": fhir_writing.response_of(row, version.form)}


def get_observations(session: Session, _caller: Caller, *, response_id: str) -> dict[str, Any]:
    """What the answers of a response are stored as. Raises Refused `not_found`."""
    row = find_sent(session, response_id)
    version = questionnaires.find_version(session, row.questionnaire_id, row.number)
    stored = answering.observations(version.form, row.answers)
    return {
        "items": [each | {"response_id": row.id, "observed_at": row.submitted_at} for each in stored],
        "person_id": row.person_id,
    }


def find_sent(session: Session, response_id: str) -> Response:
    """Answers that were sent. Raises Refused `not_found`."""
    statement = select(Response).where(Response.id == response_id, Response.submitted_at.is_not(None))
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There are no such answers, or they are not sent yet.", "response_id")
    return row


def list_reviews(
    session: Session, caller: Caller, *, is_open: bool | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what the caller's employees have sent for review, newest first."""
    wanted = [*_for_review(session, caller)]
    if is_open is not None:
        wanted.append(Response.reviewed_at.is_(None) if is_open else Response.reviewed_at.is_not(None))
    return _page(session, tuple(wanted), Response.submitted_at, "reviews", after, limit)


def get_review(session: Session, caller: Caller, *, response_id: str) -> dict[str, Any]:
    """Answers of an employee whom the caller supervises. Raises Refused `not_found`."""
    return _read_view(session, find_review(session, caller, response_id))


def find_review(session: Session, caller: Caller, response_id: str, *, for_change: bool = False) -> Response:
    """Answers that the caller reviews. Raises Refused `not_found`."""
    statement = select(Response).where(Response.id == response_id, *_for_review(session, caller))
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There are no such answers for you to review.", "response_id")
    return row


def _for_review(session: Session, caller: Caller) -> tuple[Any, ...]:
    return (
        Response.needs_review,
        Response.submitted_at.is_not(None),
        Response.person_id.in_(supervised(session, caller)),
    )


def review_view(session: Session, row: Response) -> dict[str, Any]:
    """Answers as the contract's ResponseWithAnswers."""
    return _read_view(session, row)


def list_answer_notices(
    session: Session, _caller: Caller, *, department: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of notices, newest first."""
    statement = select(AnswerNotice)
    if department is not None:
        statement = statement.where(AnswerNotice.department == department)
    if after is not None:
        place = read_cursor(after, "answer notices", datetime.datetime, str)
        statement = statement.where(tuple_(AnswerNotice.noted_at, AnswerNotice.id) < tuple_(*place))
    ordered = statement.order_by(AnswerNotice.noted_at.desc(), AnswerNotice.id.desc()).limit(limit + 1)
    rows = list(session.scalars(ordered))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": notice_views(session, page),
        "next": None if is_last else cursor_of("answer notices", page[-1].noted_at, page[-1].id),
    }


def notice_views(session: Session, rows: Sequence[AnswerNotice]) -> list[dict[str, Any]]:
    """Notices as the contract's AnswerNotice. Each form is loaded once, however many notices are about it."""
    answered = select(Response.id, Response.questionnaire_id, Response.number).where(
        Response.id.in_({each.response_id for each in rows})
    )
    versions = {row.id: (row.questionnaire_id, row.number) for row in session.execute(answered)}
    of = tuple_(QuestionnaireVersion.questionnaire_id, QuestionnaireVersion.number)
    found = session.scalars(select(QuestionnaireVersion).where(of.in_(set(versions.values()))))
    asked = {(each.questionnaire_id, each.number): (each.title, by_id(each.form["items"])) for each in found}
    return [_notice(each, versions[each.response_id][0], *asked[versions[each.response_id]]) for each in rows]


def _notice(row: AnswerNotice, questionnaire_id: str, title: str, items: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "department": row.department,
        "response_id": row.response_id,
        "questionnaire_id": questionnaire_id,
        "person_id": row.person_id,
        "title": title,
        "question": items[row.item]["text"],
        "noted_at": row.noted_at,
        "closed_at": row.closed_at,
    }


def row_view(row: Response, title: str) -> dict[str, Any]:
    """Answers as the contract's ResponseRow."""
    return {
        "id": row.id,
        "version": row.version,
        "questionnaire_id": row.questionnaire_id,
        "questionnaire_version": row.number,
        "title": title,
        "person_id": row.person_id,
        "jurisdiction": row.jurisdiction,
        "state": contract.DRAFT if row.submitted_at is None else contract.SUBMITTED,
        "saved_at": row.saved_at,
        "submitted_at": row.submitted_at,
        "needs_review": row.needs_review,
        "reviewed_at": row.reviewed_at,
    }


def _read_view(session: Session, row: Response) -> dict[str, Any]:
    title, form = version_of(session, row)
    return row_view(row, title) | {"shown": answering.shown(form, row.answers)}


def _own_people(caller: Caller) -> list[str]:
    return rules.own_forms(caller.realm, caller.scope.get("person_id"), caller.scope.get("profiles"))


def _people(session: Session, caller: Caller, *, is_order: bool) -> list[str]:
    return supervised(session, caller) if is_order else _own_people(caller)


def _page(
    session: Session, wanted: tuple[Any, ...], moment: Any, order: str, after: str | None, limit: int
) -> dict[str, Any]:
    statement = (
        select(Response, QuestionnaireVersion.title).join(QuestionnaireVersion, _OF_VERSION).where(*wanted)
    )
    if after is not None:
        place = read_cursor(after, order, datetime.datetime, str)
        statement = statement.where(tuple_(moment, Response.id) < tuple_(*place))
    rows = session.execute(statement.order_by(moment.desc(), Response.id.desc()).limit(limit + 1)).all()
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": [row_view(row, title) for row, title in page],
        "next": None if is_last else cursor_of(order, getattr(page[-1][0], moment.key), page[-1][0].id),
    }
