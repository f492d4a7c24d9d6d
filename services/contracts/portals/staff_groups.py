"""Groups of staff to whom requests go: departments, and named groups that people of a portal may choose."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, permission
from services.contracts.fields import Count, Id, Ids, Text, number_of
from services.contracts.portals import contract

MOST_GROUPS, MOST_MEMBERS = 100, 30
_SEE = permission("portal.view_preliminary_documents", realms=STAFF)
_CONFIGURE = permission("portal.manage_chart_tabs", realms=STAFF)


class GroupMember(Reply):
    """An account of the staff that is told of the group's requests."""

    account_id = Id(required=True)
    account_id_name = fields.String(allow_none=True)


class StaffGroup(Reply):
    """A group of staff. Requests of the department of its name are its own.

    `supervisor_id` is told last of what nobody answers. `service_hours` hold in place of those of the type; null: those.
    """

    id = Id(required=True)
    version = Count(required=True)
    name = fields.String(required=True)
    members = fields.List(fields.Nested(GroupMember), required=True)
    supervisor_id = Id(required=True, allow_none=True)
    supervisor_id_name = fields.String(allow_none=True)
    service_hours = Count(required=True, allow_none=True)


_ONE = {"staff_group_id": Id(required=True)}
_MEMBERS = {
    "name": Text(required=True, most=60),
    "member_ids": Ids(load_default=list, validate=validate.Length(max=MOST_MEMBERS)),
    "supervisor_id": Id(load_default=None, allow_none=True),
    "service_hours": number_of(24 * 90, load_default=None, allow_none=True),
}

list_staff_groups = contract.query(
    "list_staff_groups",
    "The groups of staff to whom requests go, by name.",
    request={},
    reply={"items": fields.List(fields.Nested(StaffGroup), required=True)},
    access=_SEE,
)
get_staff_group = contract.query(
    "get_staff_group",
    "One group of staff.",
    request=_ONE,
    reply=StaffGroup,
    access=_SEE,
    errors=("not_found",),
)
create_staff_group = contract.command(
    "create_staff_group",
    "Add a group of staff. Requests of the department of its name are its own from then on.",
    request=_MEMBERS,
    reply=StaffGroup,
    access=_CONFIGURE,
    errors=("not_found", "staff_group_taken", "conflict"),
    status=201,
)
change_staff_group = contract.command(
    "change_staff_group",
    "Change a group as a whole. What is in the queue keeps the department that it has.",
    request={**_ONE, **_MEMBERS},
    reply=StaffGroup,
    access=_CONFIGURE,
    errors=("not_found", "staff_group_taken"),
    expects_version=True,
)
remove_staff_group = contract.command(
    "remove_staff_group",
    "Take a group away. Message types no longer offer it; what is in the queue stays.",
    request=_ONE,
    reply={"staff_group_id": Id(required=True)},
    access=_CONFIGURE,
    errors=("not_found",),
    expects_version=True,
)
