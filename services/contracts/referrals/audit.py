"""The audit trail of referrals: its operations and its event."""

from __future__ import annotations

from services.contracts.audit import audit_operations
from services.contracts.referrals import contract

trail = audit_operations(contract)
