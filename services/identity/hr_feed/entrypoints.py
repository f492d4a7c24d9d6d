"""Entrypoints of the HR feed."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import hr_feed as contract
from services.identity.hr_feed import imports


class HrFeedEntrypoints:
    """What `Service` inherits."""

    @serves(contract.upload_hr_feed)
    def upload_hr_feed(self, call: Call) -> Any:
        return imports.upload(call)

    @serves(contract.list_hr_imports)
    def list_hr_imports(self, call: Call) -> Any:
        return call.read(imports.list_hr_imports)

    @serves(contract.get_hr_import)
    def get_hr_import(self, call: Call) -> Any:
        return call.read(imports.get_hr_import)

    @serves(contract.list_hr_import_lines)
    def list_hr_import_lines(self, call: Call) -> Any:
        answer = call.read(imports.list_lines)
        call.note_reading("hr_import.lines_read", "hr_import", call.request["import_id"])
        return answer

    @serves(contract.apply_hr_import)
    def apply_hr_import(self, call: Call) -> Any:
        answer = call.commit(imports.begin)
        call.runtime.loops.wake(imports.LOOP)
        return answer
