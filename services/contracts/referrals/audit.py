"""The audit trail of referrals."""

from __future__ import annotations

from services.contracts.audit import audit_operations
from services.contracts.referrals import contract

audit = audit_operations(contract)
