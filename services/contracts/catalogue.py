"""All contracts, in the order in which they are documented."""

from __future__ import annotations

from services.contracts import identity, notifications, portals, referrals, signing
from services.contracts.declare import Contract

CONTRACTS: tuple[Contract, ...] = (
    identity.contract,
    referrals.contract,
    portals.contract,
    notifications.contract,
    signing.contract,
)
