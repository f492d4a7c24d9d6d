"""Entrypoints of passports."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity import passports as contract
from services.contracts.portals import consents as portal_consents
from services.identity.passports import consents, issuing, mail_links, queries


class PassportsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.issue_passports)
    def issue_passports(self, call: Call) -> Any:
        return issuing.issue_passports(call.runtime, asked=call.request["asked"])

    @serves(contract.describe_me)
    def describe_me(self, call: Call) -> Any:
        return call.read(queries.describe_me, call.runtime.settings)

    @serves(contract.check_permission)
    def check_permission(self, call: Call) -> Any:
        return call.read(queries.check_permission)

    @serves(contract.mint_mail_link)
    def mint_mail_link(self, call: Call) -> Any:
        public_url = call.runtime.settings.public_url
        return call.transact(lambda unit: mail_links.mint_mail_link(unit, public_url, **call.request))

    @serves(contract.inspect_mail_link)
    def inspect_mail_link(self, call: Call) -> Any:
        return call.read(mail_links.inspect_mail_link)

    @listens(portal_consents.consents_required)
    def on_consents_required(self, incoming: IncomingEvent) -> None:
        """Note what a portal requires."""
        incoming.apply(consents.note_required)

    @listens(portal_consents.consent_signed)
    def on_consent_signed(self, incoming: IncomingEvent) -> None:
        """Note what an account has signed."""
        incoming.apply(consents.note_signed)

    @listens(portal_consents.consent_withdrawn)
    def on_consent_withdrawn(self, incoming: IncomingEvent) -> None:
        """Note what an account has withdrawn."""
        incoming.apply(consents.note_withdrawn)
