"""The audit trail of signing: its operations and its event."""

from __future__ import annotations

from services.contracts.audit import audit_operations
from services.contracts.signing import contract

trail = audit_operations(contract)
