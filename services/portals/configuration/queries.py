"""Queries of portals. Nothing is cached here, so the next read shows a change (S2-28); `homes` keeps rendered versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.portals.configuration import documents, modules, rendering, rules, versions
from services.portals.configuration.models import DocumentType
from services.portals.definitions import queries as definitions
from services.portals.definitions import rules as definition_rules
from services.portals.images import queries as image_queries
from services.portals.schedules import queries as schedules

_MOST_DOCUMENT_TYPES = 200


def get_portal(session: Session, caller: Caller, *, portal: str, languages: list[str]) -> dict[str, Any]:
    """The look of a portal that admits the caller, with the ticker's source and HTML. Raises Refused `not_found`."""
    definition = definitions.admitted(session, caller, portal)
    shown = versions.shown(session, caller.organisation_id, definition)
    return look_view(definition, shown, languages)


def list_my_portals(session: Session, caller: Caller, *, languages: list[str]) -> dict[str, Any]:
    """The portals that the caller may choose from, by suffix, each with its name."""
    now, shown = utc_now(), ("portal", "kind", "employer", "region")
    offered = definitions.offered(session, caller)
    return {
        "notice": None if offered else _no_portal(session, caller, languages),
        "items": [
            {
                **{name: getattr(each, name) for name in shown},
                "name": rendering.look(
                    versions.shown(session, caller.organisation_id, each).whole, languages, now
                )["name"],
            }
            for each in offered
        ],
    }


def _no_portal(session: Session, caller: Caller, languages: list[str]) -> dict[str, str | None] | None:
    """What the foremost portal of the caller's realm says to whom none is open. None: the realm has no portals."""
    definition = definitions.foremost(session, caller.organisation_id, str(caller.realm))
    if definition is None:
        return None
    shown = versions.shown(session, caller.organisation_id, definition)
    return rendering.notices(shown.whole, languages)["no_portal"]


def get_public_portal(
    session: Session,
    _caller: None,
    *,
    organisation: str,
    portal: str,
    languages: list[str],
) -> dict[str, Any]:
    """What a log-in page shows. Raises Refused `not_found` for an unknown organisation key or a portal that is off."""
    organisation_id = definitions.organisation_of(session, organisation)
    definition = definitions.named(session, organisation_id, portal)
    if not definition.is_enabled or not definitions.is_reached(session, definition):
        raise Refused("not_found", "There is no such portal.", field="portal")
    whole = versions.shown(session, organisation_id, definition).whole
    look = rendering.look(whole, languages, utc_now())
    return {
        "portal": definition.portal,
        "kind": definition.kind,
        "realm": definition_rules.REALM_OF_KIND[definition.kind],
        "name": look["name"],
        "colour": look["colour"],
        "logout_address": _logout_address(session, organisation_id, whole),
        "sign_in": rendering.sign_in(whole, languages),
        "no_permission": rendering.notices(whole, languages)["no_permission"],
        **_images(session, (organisation_id, organisation), whole, languages),
    }


def describe_portal_names(
    session: Session, caller: Caller, *, realm: str, languages: list[str]
) -> dict[str, Any]:
    """The name of a realm's first portal, and what it calls the product. Raises Refused `not_found`."""
    definition = definitions.first_of_realm(session, caller.organisation_id, realm)
    home = rendering.home(
        definition, versions.shown(session, caller.organisation_id, definition).whole, languages, utc_now()
    )
    return {name: home[name] for name in ("name", "product_name")}


