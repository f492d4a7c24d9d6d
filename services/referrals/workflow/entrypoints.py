"""Entrypoints of an organisation's workflows."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import workflow
from services.referrals.workflow import handlers, queries


class WorkflowEntrypoints:
    """What `Service` offers about an organisation's workflows."""

    @serves(workflow.get_workflow_settings)
    def get_workflow_settings(self, call: Call) -> Any:
        return call.read(queries.get_workflow_settings)

    @serves(workflow.set_workflow_settings)
    def set_workflow_settings(self, call: Call) -> Any:
        return call.commit(handlers.set_workflow_settings)
