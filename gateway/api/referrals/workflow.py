"""Routes of the workflow settings."""

from __future__ import annotations

from gateway.routes import Route
from services.contracts.referrals import workflow

ROUTES = (
    Route("GET", "/v1/workflow-settings", workflow.get_workflow_settings),
    Route("PUT", "/v1/workflow-settings", workflow.set_workflow_settings),
)
