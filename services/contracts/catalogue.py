"""All contracts, in the order in which they are documented."""

from __future__ import annotations

from services.contracts import identity, notifications, portals, referrals, signing
from services.contracts import identity_access as _identity_access  # noqa: F401 - it fills identity.contract
from services.contracts import identity_audit as _identity_audit  # noqa: F401 - it fills identity.contract
from services.contracts import identity_employees as _identity_employees  # noqa: F401 - as above
from services.contracts import identity_family as _identity_family  # noqa: F401 - as above
from services.contracts import identity_merged as _identity_merged  # noqa: F401 - as above
from services.contracts import identity_merging as _identity_merging  # noqa: F401 - as above
from services.contracts import identity_outside as _identity_outside  # noqa: F401 - as above
from services.contracts import identity_patients as _identity_patients  # noqa: F401 - as above
from services.contracts import identity_people as _identity_people  # noqa: F401 - as above
from services.contracts import notifications_templates as _notifications_templates  # noqa: F401 - it fills notifications.contract
from services.contracts import referrals_assignments as _referrals_assignments  # noqa: F401 - it fills referrals.contract
from services.contracts import referrals_bulk as _referrals_bulk  # noqa: F401 - as above
from services.contracts import referrals_capacity as _referrals_capacity  # noqa: F401 - as above
from services.contracts import referrals_directory as _referrals_directory  # noqa: F401 - as above
from services.contracts import referrals_fhir as _referrals_fhir  # noqa: F401 - as above
from services.contracts import referrals_offers as _referrals_offers  # noqa: F401 - as above
from services.contracts import referrals_queues as _referrals_queues  # noqa: F401 - as above
from services.contracts import referrals_records as _referrals_records  # noqa: F401 - as above
from services.contracts import referrals_reports as _referrals_reports  # noqa: F401 - as above
from services.contracts.declare import Contract

CONTRACTS: tuple[Contract, ...] = (
    identity.contract,
    referrals.contract,
    portals.contract,
    notifications.contract,
    signing.contract,
)
