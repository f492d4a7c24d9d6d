"""Both organisations' objects in each service, for the tests about foreign ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.two_organisations import World
from tests.support.world_of_identity import identity_world
from tests.support.world_of_notifications import notifications_world
from tests.support.world_of_portals import portals_world
from tests.support.world_of_referrals import referrals_world
from tests.support.world_of_signing import signing_world

WORLDS: Mapping[str, Callable[[Path], World]] = {
    "identity": identity_world,
    "notifications": notifications_world,
    "portals": portals_world,
    "referrals": referrals_world,
    "signing": signing_world,
}
