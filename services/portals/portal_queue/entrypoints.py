"""Entrypoints of the queue."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import portal_queue as contract
from services.contracts.portals.messages import WORK
from services.portals.people import asking
from services.portals.portal_queue import archive, handlers, queries, rules


def _with_names(call: Call, answer: Any) -> Any:
    asking.add_names(call, assigned_to=answer.get("items", [answer]))
    return answer


class PortalQueueEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_queue)
    def list_queue(self, call: Call) -> Any:
        return _with_names(call, call.read(queries.list_queue))

    @serves(contract.count_queue)
    def count_queue(self, call: Call) -> Any:
        return call.read(queries.count_queue)

    @serves(contract.get_queue_item)
    def get_queue_item(self, call: Call) -> Any:
        answer = call.read(queries.get_queue_item)
        call.note_reading("queue_item.read", "queue_item", answer["id"], person_id=answer["person_id"])
        told = [account for each in answer["escalations"] for account in each["accounts"]]
        asking.add_names(
            call,
            assigned_to=[answer],
            author_id=answer["messages"],
            actor_id=answer["steps"],
            account_id=told,
        )
        return answer

    @serves(contract.list_request_types)
    def list_request_types(self, call: Call) -> Any:
        return call.read(queries.list_request_types)

    @serves(contract.enter_request)
    def enter_request(self, call: Call) -> Any:
        person = asking.addressee(call, call.request["person_id"])
        return call.commit(handlers.enter_request, person)

    @serves(contract.claim_queue_item)
    def claim_queue_item(self, call: Call) -> Any:
        return call.commit(handlers.claim_queue_item, call.caller)

    @serves(contract.assign_queue_item)
    def assign_queue_item(self, call: Call) -> Any:
        if call.request["account_id"] is not None:
            asking.require_worker(call, call.request["account_id"], WORK)
        return call.commit(handlers.assign_queue_item)

    @serves(contract.change_queue_item)
    def change_queue_item(self, call: Call) -> Any:
        return call.commit(handlers.change_queue_item)

    @serves(contract.answer_queue_item)
    def answer_queue_item(self, call: Call) -> Any:
        with call.reading(call.organisation_id) as session:
            item = queries.found(session, call.request["item_id"])
        rules.require_person(item.known_person_id)
        person = asking.addressee(call, item.person_id) if item.account_id is None else None
        return call.commit(handlers.answer_queue_item, person)

    @serves(contract.save_reply_draft)
    def save_reply_draft(self, call: Call) -> Any:
        return call.commit(handlers.save_reply_draft, call.caller)

    @serves(contract.dismiss_queue_item)
    def dismiss_queue_item(self, call: Call) -> Any:
        return call.commit(handlers.dismiss_queue_item)

    @serves(contract.unarchive_queue_item)
    def unarchive_queue_item(self, call: Call) -> Any:
        return call.commit(handlers.unarchive_queue_item)

    @serves(contract.search_archive)
    def search_archive(self, call: Call) -> Any:
        return _with_names(call, call.read(archive.search_archive))

    @serves(contract.start_helper_action)
    def start_helper_action(self, call: Call) -> Any:
        return call.commit(handlers.start_helper_action)

    @serves(contract.finish_helper_action)
    def finish_helper_action(self, call: Call) -> Any:
        return call.commit(handlers.finish_helper_action)

    @serves(contract.get_queue_settings)
    def get_queue_settings(self, call: Call) -> Any:
        return call.read(queries.get_queue_settings)

    @serves(contract.change_queue_settings)
    def change_queue_settings(self, call: Call) -> Any:
        return call.commit(handlers.change_queue_settings)
