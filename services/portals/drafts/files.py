"""Files of exported portals: read outside of any transaction, then taken as a draft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.chassis.blobs import UPLOADED
from services.chassis.operations import Call, load
from services.chassis.passports import Caller
from services.contracts.errors import Refused, invalid
from services.contracts.fields import unstorable
from services.contracts.portals import drafts as contract
from services.portals.configuration import documents
from services.portals.definitions import queries as definitions
from services.portals.drafts import handlers

MOST_BYTES = 2 * 1024 * 1024
_MOST_TOLD = 200


def import_portal(call: Call) -> Any:
    """Read a file of `export_portal`, and take it as the draft. Raises Refused(invalid_request) with every problem of it."""
    if call.is_repeated():
        return call.answer_again()
    kind = call.read(_kind)["kind"]
    return call.commit(handlers.import_portal, _settings(call, kind))


def _settings(call: Call, kind: str) -> dict[str, Any]:
    given = call.request["document"]
    if given["size"] > MOST_BYTES:
        raise Refused("request_too_large", f"A file of a portal has at most {MOST_BYTES} bytes.", "document")
    path = call.runtime.blobs.find(call.organisation_id or "", given["sha256"], *UPLOADED)
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != contract.FORMAT:
        raise invalid([("document", "A file that was exported from a portal is expected.")])
    if told := list(unstorable(found, "document"))[:_MOST_TOLD]:
        raise invalid(told)
    if found.get("kind") != kind:
        raise invalid(
            [("document", f"The file is of a portal of another kind. A portal of kind {kind} is expected.")]
        )
    settings = found.get("settings")
    if not isinstance(settings, dict):
        raise invalid([("settings", "The settings of a portal are expected.")])
    with call.reading(call.organisation_id) as session:

        def further(sound: Mapping[str, Any]) -> list[tuple[str, str]]:
            """What is wrong with the settings that keep the limits."""
            return documents.problems(session, call.organisation_id, kind, documents.plain(sound))

        return load(contract.Settings(), settings, "settings", further)


def _kind(session: Any, caller: Caller, *, portal: str) -> dict[str, Any]:
    return {"kind": definitions.named(session, caller.organisation_id, portal).kind}