def get_portal_content(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """What a portal says and offers, as it was written. Raises Refused `not_found`."""
    definition = definitions.named(session, caller.organisation_id, portal)
    return content_view(session, definition, versions.shown(session, caller.organisation_id, definition))


def further_problems(call: Call) -> list[tuple[str, str]]:
    """What is wrong with these changes of what is published. Raises Refused `not_found`."""
    if "portal" not in call.request:
        return []
    with call.reading(call.organisation_id) as session:
        definition = definitions.named(session, call.organisation_id, call.request["portal"])
        published = versions.latest(session, call.organisation_id, definition)
        changed = {**published.document, **documents.changes_of(call.request)}
        return documents.problems(session, call.organisation_id, definition.kind, changed)


def home_view(
    session: Session, caller: Caller, definition: Any, whole: dict[str, Any], languages: Sequence[str]
) -> dict[str, Any]:
    """A configuration as the contract's PortalHome."""
    organisation = (caller.organisation_id, caller.organisation_key)
    return {
        **rendering.home(definition, whole, languages, utc_now()),
        **_images(session, organisation, whole, languages),
    }


def appointment_options(session: Session, organisation_id: str | None, portal: str) -> dict[str, Any] | None:
    """The settings of My Appointments of a portal, with their defaults. None: the portal does not have the module.

    Raises Refused `not_found`.
    """
    definition = definitions.named(session, organisation_id, portal)
    return modules.appointment_options(versions.shown(session, organisation_id, definition).whole["modules"])


def missing_modules(
    session: Session, organisation_id: str | None, portal: str, wanted: Sequence[tuple[str, str]]
) -> list[dict[str, str]]:
    """The modules that lead to these questionnaires and that the portal may have and does not show, with their usual names.

    `wanted`: the code of the module and the id of the questionnaire. Raises Refused `not_found`.
    """
    definition = definitions.named(session, organisation_id, portal)
    shown = versions.shown(session, organisation_id, definition).whole["modules"]
    return modules.named(modules.missing(definition.kind, shown, wanted))


def document_types(
    session: Session, caller: Caller, portal: str | None, *, of_supervisors: bool = False
) -> set[str] | None:
    """The types of documents that a portal shows, or those that admit the caller together; None: every type (S2-140).

    Supervisors' portals name what is shown of the employees; without a list they show no document. Raises Refused `not_found`.
    """
    names = [portal] if portal else definitions.admitting(session, caller)
    shown: set[str] = set()
    for name in names:
        definition = definitions.admitted(session, caller, name)
        if (definition.kind == "supervisor") is not of_supervisors:
            continue
        chosen = versions.shown(session, caller.organisation_id, definition).whole["document_types"]
        if chosen is None and not of_supervisors:
            return None
        shown.update(chosen or ())
    return shown


def reports_of(session: Session, caller: Caller, portal: str) -> list[dict[str, str]]:
    """The reports that a portal shows; none without the module. Raises Refused `not_found`."""
    definition = definitions.admitted(session, caller, portal)
    whole = versions.shown(session, caller.organisation_id, definition).whole
    found = (modules.reports_of(each) for each in whole["modules"] if each["code"] == "reports")
    return next(found, [])


def module_name(session: Session, caller: Caller, portal: str, code: str) -> str | None:
    """What a module is called in a portal, in the organisation's words. None: the portal does not have it.

    Raises Refused `not_found`.
    """
    definition = definitions.admitted(session, caller, portal)
    whole = versions.shown(session, caller.organisation_id, definition).whole
    shown = rendering.home(definition, whole, (), utc_now())["modules"]
    return next((str(each["name"]) for each in shown if each["code"] == code), None)


def portal_with_module(session: Session, caller: Caller, code: str, kind: str | None = None) -> str | None:
    """The first portal, of a kind if one is given, that admits the caller and has the module; None: no portal has."""
    for portal in definitions.admitting(session, caller):
        is_wanted = kind is None or definitions.admitted(session, caller, portal).kind == kind
        if is_wanted and module_name(session, caller, portal, code) is not None:
            return portal
    return None


def look_view(definition: Any, shown: versions.Shown, languages: Sequence[str] = ()) -> dict[str, Any]:
    """A version as the contract's PortalConfiguration."""
    return {
        "portal": definition.portal,
        "kind": definition.kind,
        "version": shown.number,
        **rendering.look(shown.whole, languages, utc_now()),
    }


def content_view(session: Session, definition: Any, shown: versions.Shown) -> dict[str, Any]:
    """A version as the contract's PortalContent."""
    return {
        "portal": definition.portal,
        "kind": definition.kind,
        "version": shown.number,
        **possible_view(session, definition.kind),
        **{name: value for name, value in shown.whole.items() if name not in rules.LOOK},
    }


def possible_view(session: Session, kind: str) -> dict[str, Any]:
    """What the modules of a portal of a kind can be, the reports, types of appointments and of documents that it may show."""
    return {
        "possible_modules": modules.named(modules.possible(kind)),
        "possible_reports": modules.named(modules.EMPLOYER_REPORTS),
        "possible_appointment_types": modules.named(
            {each.code: each.name for each in schedules.active_types(session)}
        ),
        "possible_document_types": [
            {"code": code, "name": code.replace("_", " ").capitalize()}
            for code in session.scalars(
                select(DocumentType.document_type)
                .order_by(DocumentType.document_type)
                .limit(_MOST_DOCUMENT_TYPES)
            )
        ],
    }


def _logout_address(session: Session, organisation_id: str, whole: dict[str, Any]) -> str | None:
    """The page after signing out, as long as the organisation allows its host."""
    address: str | None = whole["logout_address"]
    hosts = definitions.hosts_of(session, organisation_id) if address else []
    return address if definition_rules.leads_to(address, hosts) else None


def _images(
    session: Session,
    organisation: tuple[str | None, str | None],
    whole: dict[str, Any],
    languages: Sequence[str],
) -> dict[str, Any]:
    chosen = [whole[name]["image_id"] for name in ("logo", "welcome_image") if whole[name]]
    known = image_queries.shown(session, organisation, chosen) if chosen else {}
    return rendering.images(whole, languages, known)
