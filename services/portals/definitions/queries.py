"""Queries of the portals of an organisation. Nothing is cached, so the next read shows a change (S2-28)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import CLIENT_ADDRESS
from services.contracts.errors import Refused
from services.portals.definitions import rules
from services.portals.definitions.models import OrganisationKey, Portal, PortalHosts

CONFIGURE = "portal.configure"


def list_portals(session: Session, caller: Caller) -> dict[str, Any]:
    """All portals, by suffix."""
    return {"items": [view(each) for each in all_portals(session, caller.organisation_id)]}


def offered(session: Session, caller: Caller) -> list[Any]:
    """The portals that admit the caller at the address of the call, by suffix. One of supervisors is for who supervises somebody."""
    return rules.worth_offering(_mine(session, caller), caller.scope.get("profiles") or ())


def admitting(session: Session, caller: Caller) -> list[str]:
    """The suffixes of the portals that admit the caller at the address of the call."""
    return [each.portal for each in _mine(session, caller)]


def is_open_to(session: Session, caller: Caller, portal: str) -> bool:
    """Whether this portal admits the caller at the address of the call."""
    return portal in admitting(session, caller)


def admitting_of_kind(session: Session, caller: Caller, kind: str) -> str | None:
    """The first portal of this kind that admits the caller at the address of the call."""
    return next((each.portal for each in _mine(session, caller) if each.kind == kind), None)


def require_a_portal(session: Session, caller: Caller) -> None:
    """Raises Refused `not_found` unless any portal admits the caller at the address of the call."""
    if not _mine(session, caller):
        raise Refused("not_found", "No portal is open to you here. Ask the organisation.")


def _mine(session: Session, caller: Caller) -> list[Any]:
    return [
        each
        for each in all_portals(session, caller.organisation_id)
        if _admits(each, caller) and is_reached(session, each)
    ]


def describe_portal(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """One portal. Raises Refused `not_found`."""
    return view(named(session, caller.organisation_id, portal))


def named(session: Session, organisation_id: str | None, portal: str) -> Any:
    """A portal of an organisation, stored or default. Raises Refused `not_found`.

    The statement names the organisation, as nobody is signed in on a log-in page.
    """
    row = session.scalars(
        select(Portal).where(Portal.organisation_id == organisation_id, Portal.portal == portal)
    ).one_or_none()
    found = row or rules.DEFAULT_PORTALS.get(portal)
    if found is None:
        raise Refused("not_found", "There is no such portal.", field="portal")
    return found


def admitted(session: Session, caller: Caller, portal: str) -> Any:
    """A portal that admits the caller at the address of the call; who configures portals sees all. Raises Refused `not_found`."""
    found = named(session, caller.organisation_id, portal)
    if caller.may(CONFIGURE):
        return found
    # Who is outside its networks does not learn that there is such a portal.
    reached = is_reached(session, found)
    if not (reached and _admits(found, caller)):
        if reached and rules.is_for_supervisors_only(found, caller.realm):
            raise Refused(
                "not_found",
                "This portal is for people who supervise somebody, and nobody is on your team. Ask the organisation if that is wrong.",
                field="portal",
            )
        raise Refused("not_found", "There is no such portal.", field="portal")
    return found


def is_reached(session: Session, definition: Any) -> bool:
    """Whether a portal is open to the address from which this call came (S2-133)."""
    return rules.is_within(definition.networks, session.info.get(CLIENT_ADDRESS))


def get_portal_hosts(session: Session, caller: Caller) -> dict[str, Any]:
    """The hosts to whose pages portals may lead."""
    row = _hosts(session, caller.organisation_id)
    return {"hosts": row.hosts if row else [], "version": row.version if row else rules.DEFAULT_VERSION}


def hosts_of(session: Session, organisation_id: str | None) -> list[str]:
    """The hosts to whose pages the organisation's portals may lead."""
    row = _hosts(session, organisation_id)
    return list(row.hosts) if row else []


def _hosts(session: Session, organisation_id: str | None) -> PortalHosts | None:
    return session.scalars(
        select(PortalHosts).where(PortalHosts.organisation_id == organisation_id)
    ).one_or_none()


def time_zone_of(session: Session) -> str | None:
    """The time zone of the session's organisation. None: identity has told none."""
    own = OrganisationKey.organisation_id == session.info.get("organisation_id")
    return session.scalar(select(OrganisationKey.time_zone).where(own))


def organisation_of(session: Session, key: str) -> str:
    """The id of the organisation with this key. Raises Refused `not_found`."""
    found = session.scalar(select(OrganisationKey.organisation_id).where(OrganisationKey.key == key))
    if found is None:
        raise Refused("not_found", "There is no such organisation.", field="organisation")
    return found


def view(portal: Any) -> dict[str, Any]:
    """A stored or default portal as the contract's Portal."""
    return rules.members(portal) | {
        "realm": rules.REALM_OF_KIND[portal.kind],
        "takes_roles": rules.REALM_OF_KIND[portal.kind] in rules.REALMS_WITH_ROLES,
    }


def all_portals(session: Session, organisation_id: str | None) -> list[Any]:
    """All portals of an organisation, stored or default, by suffix."""
    stored = session.scalars(select(Portal).where(Portal.organisation_id == organisation_id))
    return sorted(({**rules.DEFAULT_PORTALS, **{row.portal: row for row in stored}}).values(), key=_suffix)


def first_of_realm(session: Session, organisation_id: str | None, realm: str) -> Any:
    """The first enabled portal of a realm: of its foremost kind, by suffix. Raises Refused `not_found`."""
    found = foremost(session, organisation_id, realm)
    if found is None or not found.is_enabled:
        raise Refused("not_found", "No portal of this realm is enabled.", field="realm")
    return found


def foremost(session: Session, organisation_id: str | None, realm: str) -> Any | None:
    """The first portal of a realm: an enabled one before others, by kind and suffix. None: the realm has none."""
    kinds = [kind for kind, of in rules.REALM_OF_KIND.items() if of == realm]
    found = [each for each in all_portals(session, organisation_id) if each.kind in kinds]
    return min(found, key=lambda each: (not each.is_enabled, kinds.index(each.kind)), default=None)


def _suffix(portal: Any) -> str:
    return str(portal.portal)


def _admits(portal: Any, caller: Caller) -> bool:
    return rules.admits(
        is_enabled=portal.is_enabled,
        kind=portal.kind,
        security_roles=portal.security_roles,
        realm=caller.realm,
        roles=[each["role"] for each in caller.scope.get("profiles") or () if each.get("role")],
    )
