"""What is ordered, told, cancelled and fetched. An export is its orderer's: for everybody else it is not there."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis import fhir_search, wire
from services.chassis.database import hold_counter
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused, lacking
from services.contracts.referrals.fhir_exports import EXPORTED, MEDIA_TYPE
from services.referrals.directory.revisions import revision_of, withheld_at
from services.referrals.directory.rules import FAILED, READY, WAITING
from services.referrals.fhir_exports.models import FhirExport

KEPT = datetime.timedelta(days=1)
MOST_KEPT = 5  # of a caller, with all that they hold
ASK_AGAIN_AFTER_S = 5
# A transaction that began before the order and ends after it is told of again by the next export since this one.
OVERLAP = datetime.timedelta(minutes=1)
_PARAMETERS = ("_type", "_since", "_outputFormat")
_FORMATS = frozenset({MEDIA_TYPE, MEDIA_TYPE.replace("+", " "), "application/ndjson", "ndjson"})


def order(
    unit: UnitOfWork,
    *,
    parameters: Mapping[str, Any],
    is_lenient: bool,
    is_asynchronous: bool,
    base_url: str,
) -> dict[str, Any]:
    """Order an export. Raises Refused `search_refused`, `forbidden`, `too_many_requests`."""
    caller = _signed_in(unit.caller)
    if not is_asynchronous:
        raise Refused("search_refused", "An export is asynchronous: send Prefer: respond-async.", "Prefer")
    given = {name: list(values) for name, values in parameters.items() if name in _PARAMETERS}
    unknown = sorted(set(parameters) - set(given))
    if unknown and not is_lenient:
        raise Refused("search_refused", f"An export knows {', '.join(_PARAMETERS)}.", unknown[0])
    if not set(given.pop("_outputFormat", ())) <= _FORMATS:
        raise Refused("search_refused", f"Only {MEDIA_TYPE} is offered.", "_outputFormat")
    types, since = (
        _types(caller, given.get("_type", ()), is_lenient=is_lenient),
        _since(given.get("_since", ())),
    )
    _require_few(unit, caller)
    asked = urlencode([(name, ",".join(values)) for name, values in given.items()])
    export = unit.add(
        FhirExport(
            id=wire.new_id(),
            organisation_key=unit.organisation_key,
            state=WAITING,
            requested_by=caller.id,
            realm=caller.realm,
            asked=f"{base_url}/$export{'?' if asked else ''}{asked}",
            types=types,
            since=since,
            at_type=0,
            done=0,
            files=[],
            revision=revision_of(unit.session),
            tries=0,
            created_at=unit.now,
        )
    )
    unit.audit("fhir.export_started", "fhir_export", export.id, types=list(map(_code, types)))
    return {"fhir_export_id": export.id, "status_url": _address(base_url, export)}


def tell(session: Session, caller: Caller, *, fhir_export_id: str, base_url: str) -> dict[str, Any]:
    """How far an export is, or its manifest. Raises Refused `not_found`."""
    export = _find(session, caller, fhir_export_id)
    if export.finished_at is None:
        told = f"{export.done} resources written, {export.at_type} of {len(export.types)} types complete"
        return {"progress": told, "resource": None, "expires_at": None}
    url = _address(base_url, export)
    manifest = {
        "transactionTime": (export.created_at - OVERLAP).isoformat(timespec="milliseconds"),
        "request": export.asked,
        "requiresAccessToken": True,
        "output": [
            {"type": file["type"], "url": f"{url}/{file['name']}", "count": file["count"]}
            for file in export.files
        ],
        "error": [],
    }
    return {"progress": None, "resource": manifest, "expires_at": export.expires_at}


def fetch(unit: UnitOfWork, *, fhir_export_id: str, file_name: str) -> dict[str, Any]:
    """A file of an export, audited. Raises Refused `not_found`, and `forbidden` where its type is not the caller's any more."""
    caller = _signed_in(unit.caller)
    export = _find(unit.session, caller, fhir_export_id)
    file = next((each for each in export.files if each["name"] == file_name), None)
    if export.state != READY or file is None:
        raise Refused("not_found", "The export has no such file.", "file_name")
    _require(caller, file["type"])
    unit.audit("fhir.exported", "fhir_export", export.id, type=_code(file["type"]), count=file["count"])
    return {
        "sha256": file["sha256"],
        "size": file["size"],
        "media_type": MEDIA_TYPE,
        "file_name": f"{file['type']}-{export.created_at:%Y%m%d}.ndjson",
    }


