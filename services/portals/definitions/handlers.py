"""Commands on the portals of an organisation, each one transaction."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import held_or_made, insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid, lacking
from services.contracts.portals import definitions as contract
from services.portals.definitions import queries, rules
from services.portals.definitions.models import Portal, PortalHosts


class PortalChanges(TypedDict, total=False):
    """What changes of a portal."""

    is_enabled: bool
    employer: str | None
    region: str | None
    security_roles: list[str]
    needs_approval: bool
    networks: list[str]


def create_portal(
    unit: UnitOfWork, *, portal: str, kind: str, employer: str | None, region: str | None
) -> dict[str, Any]:
    """Add a portal that is off. Raises Refused `suffix_taken`."""
    made = rules.DefaultPortal(portal, kind, is_enabled=False, employer=employer, region=region)
    row = {
        "id": wire.new_id(),
        "organisation_id": unit.organisation_id,
        "changed_at": unit.now,
        **rules.members(made),
    }
    if portal in rules.DEFAULT_PORTALS or not insert_unless_there(unit.session, Portal.__table__, row):
        raise Refused("suffix_taken", "Another portal has this address. Choose another.", field="portal")
    unit.audit("portal.created", "portal", row["id"], portal=portal, kind=kind)
    unit.publish(contract.portal_created, row["id"], {"portal": portal, "kind": kind})
    return queries.view(made)


def change_portal(unit: UnitOfWork, *, portal: str, **changes: Unpack[PortalChanges]) -> dict[str, Any]:
    """Change what is given. Raises Refused `not_found`, `version_required`, `version_conflict`, `invalid_request`."""
    row = locked(unit, portal)
    unit.require_version(row)
    if changes.get("security_roles") and rules.REALM_OF_KIND[row.kind] not in rules.REALMS_WITH_ROLES:
        raise Refused(
            "invalid_request", "The people of this portal hold no such roles. Choose none.", "security_roles"
        )
    is_eased = row.needs_approval and changes.get("needs_approval") is False
    if is_eased and not (unit.caller and unit.caller.may("organisation.manage")):
        raise lacking("organisation.manage", "One person alone could publish then.", "needs_approval")
    if "networks" in changes:
        changes["networks"] = _networks(changes["networks"])
    for name, value in changes.items():
        setattr(row, name, sorted(set(value)) if name == "security_roles" else value)  # type: ignore[call-overload]
    row.version += 1
    row.changed_at = unit.now
    unit.audit(
        "portal.changed", "portal", row.id, portal=portal, members=sorted(changes), is_enabled=row.is_enabled
    )
    unit.publish(contract.portal_changed, row.id, {"portal": portal, "version": row.version})
    return queries.view(row)


def set_portal_hosts(unit: UnitOfWork, *, hosts: list[str]) -> dict[str, Any]:
    """Set the hosts to whose pages portals may lead. Raises Refused `version_required`, `version_conflict`."""
    fresh = {"id": wire.new_id(), "hosts": [], "version": rules.DEFAULT_VERSION}
    row = held_or_made(unit.session, PortalHosts, {"organisation_id": unit.organisation_id}, fresh)
    unit.require_version(row)
    row.hosts = sorted(set(hosts))
    row.version += 1
    unit.audit("portal_hosts.set", "portal_hosts", row.id, hosts=len(row.hosts))
    return {"hosts": row.hosts, "version": row.version}


def _networks(given: list[str]) -> list[str]:
    plain = [rules.plain_network(each) for each in given]
    problems = [
        (f"networks.{place}", "A network such as 192.0.2.0/24 or 2001:db8::/32 is expected.")
        for place, each in enumerate(plain)
        if each is None
    ]
    if problems:
        raise invalid(problems)
    return sorted({each for each in plain if each})


def locked(unit: UnitOfWork, portal: str) -> Portal:
    """The portal's row, locked. It is created from the default if there is none."""
    default = rules.DEFAULT_PORTALS.get(portal)
    if default is None:
        statement = select(Portal).where(Portal.portal == portal).with_for_update()
        row = unit.session.scalars(statement).one_or_none()
        if row is None:
            raise Refused("not_found", "There is no such portal.", field="portal")
        return row
    key = {"organisation_id": unit.organisation_id, "portal": portal}
    fresh = {"id": wire.new_id(), "changed_at": unit.now, **rules.members(default)}
    return held_or_made(unit.session, Portal, key, fresh)
