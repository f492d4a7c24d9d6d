"""The audit trail of portals: its operations and its event."""

from __future__ import annotations

from services.contracts.audit import audit_operations
from services.contracts.portals import contract

trail = audit_operations(contract)