def cancel(unit: UnitOfWork, *, fhir_export_id: str) -> list[str]:
    """Stop an export; answers the hashes of its files, to delete them. Raises Refused `not_found`."""
    export = _find(unit.session, _signed_in(unit.caller), fhir_export_id)
    unit.audit("fhir.export_cancelled", "fhir_export", export.id)
    return withdraw(unit, export)


def withdraw(unit: UnitOfWork, export: FhirExport) -> list[str]:
    """End an export, whatever its state is; answers the hashes of its files. Whoever writes it learns it at the next step."""
    files = [file["sha256"] for file in export.files]
    export.files, export.claimed_by, export.claimed_until = [], None, None
    export.finished_at, export.expires_at = export.finished_at or unit.now, unit.now
    return files


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files that an export has."""
    exports = session.scalars(select(FhirExport.files))
    return {file["sha256"] for files in exports for file in files if file["sha256"] in sha256s}


def _find(session: Session, caller: Caller, export_id: str) -> FhirExport:
    row: FhirExport | None = session.scalar(
        select(FhirExport).where(FhirExport.id == export_id, FhirExport.requested_by == caller.id)
    )
    is_over = row is not None and row.expires_at is not None and row.expires_at <= utc_now()
    if row is None or is_over or withheld_at(session) > row.revision:
        raise Refused("not_found", "There is no such export, or no longer.", "fhir_export_id")
    if row.finished_at is not None and row.state != READY:
        raise Refused("not_found", "The export has failed: order it anew.", "fhir_export_id")
    return row


def _require_few(unit: UnitOfWork, caller: Caller) -> None:
    hold_counter(unit.session, "fhir_exports", caller.id)
    # A failed one is nothing that the caller could delete.
    kept = (
        FhirExport.state != FAILED,
        or_(FhirExport.expires_at.is_(None), FhirExport.expires_at > unit.now),
    )
    own = unit.session.scalars(
        select(FhirExport.finished_at).where(FhirExport.requested_by == caller.id, *kept)
    ).all()
    if None in own:
        detail = "An export of yours is being written: wait for it, or cancel it."
    elif len(own) >= MOST_KEPT:
        detail = f"The files of {MOST_KEPT} exports of yours are kept: delete one that you have fetched."
    else:
        return
    raise Refused("too_many_requests", detail, retry_after_s=ASK_AGAIN_AFTER_S)


def _types(caller: Caller, values: Sequence[str], *, is_lenient: bool) -> list[str]:
    wanted = list(dict.fromkeys(part for value in values for part in value.split(",") if part))
    unknown = [name for name in wanted if name not in EXPORTED]
    if unknown and not is_lenient:
        raise Refused("search_refused", f"Exported are {', '.join(EXPORTED)}.", "_type")
    known = [name for name in wanted if name in EXPORTED]
    if values and not known:
        raise Refused("search_refused", f"Name one of {', '.join(EXPORTED)}.", "_type")
    for name in known:
        _require(caller, name)
    return known or [name for name, permission in EXPORTED.items() if caller.may(permission)]


def _require(caller: Caller, resource_type: str) -> None:
    if not caller.may(EXPORTED[resource_type]):
        raise lacking(EXPORTED[resource_type], f"{resource_type} is exported.", "_type")


def _since(values: Sequence[str]) -> datetime.datetime | None:
    if not values:
        return None
    if len(values) > 1:
        raise Refused("search_refused", "Give one time.", "_since")
    begin, _ = fhir_search.moments(f"ge{values[0]}", "_since")
    return begin


def _code(resource_type: str) -> str:
    """A type as the audit trail writes codes: `service_request`."""
    return re.sub("(?<!^)(?=[A-Z])", "_", resource_type).lower()


def _address(base_url: str, export: FhirExport) -> str:
    return f"{base_url}/$export/{export.id}"


def _signed_in(caller: Caller | None) -> Caller:
    if caller is None:  # the declaration admits nobody else
        raise Refused("unauthenticated", "Log in first.")
    return caller
