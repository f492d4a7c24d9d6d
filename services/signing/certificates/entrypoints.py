"""Entrypoints of certificates."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.signing import certificates
from services.signing.certificates import workflows


class CertificateEntrypoints:
    """Entrypoints of certificates."""

    @serves(certificates.open_completion_certificate)
    def open_completion_certificate(self, call: Call) -> Any:
        return workflows.open_completion_certificate(call)

    @serves(certificates.open_transmission_certificate)
    def open_transmission_certificate(self, call: Call) -> Any:
        return workflows.open_transmission_certificate(call)
