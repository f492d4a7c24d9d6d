"""Changes that people ask for in their own record: each is a request that staff accept or dismiss (S2-129).

So are changes of the ways to reach them and of what they prefer, where their realm has it so (S2-130).
"""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PORTAL_REALMS, STAFF, Reply, permission, signed_in
from services.contracts.fields import Code, Count, Flag, Id, Moment, Text, one_of
from services.contracts.identity.employees import ENTRY_REALMS
from services.contracts.identity.people import OWN_SETTINGS, SEE_DETAILS
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.portal_queue import QueueItem
from services.contracts.portals.published_items import PUBLISH

# The kind of published items of each section that a person may be let change.
KIND_OF_SECTION = {"immunizations": "immunisation", "allergies": "allergy", "medications": "medication"}
SECTIONS = tuple(KIND_OF_SECTION)
# The message type of the items of the queue that ask for changes.
MESSAGE_TYPE = "change_of_my_information"
# What identity keeps: e-mail, telephones, language and such.
DETAILS = "details"
_OWN = signed_in(*PORTAL_REALMS)
_OWN_DETAILS = permission(SEE_DETAILS, realms=ENTRY_REALMS)
_ACCEPT = permission(PUBLISH, realms=STAFF)
_WORK = permission("portal_queue.work", realms=STAFF)
_VALUES = fields.Dict(
    keys=fields.String(), values=fields.Raw(allow_none=True), required=True, allow_none=True
)


class SectionEntry(Reply):
    """What the record says in a section: one entry, with the values of its kind."""

    id = Id(required=True)
    values = fields.Dict(required=True)


class MySection(Reply):
    """A section of the caller's own record. With `can_edit` changes may be asked for; otherwise it is only seen."""

    section = one_of(SECTIONS, required=True)
    can_edit = Flag(required=True)
    entries = fields.List(fields.Nested(SectionEntry), required=True)
    waiting = Count(required=True)


class OwnChange(Reply):
    """A change that a person has asked for. `replaces` are the values of the entry that it takes away, null for none.

    Of details they are the values of these members now, null once they are changed.
    """

    item_id = Id(required=True)
    person_id = Id(required=True)
    section = one_of((*SECTIONS, DETAILS), required=True)
    values = _VALUES
    replaces = _VALUES
    is_accepted = Flag(required=True)


get_my_sections = contract.query(
    "get_my_sections",
    "The sections of the caller's own record that the portal lets see or change. Reading them is audited.",
    request={"portal": Suffix(required=True)},
    reply={"person_id": Id(required=True), "items": fields.List(fields.Nested(MySection), required=True)},
    access=_OWN,
    errors=("not_found",),
)
request_my_change = contract.command(
    "request_my_change",
    "Ask for a change of the caller's own record: an entry to be added, one to be taken away (`replaces_id`), or both. Staff "
    "accept or dismiss it; until then the record stays as it is.",
    request={
        "portal": Suffix(required=True),
        "section": one_of(SECTIONS, required=True),
        "values": fields.Dict(
            keys=fields.String(validate=validate.Length(max=40)),
            values=fields.Raw(allow_none=True),
            load_default=None,
            allow_none=True,
            validate=validate.Length(max=20),
        ),
        "replaces_id": Id(load_default=None, allow_none=True),
        "note": Text(load_default=None, allow_none=True, most=500),
    },
    reply={"item_id": Id(required=True), "thread_id": Id(required=True), "section": Code(required=True)},
    access=_OWN,
    errors=("not_found", "field_not_editable", "too_many_requests", "conflict"),
    status=201,
)
get_own_change = contract.query(
    "get_own_change",
    "The change that an item of the queue asks for. Reading it is audited.",
    request={"item_id": Id(required=True)},
    reply=OwnChange,
    access=_WORK,
    errors=("not_found",),
)
accept_own_change = contract.command(
    "accept_own_change",
    "Put a change into the person's record and complete its request, in one step. To refuse it, dismiss the request.",
    request={"item_id": Id(required=True)},
    reply=QueueItem,
    access=_ACCEPT,
    errors=("not_found", "item_archived", "conflict"),
    expects_version=True,
)
request_my_details_change = contract.command(
    "request_my_details_change",
    "Ask for a change of the caller's own e-mail, telephones, language and such, where it is not saved at once. Only what differs is "
    "asked for. Another e-mail takes a fresh proof. Staff accept or dismiss it; until then the record stays as it is.",
    request={**OWN_SETTINGS, "portal": Suffix(load_default=None, allow_none=True)},
    reply={"item_id": Id(required=True), "thread_id": Id(required=True), "portal": Suffix(required=True)},
    access=_OWN_DETAILS,
    errors=("not_found", "field_not_editable", "proof_required", "too_many_requests"),
    status=201,
)
list_my_details_changes = contract.query(
    "list_my_details_changes",
    "The changes of the caller's own details that staff have not answered yet, the latest first.",
    request={},
    reply={
        "items": fields.List(
            fields.Nested(
                {
                    "item_id": Id(required=True),
                    "thread_id": Id(required=True),
                    "portal": Suffix(required=True),
                    "asked_at": Moment(required=True),
                    "values": fields.Dict(required=True),
                }
            ),
            required=True,
        )
    },
    access=_OWN_DETAILS,
    errors=("not_found",),
)
accept_own_details = contract.command(
    "accept_own_details",
    "Put changed details into the person's record and complete the request. To refuse them, dismiss the request.",
    request={"item_id": Id(required=True)},
    reply=QueueItem,
    access=permission("person.manage", realms=STAFF),
    errors=("not_found", "item_archived", "conflict", "already_merged", "login_taken"),
    expects_version=True,
)

own_change_answered = contract.event(
    "own_change_answered",
    "Staff have accepted a change that `account_id` had asked for (`outcome` accepted), or dismissed it.",
    data={
        "item_id": Id(required=True),
        "thread_id": Id(required=True),
        "portal": Code(required=True),
        "person_id": Id(required=True),
        "account_id": Id(required=True),
        "outcome": Code(required=True),
    },
)
