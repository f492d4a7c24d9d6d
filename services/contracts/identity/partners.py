"""Partners: systems of others that read the organisation's events at the broker."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request, permission
from services.contracts.fields import Code, Id, Moment, Secret
from services.contracts.identity import contract

MOST_PARTNERS = 50
NAME = r"[a-z][a-z0-9-]{1,40}"
NAME_RULE = "2 to 41 lower-case letters, digits and dashes, beginning with a letter."


class PartnerName(fields.String):
    """What a partner is called at the broker: one word of the name of its user and its queue."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Regexp(f"{NAME}\\Z", error=NAME_RULE), **kwargs)


class EventTypes(fields.List[str]):
    """Types of events, such as `portico.referrals.referral_assigned.v1`. None of them: all types, also those to come."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            fields.String(validate=validate.Length(max=150)), validate=validate.Length(max=200), **kwargs
        )


class Partner(Reply):
    """A system of somebody else that reads events.

    `user`, `virtual_host`, `queue`, `stream` and `address` (null where the installation has not set one) are what it connects
    with. `stream` is null for a partner with chosen types: the stream holds all types. `is_in_effect`: the broker does what is
    said here; it takes some seconds.
    """

    id = Id(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    event_types = fields.List(fields.String(), required=True)
    address = fields.String(required=True, allow_none=True)
    virtual_host = fields.String(required=True)
    user = fields.String(required=True)
    queue = fields.String(required=True)
    stream = fields.String(required=True, allow_none=True)
    is_in_effect = fields.Boolean(required=True)
    created_at = Moment(required=True)
    password_changed_at = Moment(required=True)
    revoked_at = Moment(required=True, allow_none=True)


class PartnerWithPassword(Partner):
    """A partner with its new password, which is shown only this once."""

    password = Secret(required=True)


class NewPartner(Request):
    """`name` is unique among the organisation's partners of now."""

    name = PartnerName(required=True)
    event_types = EventTypes(load_default=list)


list_partners = contract.query(
    "list_partners",
    f"The organisation's partners by name, at most {MOST_PARTNERS}; not those whose access was revoked.",
    request={},
    reply={"items": fields.List(fields.Nested(Partner), required=True)},
    access=permission("organisation.manage"),
)
get_partner = contract.query(
    "get_partner",
    "One partner, also after its access was revoked.",
    request={"partner_id": Id(required=True)},
    reply=Partner,
    access=permission("organisation.manage"),
    errors=("not_found",),
)
create_partner = contract.command(
    "create_partner",
    "Let a partner read the organisation's events: ids, states, numbers and times, never personal data. The answer shows its "
    f"password, this once. An organisation has at most {MOST_PARTNERS} partners.",
    request=NewPartner,
    reply=PartnerWithPassword,
    access=permission("organisation.manage"),
    errors=("proof_required", "partner_name_taken", "too_many_partners"),
    status=201,
    keeps_answer=False,
)
choose_event_types = contract.command(
    "choose_event_types",
    "Choose anew which types of events a partner gets. What waits for it stays.",
    request={"partner_id": Id(required=True), "event_types": EventTypes(required=True)},
    reply=Partner,
    access=permission("organisation.manage"),
    errors=("not_found", "proof_required", "partner_revoked"),
    expects_version=True,
)
rotate_partner_password = contract.command(
    "rotate_partner_password",
    "Make a new password, shown only this once. The one before ends at once, with the partner's connections. What waits for "
    "the partner stays.",
    request={"partner_id": Id(required=True)},
    reply=PartnerWithPassword,
    access=permission("organisation.manage"),
    errors=("not_found", "proof_required", "partner_revoked"),
    status=201,
    keeps_answer=False,
)
revoke_partner = contract.command(
    "revoke_partner",
    "End a partner's access for good, with its connections, its queue and what waits in it.",
    request={"partner_id": Id(required=True)},
    reply=Partner,
    access=permission("organisation.manage"),
    errors=("not_found",),
    honours_version=True,
)
partner_changed = contract.event(
    "partner_changed",
    "A partner was created, given other types of events or a new password, or revoked.",
    data={"partner_id": Id(required=True), "change": Code(required=True)},
)
