"""Commands of answers, each one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid
from services.contracts.portals import questionnaire_form as shape
from services.contracts.portals import responses as contract
from services.portals.people.asking import Addressee
from services.portals.portal_queue.items import add_item
from services.portals.questionnaires import answering
from services.portals.questionnaires import queries as questionnaires
from services.portals.responses import answers as drafts
from services.portals.responses import queries, rules, sending
from services.portals.responses.models import AnswerNotice, OfPerson, Response, SupervisorOrder

_OF_PEOPLE: tuple[type[OfPerson], ...] = (Response, SupervisorOrder, AnswerNotice)


def start_response(
    unit: UnitOfWork,
    caller: Caller,
    *,
    questionnaire_id: str,
    person_id: str | None,
    order_id: str | None,
    jurisdiction: str | None,
) -> dict[str, Any]:
    """Begin to answer, or go on with the draft. Raises Refused `not_found`, `invalid_request`."""
    if order_id is None:
        subject = queries.subject_of(caller, person_id)
        offered = queries.offered_to(unit.session, caller)
        entry: Mapping[str, Any] = next(
            (each for each in offered if each["questionnaire_id"] == questionnaire_id), {}
        )
    else:
        subject = queries.find_order(unit.session, caller, order_id).person_id
        entry = {"portal": None, **_ordered(unit, caller, order_id, questionnaire_id)}
    if "form" not in entry:
        raise Refused("not_found", "No portal of yours offers this questionnaire.", "questionnaire_id")
    key = rules.draft_key(caller.id, subject, questionnaire_id, order_id)
    row = draft(
        unit,
        entry,
        key,
        account_id=caller.id,
        person_id=subject,
        realm=str(caller.realm),
        jurisdiction=jurisdiction,
    )
    row.order_id = order_id
    return queries.work_view(unit.session, row)


def _ordered(unit: UnitOfWork, caller: Caller, order_id: str, questionnaire_id: str) -> dict[str, Any]:
    if queries.find_order(unit.session, caller, order_id).questionnaire_id != questionnaire_id:
        return {}
    found = questionnaires.published(unit.session, [questionnaire_id]).get(questionnaire_id)
    if found is None:
        return {}
    return {"questionnaire_id": questionnaire_id, "number": found.number, "form": found.form}


def draft(
    unit: UnitOfWork,
    entry: Mapping[str, Any],
    key: str,
    *,
    account_id: str | None,
    person_id: str,
    realm: str,
    jurisdiction: str | None,
) -> Response:
    """The draft with this key; it is made from the entry of a picklist where there is none. Raises Refused `invalid_request`."""
    codes = [each["code"] for each in entry["form"]["variants"]]
    if codes and jurisdiction not in (*codes, shape.OTHER):
        told = ", ".join(each["name"] for each in entry["form"]["variants"])
        rule = f"Choose where it happened, as each place has its own questions: {told}, or somewhere else."
        raise invalid([("jurisdiction", rule)])
    filed = ("portal", "order_item", "document_type", "chart_tab")
    fresh = {
        "id": wire.new_id(),
        "version": 1,
        "questionnaire_id": entry["questionnaire_id"],
        "number": entry["number"],
        "account_id": account_id,
        "person_id": person_id,
        "first_person_id": person_id,
        "realm": realm,
        "jurisdiction": jurisdiction if codes else None,
        "answers": {},
        "needs_review": False,
        "created_at": unit.now,
        "saved_at": unit.now,
        **{name: entry.get(name) for name in filed},
    }
    row = held_or_made(
        unit.session, Response, {"organisation_id": unit.organisation_id, "draft_key": key}, fresh
    )
    if row.id == fresh["id"]:
        unit.audit("response.started", "response", row.id, questionnaire_id=row.questionnaire_id)
    return row


def save_answers(
    unit: UnitOfWork,
    caller: Caller,
    *,
    response_id: str,
    section: int | None,
    answers: list[Mapping[str, Any]],
    is_checked: bool,
    is_leaving: bool,
    file_for: str | None,
) -> dict[str, Any]:
    """Save answers of a draft. Raises Refused `not_found`, `response_submitted`, `invalid_request` with every problem."""
    row = draft_of(unit, caller, response_id)
    is_pausing = is_leaving or file_for is not None
    saved = save(unit, row, answers, section, is_checked=is_checked and not is_pausing, is_leaving=is_leaving)
    if file_for is not None:
        _, form = queries.version_of(unit.session, row)
        number = answering.number_of(form, file_for) or 0
        if answering.file_question(form, number) is None:
            raise invalid([("file_for", "This question is not answered by a file. Read the section again.")])
        saved["goes_on_to"] = f"files/{number}"
    return saved


def save(
    unit: UnitOfWork,
    row: Response,
    given: list[Mapping[str, Any]],
    section: int | None,
    *,
    is_checked: bool,
    is_leaving: bool,
) -> dict[str, Any]:
    """Save answers of a draft, and say how it stands and what comes next. Raises Refused `invalid_request` with every problem."""
    _, form = queries.version_of(unit.session, row)
    if told := list(drafts.unknown(form, given)):
        raise invalid(told)
    joined = drafts.joined(form, row.answers, given)
    drafts.require_room(row.answers, joined)
    before = drafts.steps_of(answering.standing(form, row.answers, row.jurisdiction), row.answers)
    shown = before[section - 1] if section is not None and section <= len(before) else None
    standing = answering.standing(form, joined, row.jurisdiction)
    if is_checked and (told := list(drafts.wrong(form, standing, given, shown))):
        raise invalid(told)
    row.answers, row.saved_at = joined, unit.now
    row.version += 1
    unit.audit("response.saved", "response", row.id, answers=len(joined))
    after = drafts.steps_of(standing, joined)
    goes_on_to = drafts.next_step(before, after, section, is_leaving=is_leaving)
    return queries.work_view(unit.session, row, goes_on_to=goes_on_to, standing=standing)


def submit_response(
    unit: UnitOfWork, caller: Caller, message_type: str | None, person: Addressee | None, *, response_id: str
) -> dict[str, Any]:
    """Send the answers. As a message type they come into the queue, where the person's name is needed.

    Raises Refused `not_found`, `response_submitted`, `invalid_request` with every problem.
    """
    row = draft_of(unit, caller, response_id)
    if row.order_id is not None:
        queries.find_order(unit.session, caller, row.order_id, for_change=True).completed_at = unit.now
    sending.send(unit, row)
    if message_type is not None and person is not None:
        title = questionnaires.find_version(unit.session, row.questionnaire_id, row.number).title
        reference = (rules.REFERENCE, row.id)
        add_item(
            unit, person, message_type, title, account_id=caller.id, portal=row.portal, reference=reference
        )
    return queries.work_view(unit.session, row)


def discard_response(unit: UnitOfWork, caller: Caller, *, response_id: str) -> dict[str, Any]:
    """Throw a draft away. Raises Refused `not_found`, `response_submitted`."""
    row = draft_of(unit, caller, response_id)
    unit.session.delete(row)
    unit.audit("response.discarded", "response", row.id)
    return {"response_id": row.id}


def mark_reviewed(unit: UnitOfWork, caller: Caller, *, response_id: str) -> dict[str, Any]:
    """Note that the caller has reviewed answers. Raises Refused `not_found`."""
    row = queries.find_review(unit.session, caller, response_id, for_change=True)
    unit.require_version(row)
    if row.reviewed_at is None:
        row.reviewed_at, row.reviewed_by = unit.now, caller.id
        row.version += 1
        unit.audit("response.reviewed", "response", row.id, person_id=row.person_id)
        facts = {"response_id": row.id, "account_id": caller.id, "person_id": row.person_id}
        unit.publish(contract.response_reviewed, row.id, facts)
    return queries.review_view(unit.session, row)


def close_answer_notice(unit: UnitOfWork, *, answer_notice_id: str) -> dict[str, Any]:
    """Note that a department has dealt with a notice. Raises Refused `not_found`."""
    row = unit.session.get(AnswerNotice, answer_notice_id, with_for_update=True)
    if row is None:
        raise Refused("not_found", "There is no such notice.", "answer_notice_id")
    if row.closed_at is None:
        row.closed_at = unit.now
        unit.audit("answer_notice.closed", "answer_notice", row.id, person_id=row.person_id)
    return queries.notice_views(unit.session, [row])[0]


def draft_of(unit: UnitOfWork, caller: Caller, response_id: str) -> Response:
    """A draft of the caller in the version that they have seen. Raises Refused `not_found`, `response_submitted`."""
    row = queries.find_draft(unit.session, caller, response_id, for_change=True)
    unit.require_version(row)
    return row
