"""Consents: their texts, which of them a portal requires, and what people have signed."""

from __future__ import annotations

import datetime
from typing import Any

import isodate
from marshmallow import ValidationError, fields, validate

from services.contracts.declare import PORTAL_REALMS, Reply, Request, only_services, page_of, signed_in
from services.contracts.fields import Code, Count, Digest, Flag, Id, Moment, Text, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_CONSENTS
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.local_text import LocalText

AGREE, REFUSE = "agree", "refuse"
SIGNED, REFUSED, WITHDRAWN = "signed", "refused", "withdrawn"
TYPED_NAME_AND_TICKED_BOX = "typed_name_and_ticked_box"
MOST_REQUIRED = 20
LONGEST_YEARS = 100


class Interval(fields.String):
    """An ISO 8601 duration such as P1Y, from one minute to 100 years."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs).strip()
        start = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
        try:
            end = start + isodate.parse_duration(text[:40])
        except (ValueError, OverflowError, ArithmeticError):
            end = start
        if not start + datetime.timedelta(minutes=1) <= end <= start.replace(year=2001 + LONGEST_YEARS):
            raise ValidationError(
                "An interval such as P1Y (a year), P6M (six months) or P30D (30 days) is expected, "
                "from one minute to 100 years."
            )
        return text


class ConsentText(Request):
    """What a consent says."""

    title = LocalText(required=True, most=200)
    text = LocalText(required=True, most=20_000)
    questionnaire_id = Id(load_default=None, allow_none=True)
    renewal = Interval(load_default=None, allow_none=True)


class Consent(Reply):
    """A consent of the picklist, as it stands. `text_hashes` are SHA-256 of the title and text of each language."""

    id = Id(required=True)
    version = Count(required=True)
    text_version = Count(required=True)
    title = LocalText(required=True)
    text = LocalText(required=True)
    text_hashes = fields.Dict(keys=fields.String(), values=Digest(), required=True)
    questionnaire_id = Id(required=True, allow_none=True)
    renewal = fields.String(required=True, allow_none=True)
    is_retired = Flag(required=True)


class RequiredConsents(Reply):
    """The consents that a portal requires, in their order."""

    portal = Suffix(required=True)
    realm = fields.String(required=True)
    renewal = fields.String(required=True, allow_none=True)
    consents = fields.List(fields.Nested(Consent), required=True)


class MyConsent(Reply):
    """A consent that the caller's portals require: its text in one language, and whether it is given."""

    consent_id = Id(required=True)
    text_version = Count(required=True)
    language = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    text_hash = Digest(required=True)
    questionnaire_id = Id(required=True, allow_none=True)
    is_due = Flag(required=True)
    signed_at = Moment(required=True, allow_none=True)
    valid_until = Moment(required=True, allow_none=True)


class SignedConsent(Reply):
    """What a person did about a consent: everything that was shown and given. It is never changed."""

    id = Id(required=True)
    consent_id = Id(required=True)
    text_version = Count(required=True)
    language = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    text_hash = Digest(required=True)
    decision = one_of((SIGNED, REFUSED, WITHDRAWN), required=True)
    at = Moment(required=True)
    valid_until = Moment(required=True, allow_none=True)
    account_id = Id(required=True)
    person_id = Id(required=True, allow_none=True)
    session_id = Id(required=True, allow_none=True)
    realm = fields.String(required=True)
    typed_name = fields.String(required=True, allow_none=True)
    method = fields.String(required=True, allow_none=True)


_OWN = signed_in(*PORTAL_REALMS)

list_consents = contract.query(
    "list_consents",
    "The picklist of consents, newest first.",
    request={**PAGE},
    reply=page_of(Consent),
    access=MANAGE_CONSENTS,
)
get_consent = contract.query(
    "get_consent",
    "A consent as it stands.",
    request={"consent_id": Id(required=True)},
    reply=Consent,
    access=MANAGE_CONSENTS,
    errors=("not_found",),
)
create_consent = contract.command(
    "create_consent",
    "Add a consent to the picklist. Nobody is asked for it before a portal requires it.",
    request=ConsentText,
    reply=Consent,
    access=MANAGE_CONSENTS,
    errors=("questionnaire_not_found", "questionnaire_not_published"),
    status=201,
)
renew_consent_text = contract.command(
    "renew_consent_text",
    "Give a consent a new text. Everybody of whom it is required is asked again.",
    request=type("RenewConsentText", (ConsentText,), {"consent_id": Id(required=True)}),
    reply=Consent,
    access=MANAGE_CONSENTS,
    errors=("not_found", "consent_retired", "questionnaire_not_found", "questionnaire_not_published"),
    expects_version=True,
)
retire_consent = contract.command(
    "retire_consent",
    "Take a consent out of the picklist. No portal requires it any longer; what was signed stays readable.",
    request={"consent_id": Id(required=True)},
    reply=Consent,
    access=MANAGE_CONSENTS,
    errors=("not_found", "consent_retired"),
    expects_version=True,
)
get_required_consents = contract.query(
    "get_required_consents",
    "The consents that a portal requires, in their order.",
    request={"portal": Suffix(required=True)},
    reply={"items": fields.List(fields.Nested(RequiredConsents), required=True)},
    access=MANAGE_CONSENTS,
    errors=("not_found",),
)
require_consents = contract.command(
    "require_consents",
    "Set which consents a portal requires, in their order, before anything else. They hold for all of the realm. "
    "`renewal` asks again after that time; with one of the consent's own, the shorter holds. A renewal holds for what "
    "is signed from now on. An empty list requires nothing.",
    request={
        "portal": Suffix(required=True),
        "consent_ids": fields.List(Id(), required=True, validate=validate.Length(max=MOST_REQUIRED)),
        "renewal": Interval(load_default=None, allow_none=True),
    },
    reply=RequiredConsents,
    access=MANAGE_CONSENTS,
    errors=("not_found", "consent_retired"),
)
_SIGNED_PAGE = page_of(SignedConsent)

