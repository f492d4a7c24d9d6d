"""The contract of referrals: resource directory, ReferralQs, contact records, referrals, capacity."""

from __future__ import annotations

from services.contracts.declare import Contract

contract = Contract("referrals", "Resource directory, ReferralQs, contact records, referrals and capacity.")
