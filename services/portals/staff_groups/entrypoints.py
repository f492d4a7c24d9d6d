"""Entrypoints of groups of staff."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import staff_groups as contract
from services.contracts.portals.messages import WORK
from services.portals.people import asking
from services.portals.staff_groups import handlers, queries


class StaffGroupsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_staff_groups)
    def list_staff_groups(self, call: Call) -> Any:
        return _with_names(call, call.read(queries.list_staff_groups))

    @serves(contract.get_staff_group)
    def get_staff_group(self, call: Call) -> Any:
        return _with_names(call, call.read(queries.get_staff_group))

    @serves(contract.create_staff_group)
    def create_staff_group(self, call: Call) -> Any:
        _require_workers(call)
        return call.commit(handlers.create_staff_group)

    @serves(contract.change_staff_group)
    def change_staff_group(self, call: Call) -> Any:
        _require_workers(call)
        return call.commit(handlers.change_staff_group)

    @serves(contract.remove_staff_group)
    def remove_staff_group(self, call: Call) -> Any:
        return call.commit(handlers.remove_staff_group)


def _with_names(call: Call, answer: Any) -> Any:
    groups = answer.get("items", [answer])
    members = [member for each in groups for member in each["members"]]
    asking.add_names(call, supervisor_id=groups, account_id=members)
    return answer


def _require_workers(call: Call) -> None:
    for place, account_id in enumerate(call.request["member_ids"]):
        asking.require_worker(call, account_id, WORK, f"member_ids.{place}")
    if call.request["supervisor_id"] is not None:
        asking.require_worker(call, call.request["supervisor_id"], WORK, "supervisor_id")
