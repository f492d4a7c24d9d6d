"""What somebody may call whose consents are due: a short list. Everything else is refused in every service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.chassis.operations import admit
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import PORTAL_REALMS, Operation, all_operations
from services.contracts.errors import Refused
from tests.support.in_process import FakeVerifier, a_caller

OPERATIONS = all_operations(CONTRACTS)
OF_PORTALS = [
    each
    for each in OPERATIONS
    if each.access.kind in ("signed_in", "permission")
    and (not each.access.realms or set(PORTAL_REALMS).intersection(each.access.realms))
]
# To read and sign consents, to see who and where one is, to keep the account safe, and to leave.
BEFORE_CONSENT = {
    "identity.change_my_password",
    "identity.confirm_second_factor",
    "identity.describe_me",
    "identity.end_my_other_sessions",
    "identity.end_my_session",
    "identity.get_my_second_factor",
    "identity.get_organisation",
    "identity.list_my_outside_identities",
    "identity.list_my_sessions",
    "identity.log_out",
    "identity.prove_myself",
    "identity.remove_second_factor",
    "identity.renew_recovery_codes",
    "identity.set_my_preferences",
    "identity.set_my_shortcuts",
    "identity.sign_out",
    "identity.start_outside_link",
    "identity.start_outside_proof",
    "identity.start_second_factor",
    "identity.unlink_my_outside_identity",
    "portals.get_portal",
    "portals.get_portal_start",  # which says that they are due, and shows nothing else
    "portals.list_my_consents",
    "portals.list_my_signed_consents",
    "portals.sign_consent",
    "portals.withdraw_consent",
    "signing.list_my_decisions",
    "signing.open_decision_file",
}


def _admit(operation: Operation, *, consents_due: bool) -> str | None:
    """The code with which somebody of a portal is refused who holds every permission."""
    realm = next(iter(set(PORTAL_REALMS).intersection(operation.access.realms) or PORTAL_REALMS))
    verifier = FakeVerifier()
    verifier.caller = replace(
        a_caller(operation.access.permission or "", realm=realm), consents_due=consents_due
    )
    try:
        admit(operation, verifier, "passport", {})
    except Refused as refusal:
        return refusal.code
    return None


def test_what_comes_before_consent_is_known():
    assert {each.address for each in OPERATIONS if each.before_consent} == BEFORE_CONSENT


@pytest.mark.seed("S2-40")
@pytest.mark.parametrize("operation", OF_PORTALS, ids=lambda operation: operation.address)
def test_nothing_else_is_carried_out_while_consents_are_due(operation: Operation):
    assert _admit(operation, consents_due=False) is None
    expected = None if operation.address in BEFORE_CONSENT else "consents_due"
    assert _admit(operation, consents_due=True) == expected
    assert ("consents_due" in operation.codes) == (expected is not None)
