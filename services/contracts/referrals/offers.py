"""Offers: one contact record is offered to several programs, and the first that accepts gets it."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, page_of, permission
from services.contracts.fields import AuthorName, Code, Count, Id, Moment, RecordNumber
from services.contracts.referrals import contract
from services.contracts.referrals.assignments import NOTE, PRIORITIES, WITHDRAWAL_REASONS
from services.contracts.referrals.paging import PAGE

STATES = ("open", "accepted", "exhausted", "withdrawn", "expired")
ANSWERS = ("none", "accepted", "declined", "withdrawn")


class AskedProgram(Reply):
    """One of the programs that an offer asks, with its referral. `withdrawn`: its answer is no longer needed."""

    referral_id = Id(required=True)
    program_id = Id(required=True)
    program_name = fields.String(required=True)
    answer = fields.String(required=True, validate=validate.OneOf(ANSWERS))
    answered_at = Moment(required=True, allow_none=True)
    status_key = Code(required=True)
    reason_code = Code(required=True, allow_none=True)


class OfferLine(Reply):
    """An offer in a list. Of the `asked` programs, `waiting` have not answered and `declined` have declined."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    contact_record_id = Id(required=True)
    contact_record_number = RecordNumber(required=True)
    queue_id = Id(required=True)
    priority = fields.String(required=True, validate=validate.OneOf(PRIORITIES))
    created_by = fields.String(required=True)
    created_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    closed_at = Moment(required=True, allow_none=True)
    accepted_referral_id = Id(required=True, allow_none=True)
    asked = Count(required=True)
    waiting = Count(required=True)
    declined = Count(required=True)


class Offer(OfferLine):
    """An offer with each program that was asked."""

    programs = fields.List(fields.Nested(AskedProgram), required=True)


OFFER = {
    "offer_id": Id(required=True),
    "contact_record_id": Id(required=True),
    "contact_record_number": RecordNumber(required=True),
    "queue_id": Id(required=True),
}

create_offer = contract.command(
    "create_offer",
    "Offer a contact record to several programs. No place is taken until one of them accepts; then the other referrals are "
    "withdrawn and their programs notified. No provider sees which other programs were asked.",
    request={
        "contact_record_id": Id(required=True),
        "queue_id": Id(required=True),
        "program_ids": fields.List(Id(), required=True, validate=validate.Length(2, 50)),
        "priority": fields.String(load_default="routine", validate=validate.OneOf(PRIORITIES)),
        "expires_at": Moment(load_default=None, allow_none=True),
        "expires_in_hours": fields.Integer(
            load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 8760)
        ),
        **NOTE,
    },
    reply=Offer,
    access=permission("referral.assign", realms=STAFF),
    errors=(
        "not_found",
        "conflict",
        "not_a_program",
        "program_not_in_queue",
        "already_assigned",
        "consent_required",
        "resource_inactive",
        "resource_not_referable",
    ),
    status=201,
)
get_offer = contract.query(
    "get_offer",
    "One offer with the answer of each program. For the partner only.",
    request={"offer_id": Id(required=True)},
    reply=Offer,
    access=permission("referral.read", realms=STAFF),
    errors=("not_found",),
)
list_offers = contract.query(
    "list_offers",
    "Offers, newest first. For the partner only.",
    request={
        **PAGE,
        "state": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATES)),
        "contact_record_id": Id(load_default=None, allow_none=True),
        "queue_id": Id(load_default=None, allow_none=True),
    },
    reply=page_of(OfferLine),
    access=permission("referral.read", realms=STAFF),
)
withdraw_offer = contract.command(
    "withdraw_offer",
    "Take an open offer back: every program that has not answered is notified that its answer is no longer needed.",
    request={
        "offer_id": Id(required=True),
        "reason_code": fields.String(required=True, validate=validate.OneOf(WITHDRAWAL_REASONS)),
        **NOTE,
    },
    reply=Offer,
    access=permission("referral.assign", realms=STAFF),
    errors=("not_found", "offer_closed"),
    expects_version=True,
)

offer_created = contract.event(
    "offer_created",
    "A contact record was offered to several programs. Each of its referrals has an event `referral_assigned`.",
    data={**OFFER, "programs": Count(required=True), "expires_at": Moment()},
)
offer_accepted = contract.event(
    "offer_accepted",
    "A program accepted an offer. Each other referral that was open has an event `referral_withdrawn`.",
    data={**OFFER, "referral_id": Id(required=True), "program_id": Id(required=True), "withdrawn": Count()},
)
offer_exhausted = contract.event(
    "offer_exhausted", "Every program that an offer asked has declined it.", data={**OFFER}
)
offer_withdrawn = contract.event(
    "offer_withdrawn", "The partner took an offer back.", data={**OFFER, "reason_code": Code(required=True)}
)
offer_expired = contract.event("offer_expired", "No program accepted an offer in time.", data={**OFFER})
