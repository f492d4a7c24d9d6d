"""Commands of applications. The applicant's token names the application, and it the organisation."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select

from services.chassis import wire
from services.chassis.database import hold_counter
from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.addresses import neighbourhood
from services.contracts.errors import Refused, invalid
from services.contracts.identity import employees
from services.contracts.portals import applicants as contract
from services.portals.applicants import begun, queries, rules
from services.portals.applicants.models import Application
from services.portals.responses import handlers as responses
from services.portals.responses import queries as answers
from services.portals.responses import sending
from services.portals.responses.models import Response

WIPED_AT_ONCE = 100
_MOST_OF_ORGANISATION = 300  # that begin within TRIES_MINUTES
_ADDRESS = "applicant's address"


def within(call: Call) -> tuple[str, str]:
    """The id and key of the organisation of the call's application, which is seen now. Raises Refused `application_ended`."""

    def see(unit: UnitOfWork) -> tuple[str, str]:
        row = queries.find_application(unit.session, call.request["token"], unit.now, for_change=True)
        row.seen_at = unit.now
        return row.organisation_id, row.organisation_key

    return call.transact(see)


def read(call: Call, query: Any) -> Any:
    """Answer with `query(session, application)` within the application's organisation."""
    organisation_id, _ = within(call)
    with call.reading(organisation_id) as session:
        application = queries.find_application(session, call.request["token"], utc_now())
        return call.operation.reply.dump(query(session, application))


def commit(call: Call, work: Any) -> Any:
    """Carry out `work(unit, application)` in one transaction within the application's organisation."""
    organisation = within(call)

    return call.commit(lambda unit: work(unit, _locked(call, unit, organisation)))


def _locked(call: Call, unit: UnitOfWork, organisation: tuple[str, str]) -> Application:
    """The call's application, locked. Raises Refused `application_ended`, and `conflict` while another request sends it."""
    unit.act_for(*organisation)
    row = queries.find_application(unit.session, call.request["token"], unit.now, for_change=True)
    if rules.is_being_sent(
        row.sending_claim, row.sending_until, asked_by=unit.context.request_id, now=unit.now
    ):
        raise Refused("conflict", "This application is being sent at this moment.", retry_after_s=1)
    return row


def start(call: Call) -> Any:
    """Begin an application. Raises Refused `not_found`, `too_many_requests`."""
    request = call.request
    with call.reading(None) as session:
        organisation_id = queries.organisation_of(session, request["organisation"], request["portal"])
    address = call.context.client_address
    mark = call.runtime.issuer.mark(_ADDRESS, (neighbourhood(address) if address else "").encode())

    def begin(unit: UnitOfWork) -> dict[str, Any]:
        unit.act_for(organisation_id, request["organisation"])
        wipe_idle(unit)
        _require_few(unit, mark)
        token = secrets.token_urlsafe(32)
        row = Application(
            id=wire.new_id(), token_hash=rules.token_hash(token), organisation_key=request["organisation"],
            portal=request["portal"], first_name=request["first_name"], last_name=request["last_name"],
            address_mark=mark, started_at=unit.now, seen_at=unit.now, sent_at=None,
        )  # fmt: skip
        unit.add(row)
        begun.list_begun(unit, row)
        unit.audit("application.started", "application", row.id, portal=row.portal)
        unit.publish(contract.applicant_registered, row.id, {"application_id": row.id, "portal": row.portal})
        return {"token": token, "ends_at": rules.ends_at(unit.now, contract.IDLE_MINUTES)}

    return call.commit(begin)


def _require_few(unit: UnitOfWork, mark: str) -> None:
    hold_counter(unit.session, "applications", str(unit.organisation_id))
    since = unit.now - datetime.timedelta(minutes=contract.TRIES_MINUTES)
    begun = select(func.count()).select_from(Application).where(Application.started_at > since)
    of_address = unit.session.scalar(begun.where(Application.address_mark == mark)) or 0
    if of_address >= contract.TRIES or (unit.session.scalar(begun) or 0) >= _MOST_OF_ORGANISATION:
        raise Refused(
            "too_many_requests",
            "Too many applications were begun here in a short time. Wait a few minutes.",
            retry_after_s=contract.TRIES_MINUTES * 60,
        )


def wipe_idle(unit: UnitOfWork) -> int:
    """Wipe some of the applications that were not sent and are idle: names, answers, everything. Answers how many."""
    last = unit.now - datetime.timedelta(minutes=contract.IDLE_MINUTES)
    idle = select(Application.id).where(Application.sent_at.is_(None), Application.seen_at <= last)
    # What another request wipes or uses right now is left to it.
    found = idle.order_by(Application.id).limit(WIPED_AT_ONCE).with_for_update(skip_locked=True)
    ids = list(unit.session.scalars(found))
    _wipe(unit, ids)
    return len(ids)


def _wipe(unit: UnitOfWork, ids: list[str]) -> None:
    if not ids:
        return
    drafts = (
        Response.first_person_id.in_(ids),
        Response.account_id.is_(None),
        Response.submitted_at.is_(None),
    )
    unit.session.execute(delete(Response).where(*drafts))
    # The row stays to count tries; the name goes.
    for row in unit.session.scalars(select(Application).where(Application.id.in_(ids))):
        begun.note_ended(unit, row)
        row.first_name = row.last_name = ""
        row.token_hash = rules.token_hash(secrets.token_urlsafe(32))
        row.sent_at = unit.now
    unit.audit("applications.wiped", "application", ids[0], applications=len(ids))


