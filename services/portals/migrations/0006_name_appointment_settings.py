"""Give the settings of My Appointments the names under which appointments read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON_VALUE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_ROWS = sa.table("portal_configurations", sa.column("id", sa.String), sa.column("content", JSON_VALUE))
_NAMES = {
    "mode": "booking_mode",
    "allows_past_due": "past_due_scheduling",
    "days_of_past": "days_past",
    "days_before_first": "lead_days",
    "offers_first_available": "first_available_provider",
    "alert": "alert_text",
}


def upgrade() -> None:
    _rewritten(_new)


def downgrade() -> None:
    _rewritten(_old)


def _new(settings: dict[str, Any]) -> dict[str, Any]:
    named = {_NAMES.get(name, name): value for name, value in settings.items() if name != "chooses_provider"}
    if named["booking_mode"] == "request":
        named["booking_mode"] = "request_only"
    any_provider = not settings["chooses_provider"]
    return {**named, "visible_appointment_types": None, "any_provider": any_provider}


def _old(settings: dict[str, Any]) -> dict[str, Any]:
    former = {new: old for old, new in _NAMES.items()}
    dropped = ("visible_appointment_types", "any_provider")
    named = {former.get(name, name): value for name, value in settings.items() if name not in dropped}
    if named["mode"] == "request_only":
        named["mode"] = "request"
    return {**named, "chooses_provider": not settings["any_provider"]}


def _rewritten(rule: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.select(_ROWS)).all():
        modules = row.content.get("modules") or []
        if not any(module.get("appointments") for module in modules):
            continue
        for module in modules:
            if module.get("appointments"):
                module["appointments"] = rule(module["appointments"])
        content = {**row.content, "modules": modules}
        connection.execute(_ROWS.update().where(_ROWS.c.id == row.id).values(content=content))
