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
from services.contracts.declare import Contract
from services.contracts.referrals import (
    assignments,  # noqa: F401 - it fills referrals.contract
    audit,  # noqa: F401 - it fills referrals.contract
    bulk,  # noqa: F401 - it fills referrals.contract
    capacity,  # noqa: F401 - it fills referrals.contract
    directory,  # noqa: F401 - it fills referrals.contract
    directory_exports,  # noqa: F401 - it fills referrals.contract
    directory_imports,  # noqa: F401 - it fills referrals.contract
    fhir,  # noqa: F401 - it fills referrals.contract
    hsds,  # noqa: F401 - it fills referrals.contract
    intakes,  # noqa: F401 - it fills referrals.contract
    offers,  # noqa: F401 - it fills referrals.contract
    queues,  # noqa: F401 - it fills referrals.contract
    records,  # noqa: F401 - it fills referrals.contract
    reports,  # noqa: F401 - it fills referrals.contract
    status_changes,  # noqa: F401 - it fills referrals.contract
)

CONTRACTS: tuple[Contract, ...] = (
    identity.contract,
    referrals.contract,
    portals.contract,
    notifications.contract,
    signing.contract,
)