def start_response(unit: UnitOfWork, application: Application, request: Mapping[str, Any]) -> dict[str, Any]:
    """Begin a questionnaire of the picklist. Raises Refused `not_found`."""
    wanted = request["questionnaire_id"]
    entry = next(
        (each for each in queries.offered(unit.session, application) if each["questionnaire_id"] == wanted),
        None,
    )
    if entry is None:
        raise Refused("not_found", "This portal does not ask this questionnaire.", "questionnaire_id")
    row = responses.draft(
        unit, entry, rules.draft_key(application.id, wanted), account_id=None, person_id=application.id,
        realm="applicant", jurisdiction=request["jurisdiction"],
    )  # fmt: skip
    return answers.work_view(unit.session, row)


def save_answers(unit: UnitOfWork, application: Application, request: Mapping[str, Any]) -> dict[str, Any]:
    """Save answers. Raises Refused `not_found`, `invalid_request` with every problem."""
    row = queries.find_draft(unit.session, application, request["response_id"])
    unit.require_version(row)
    return responses.save(
        unit, row, request["answers"], request["section"], is_checked=request["is_checked"], is_leaving=False
    )


def end(unit: UnitOfWork, application: Application) -> dict[str, Any]:
    """End an application and wipe it."""
    _wipe(unit, [application.id])
    return {}


def send(call: Call) -> Any:
    """Send an application. Raises Refused `invalid_request` with what is missing, `conflict` while another request sends it.

    It is claimed first, so that nothing changes until it is sent; then identity drafts the person, one for each application.
    A failed attempt gives the claim up; after a crash it ends by itself.
    """
    try:
        return _sent(call)
    except Refused:
        # It is sent already, perhaps at this moment by another try of the same request: that is answered as it was.
        if call.is_repeated():
            return call.commit(_answered_before)
        raise


def _sent(call: Call) -> Any:
    organisation = within(call)
    claimed = call.transact(lambda unit: _claimed(unit, _locked(call, unit, organisation)))
    try:
        drafted = call.runtime.ask(
            employees.draft_applicant,
            claimed["named"],
            organisation=organisation,
            context=dataclasses.replace(call.context, request_id=rules.person_request(claimed["id"])),
        )

        def submit(unit: UnitOfWork) -> dict[str, Any]:
            return _submitted(unit, _locked(call, unit, organisation), claimed["drafts"], drafted)

        return call.commit(submit)
    except Exception:
        call.transact(lambda unit: _released(unit, claimed["id"]))
        raise


def _claimed(unit: UnitOfWork, row: Application) -> dict[str, Any]:
    """Take the claim under which an application is sent, with the answers that its view shows. Raises Refused `invalid_request`."""
    tasks = queries.view(unit.session, row)["tasks"]
    missing = [
        (f"tasks.{place}", f"{each['title']} is not complete yet.")
        for place, each in enumerate(tasks)
        if not each["is_complete"]
    ]
    if missing or not tasks:
        raise invalid(missing or [("tasks", "This portal asks nothing yet. Tell the employer.")])
    row.sending_claim, row.sending_until = unit.context.request_id, unit.now + rules.LEASE
    return {
        "id": row.id,
        "named": {"first_name": row.first_name, "last_name": row.last_name},
        "drafts": [each["response_id"] for each in tasks],
    }


def _released(unit: UnitOfWork, application_id: str) -> None:
    row = unit.session.get(Application, application_id, with_for_update=True)
    if row is not None and row.sending_claim == unit.context.request_id:
        row.sending_claim = row.sending_until = None


def _answered_before(_unit: UnitOfWork) -> Any:
    """Not reached: the answer that is kept comes first."""
    raise Refused("application_ended", "The application is sent already.")


def _submitted(
    unit: UnitOfWork, row: Application, shown: Sequence[str], drafted: Mapping[str, Any]
) -> dict[str, Any]:
    if row.sending_claim != unit.context.request_id:
        raise Refused("conflict", "Sending took too long and was begun anew elsewhere.", retry_after_s=1)
    person_id, account_id = drafted["person_id"], drafted["account"]["id"]
    for each in queries.drafts_of(unit.session, row.id):
        if each.id in shown:
            each.person_id = each.first_person_id = person_id
            sending.send(unit, each)
        else:
            # The portal does not ask it any more.
            unit.session.delete(each)
    row.sent_at = unit.now
    begun.note_sent(unit, row, person_id, len(shown))
    # The person's record has the name from now on.
    row.first_name = row.last_name = ""
    unit.audit("application.sent", "application", row.id, person_id=person_id, portal=row.portal)
    unit.publish(
        contract.applicant_submitted,
        row.id,
        {"application_id": row.id, "portal": row.portal, "person_id": person_id, "account_id": account_id},
    )
    return {"number": rules.number_of(row.id), "sent_at": unit.now, "questionnaires": len(shown)}
