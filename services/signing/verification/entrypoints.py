"""Entrypoints of verification."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.signing import verification
from services.signing.verification import workflows


class VerificationEntrypoints:
    """Entrypoints of verification."""

    @serves(verification.verify_file)
    def verify_file(self, call: Call) -> Any:
        return workflows.verify_file(call)

    @serves(verification.get_signing_authority)
    def get_signing_authority(self, call: Call) -> Any:
        return workflows.get_signing_authority(call)
