"""Entrypoints of answers."""

from __future__ import annotations

from typing import Any, cast

from services.chassis.operations import Call, serves
from services.chassis.passports import Caller
from services.contracts.portals import responses as contract
from services.portals.people import asking
from services.portals.responses import handlers, queries


class ResponsesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_my_questionnaires)
    def list_my_questionnaires(self, call: Call) -> Any:
        return call.read(queries.list_my_questionnaires)

    @serves(contract.start_response)
    def start_response(self, call: Call) -> Any:
        return call.commit(handlers.start_response, call.caller)

    @serves(contract.get_my_response)
    def get_my_response(self, call: Call) -> Any:
        answer = call.read(queries.get_my_response)
        call.note_reading("response.read", "response", answer["id"], person_id=answer["person_id"])
        return answer

    @serves(contract.save_answers)
    def save_answers(self, call: Call) -> Any:
        return call.commit(handlers.save_answers, call.caller)

    @serves(contract.submit_response)
    def submit_response(self, call: Call) -> Any:
        """Sending answers. What the queue gets of them names the person, so identity is asked before."""
        with call.reading(call.organisation_id) as session:
            queued = queries.queued_as(session, cast(Caller, call.caller), call.request["response_id"])
        person = asking.addressee(call, queued.person_id) if queued else None
        return call.commit(
            handlers.submit_response, call.caller, queued.message_type if queued else None, person
        )

    @serves(contract.discard_response)
    def discard_response(self, call: Call) -> Any:
        return call.commit(handlers.discard_response, call.caller)

    @serves(contract.list_my_responses)
    def list_my_responses(self, call: Call) -> Any:
        return call.read(queries.list_my_responses)

    @serves(contract.list_responses)
    def list_responses(self, call: Call) -> Any:
        person_id = call.request["person_id"]
        call.note_reading("responses.read", "person", person_id, person_id=person_id)
        return call.read(queries.list_responses)

    @serves(contract.get_response)
    def get_response(self, call: Call) -> Any:
        answer = call.read(queries.get_response)
        call.note_reading("response.read", "response", answer["id"], person_id=answer["person_id"])
        return answer

    @serves(contract.export_response)
    def export_response(self, call: Call) -> Any:
        answer = call.read(queries.export_response)
        person_id = answer["resource"]["subject"]["identifier"]["value"]
        call.note_reading("response.exported", "response", call.request["response_id"], person_id=person_id)
        return answer

    @serves(contract.get_observations)
    def get_observations(self, call: Call) -> Any:
        answer = call.read(queries.get_observations)
        call.note_reading(
            "observations.read", "response", call.request["response_id"], person_id=answer["person_id"]
        )
        return answer

    @serves(contract.list_reviews)
    def list_reviews(self, call: Call) -> Any:
        return call.read(queries.list_reviews)

    @serves(contract.get_review)
    def get_review(self, call: Call) -> Any:
        answer = call.read(queries.get_review)
        call.note_reading("response.read", "response", answer["id"], person_id=answer["person_id"])
        return answer

    @serves(contract.mark_reviewed)
    def mark_reviewed(self, call: Call) -> Any:
        return call.commit(handlers.mark_reviewed, call.caller)

    @serves(contract.list_answer_notices)
    def list_answer_notices(self, call: Call) -> Any:
        return call.read(queries.list_answer_notices)

    @serves(contract.close_answer_notice)
    def close_answer_notice(self, call: Call) -> Any:
        return call.commit(handlers.close_answer_notice)
