"""What follows when answers are sent: the facts for others, reviews, orders to supervisors, notices to departments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import invalid
from services.contracts.portals import responses as contract
from services.portals.questionnaires import answering
from services.portals.questionnaires import queries as questionnaires
from services.portals.responses import queries, rules
from services.portals.responses.models import AnswerFile, AnswerNotice, Response, SupervisorOrder


def send(unit: UnitOfWork, row: Response) -> None:
    """Send the answers of a draft. Raises Refused `invalid_request` with every problem."""
    _, form = queries.version_of(unit.session, row)
    kept, told = answering.checked(form, row.answers, row.jurisdiction)
    if told:
        raise invalid([(f"answers.{item}", rule) for item, rule in told])
    is_by_employee = row.realm == rules.EMPLOYEE and row.order_id is None
    row.answers, row.draft_key = kept, None
    drop_files(unit, row)
    row.submitted_at = row.saved_at = unit.now
    row.needs_review = is_by_employee and form["needs_supervisor_review"]
    row.version += 1
    facts: dict[str, Any] = {
        "response_id": row.id,
        "questionnaire_id": row.questionnaire_id,
        "questionnaire_version": row.number,
        "person_id": row.person_id,
    }
    unit.audit("response.submitted", "response", row.id, person_id=row.person_id, number=row.number)
    unit.publish(contract.questionnaire_completed, row.id, facts)
    if row.needs_review:
        unit.publish(contract.review_requested, row.id, facts)
    if is_by_employee:
        _order(unit, row, form["supervisor_orders"])
    for each in answering.departments(form, kept):
        _tell(unit, row, each["department"], each["item"])


def drop_files(unit: UnitOfWork, row: Response) -> None:
    """Let go of the files that the answers do not name any more. The sweep deletes them."""
    named = [each["file_id"] for each in row.answers.values() if isinstance(each, dict)]
    unit.session.execute(
        delete(AnswerFile).where(AnswerFile.response_id == row.id, AnswerFile.id.not_in(named))
    )


def _order(unit: UnitOfWork, row: Response, ordered: list[str]) -> None:
    usable = questionnaires.published(unit.session, ordered)
    for questionnaire_id in dict.fromkeys(ordered):
        if questionnaire_id not in usable:
            continue
        order_id = wire.new_id()
        unit.add(
            SupervisorOrder(
                id=order_id, questionnaire_id=questionnaire_id, ordered_by=row.id, person_id=row.person_id,
                first_person_id=row.person_id, ordered_at=unit.now, completed_at=None,
            )
        )  # fmt: skip
        unit.publish(
            contract.questionnaire_ordered,
            order_id,
            {
                "order_id": order_id,
                "questionnaire_id": questionnaire_id,
                "person_id": row.person_id,
                "response_id": row.id,
            },
        )


def _tell(unit: UnitOfWork, row: Response, department: str, item: str) -> None:
    notice_id = wire.new_id()
    unit.add(
        AnswerNotice(
            id=notice_id, department=department, response_id=row.id, item=item, person_id=row.person_id,
            first_person_id=row.person_id, noted_at=unit.now, closed_at=None,
        )
    )  # fmt: skip
    unit.publish(
        contract.department_told,
        notice_id,
        {
            "answer_notice_id": notice_id,
            "department": department,
            "response_id": row.id,
            "person_id": row.person_id,
        },
    )