list_my_consents = contract.query(
    "list_my_consents",
    "The consents that the caller's portals require, in their order, with what is due.",
    request={"languages": fields.List(Text(most=35), load_default=list, validate=validate.Length(max=10))},
    reply={"items": fields.List(fields.Nested(MyConsent), required=True), "are_due": Flag(required=True)},
    access=_OWN,
    before_consent=True,
)
sign_consent = contract.command(
    "sign_consent",
    "Sign or refuse a consent, as it was shown. Agreeing needs the typed name and the ticked box; a refusal is kept and "
    "the portal stays closed. It opens when all that is required is signed.",
    request={
        "consent_id": Id(required=True),
        "text_version": Count(required=True, most=1_000_000),
        "text_hash": Digest(required=True),
        "answer": one_of((AGREE, REFUSE), required=True),
        "typed_name": Text(most=200, load_default=None, allow_none=True),
        "is_ticked": Flag(load_default=False),
    },
    reply=SignedConsent,
    access=_OWN,
    errors=("consent_outdated", "consent_not_required"),
    status=201,
    before_consent=True,
)
withdraw_consent = contract.command(
    "withdraw_consent",
    "Take back a consent that was signed. Where a portal requires it, the portal closes again.",
    request={"consent_id": Id(required=True)},
    reply=SignedConsent,
    access=_OWN,
    errors=("consent_not_given",),
    before_consent=True,
)
list_my_signed_consents = contract.query(
    "list_my_signed_consents",
    "Everything that the caller has signed, refused or withdrawn, newest first.",
    request={**PAGE},
    reply=_SIGNED_PAGE,
    access=_OWN,
    before_consent=True,
)
list_signed_consents = contract.query(
    "list_signed_consents",
    "What a person has signed, refused or withdrawn, newest first. Each look is audited.",
    request={"person_id": Id(required=True), **PAGE},
    reply=_SIGNED_PAGE,
    access=MANAGE_CONSENTS,
)
export_consents_fhir = contract.query(
    "export_consents_fhir",
    "What a person has signed, refused or withdrawn, as a Bundle of FHIR R4 Consent, newest first, page by page.",
    request={"person_id": Id(required=True), **PAGE},
    reply={"bundle": fields.Dict(required=True), "next": fields.String(required=True, allow_none=True)},
    access=MANAGE_CONSENTS,
)

_OF_CONSENT = {
    "consent_id": Id(required=True),
    "text_version": Count(required=True),
    "generation": Count(required=True),
}
consents_required = contract.event(
    "consents_required",
    "A portal requires a version of a consent of a realm, or no longer does. A higher generation replaces a lower one.",
    data={
        "portal": Code(required=True),
        "realm": Code(required=True),
        "is_required": Flag(required=True),
        **_OF_CONSENT,
    },
)
list_decided_consents = contract.query(
    "list_decided_consents",
    "What people have decided about consents from a moment on, oldest first, so that each decision is sealed by a signature.",
    request={
        "since": Moment(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    },
    reply={"items": fields.List(fields.Nested(SignedConsent), required=True)},
    access=only_services("signing"),
)
consent_signed = contract.event(
    "consent_signed",
    "An account signed a version of a consent. A higher generation of the same account and consent replaces a lower one.",
    data={
        "account_id": Id(required=True),
        "valid_until": Moment(required=True, allow_none=True),
        **_OF_CONSENT,
    },
)
consent_withdrawn = contract.event(
    "consent_withdrawn",
    "An account took a consent back, or refused one that it had given.",
    data={"account_id": Id(required=True), **_OF_CONSENT},
)
