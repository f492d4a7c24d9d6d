"""Out of office: on which days a member of the staff is away, who stands in, and what people read before they write."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, permission
from services.contracts.fields import CalendarDay, Count, Day, Id, Text
from services.contracts.portals import contract
from services.contracts.portals.messages import WORK
from services.contracts.portals.staff_groups import GroupMember

_OWN = permission(WORK, realms=("staff",))


class MyAbsence(Reply):
    """The caller's absence, from its first to its last day; without days there is none.

    `surrogate_id` gets what would come to the caller meanwhile. People who would write to the caller read `text` before they do;
    null: nothing. `colleagues` are those who are in a group of staff.
    """

    version = Count(required=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True)
    text = fields.String(required=True, allow_none=True)
    surrogate_id = Id(required=True, allow_none=True)
    surrogate_id_name = fields.String(allow_none=True)
    colleagues = fields.List(fields.Nested(GroupMember), required=True)


get_my_absence = contract.query(
    "get_my_absence",
    "When the caller is away, and who stands in.",
    request={},
    reply=MyAbsence,
    access=_OWN,
)
set_my_absence = contract.command(
    "set_my_absence",
    "Be away from one day until another. What comes to the caller meanwhile goes to the surrogate, and so does the notice of what "
    "nobody has answered.",
    request={
        "from_on": CalendarDay(required=True),
        "until_on": CalendarDay(required=True),
        "text": Text(load_default=None, allow_none=True, most=500),
        "surrogate_id": Id(load_default=None, allow_none=True),
    },
    reply=MyAbsence,
    access=_OWN,
    errors=("not_found",),
    expects_version=True,
)
end_my_absence = contract.command(
    "end_my_absence",
    "Be there again. What the surrogate has got meanwhile stays there.",
    request={},
    reply=MyAbsence,
    access=_OWN,
    expects_version=True,
)
