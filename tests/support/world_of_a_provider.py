"""What a provider reaches and what not, within one organisation, for the tests about foreign ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from services.contracts.referrals import (
    assignments,
    capacity,
    queues,
)
from services.contracts.referrals import records as records_contract
from services.contracts.signing import documents as signing
from services.identity.realms.rules import DEFAULT_ROLES, PROVIDER_LEVEL, effective_permissions, switched_on
from tests.support.in_process import HARBOR, a_caller
from tests.support.known_to_identity import ACCOUNTS
from tests.support.two_organisations import World
from tests.support.world_of_referrals import a_scheduled_change, referrals_world
from tests.support.world_of_signing import signing_world


def provider_in_referrals(folder: Path) -> World:
    """Harbor's referrals for a provider of one program: what the provider reaches counts as Bayside, the rest as Harbor."""
    world = referrals_world(folder)
    world.objects["bayside"] = {}

    def call(operation: Any, **request: Any) -> Any:
        return world.service.call(operation, world.callers["harbor"], **request)

    *outside, inside = world.objects["harbor"]["program"]
    world.objects["harbor"]["program"] = outside
    own_agency, other_agency = world.objects["harbor"]["agency"]
    world.objects["harbor"]["agency"] = [other_agency]
    queue = call(queues.create_queue, name="Within reach")["id"]
    call(queues.add_program_to_queue, queue_id=queue, program_id=inside)
    line = call(capacity.set_capacity, program_id=inside, total=9)["line_id"]
    record = call(records_contract.create_contact_record, first_name="Bo", last_name="Reach")["id"]
    referral = call(assignments.assign_referral, contact_record_id=record, queue_id=queue, program_id=inside)
    for kind, named in (
        ("program", inside),
        ("agency", own_agency),
        ("queue", queue),
        ("record", record),
        ("referral", referral["id"]),
        ("capacity_line", line),
        ("capacity_schedule", a_scheduled_change(world, "harbor", inside)),
    ):
        world.keep("bayside", kind, named)
    scope = {"resources": [{"id": inside, "level": "program"}], "details": True}
    return _as_provider(world, scope)


def provider_in_signing(folder: Path) -> World:
    """Harbor's documents for a provider: those sent to it count as Bayside, those sent to others as Harbor."""
    world = signing_world(folder)
    blob = world.objects["harbor"]["blob"][0]
    world.objects["bayside"] = {}
    sent = world.service.call(
        signing.send_document,
        world.callers["harbor"],
        document=blob,
        title="Plan of a provider",
        recipient_account_id=ACCOUNTS["bayside"],
    )
    world.keep("bayside", "document", sent["id"])
    return _as_provider(world, {})


def _as_provider(world: World, scope: dict[str, Any]) -> World:
    permissions = effective_permissions(
        *DEFAULT_ROLES[PROVIDER_LEVEL],
        switched_on(SimpleNamespace(can_edit_capacity=True, can_change_status=True)),
        ("referralq", "provider_portal"),
    )
    world.organisations["bayside"] = HARBOR
    world.callers["bayside"] = a_caller(
        *permissions, organisation=HARBOR, realm="provider", id=ACCOUNTS["bayside"], scope=scope
    )
    world.service.database.close()
    return world


WORLDS_OF_A_PROVIDER: Mapping[str, Callable[[Path], World]] = {
    "referrals": provider_in_referrals,
    "signing": provider_in_signing,
}
