"""Passports for the sessions that the gateway's requests come with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import utc_now
from services.identity.passports.mail_links import is_mail_token, standing_of_link
from services.identity.passports.standing import standing_of
from services.identity.sessions.seen import seen_sessions


def issue_passports(runtime: Runtime, *, asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A passport for each session and each link of a mail that holds, in the order in which they were asked for."""
    with runtime.database.fetching() as fetch_one:
        return {"passports": [_passport(runtime, fetch_one, **each) for each in asked]}


def _passport(
    runtime: Runtime,
    fetch_one: Any,
    *,
    token: str,
    audience: str,
    client_address: str | None = None,
    is_background: bool = False,
) -> dict[str, Any]:
    standing = (
        standing_of_link(runtime.database, fetch_one, token, client_address)
        if is_mail_token(token)
        else standing_of(runtime.database, fetch_one, token, runtime.settings, client_address)
    )
    if standing is None:
        return {"passport": None, "organisation_id": None}
    if standing.session_id and not is_background:
        seen_sessions(runtime).note(standing.session_id, standing.last_seen_at, utc_now())
    return {
        "passport": runtime.issuer.for_account(audience, standing.claims(audience)),
        "organisation_id": standing.organisation_id,
    }
