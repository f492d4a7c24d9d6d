"""What a supervisor sees of the employees related to them: a closed list, without anything medical."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, signed_in
from services.contracts.fields import Code, Count, Day, Flag, Id
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix


class WorkStatusSeen(Reply):
    """A work status, without its note."""

    status = fields.String(required=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True)


class RestrictionSeen(Reply):
    """A restriction of an employee's work."""

    restriction = fields.String(required=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True)


class LostTimeSeen(Reply):
    """A time that an employee lost."""

    days = Count(required=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True)


class SurveillanceSeen(Reply):
    """Where an employee stands on a health surveillance panel."""

    panel = fields.String(required=True)
    status = fields.String(required=True)
    next_due_on = Day(required=True, allow_none=True)


class CaseSeen(Reply):
    """A case, by its stage alone."""

    stage = fields.String(required=True)


class DocumentSeen(Reply):
    """A document of a type that the supervisors' portal shows (S2-140), without its text."""

    title = fields.String(required=True)
    document_type = fields.String(required=True)
    dated_on = Day(required=True, allow_none=True)


class CustomSeen(Reply):
    """Further information that was published for supervisors, too."""

    label = fields.String(required=True)
    value = fields.String(required=True)


# What is not named here is not shown. Orders are left out: a supervisor sees only some of them (S2-86).
SEEN: dict[str, type[Reply]] = {
    "work_status": WorkStatusSeen,
    "restriction": RestrictionSeen,
    "lost_time": LostTimeSeen,
    "surveillance": SurveillanceSeen,
    "case": CaseSeen,
    "document": DocumentSeen,
    "custom": CustomSeen,
}


class EmployeeSeen(Reply):
    """What a supervisor sees of an employee, each list newest first; the first work status is the current one."""

    person_id = Id(required=True)
    work_status = fields.List(fields.Nested(WorkStatusSeen), required=True)
    restriction = fields.List(fields.Nested(RestrictionSeen), required=True)
    lost_time = fields.List(fields.Nested(LostTimeSeen), required=True)
    surveillance = fields.List(fields.Nested(SurveillanceSeen), required=True)
    case = fields.List(fields.Nested(CaseSeen), required=True)
    document = fields.List(fields.Nested(DocumentSeen), required=True)
    custom = fields.List(fields.Nested(CustomSeen), required=True)
    earlier_work_status = fields.List(fields.Nested(WorkStatusSeen), required=True)


get_employee_items = contract.query(
    "get_employee_items",
    "What the caller sees of an employee whom they supervise, with earlier work statuses (S2-88).",
    request={"person_id": Id(required=True)},
    reply=EmployeeSeen,
    access=signed_in("employee"),
    errors=("not_found",),
)


class CurrentWorkStatus(Reply):
    """The current work status of an employee; null where none is published."""

    person_id = Id(required=True)
    status = fields.String(required=True, allow_none=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True)


list_team_work_status = contract.query(
    "list_team_work_status",
    "The current work status of each employee whom the caller supervises (S2-88).",
    request={},
    reply={"items": fields.List(fields.Nested(CurrentWorkStatus), required=True)},
    access=signed_in("employee"),
)


class SurveillanceOfEmployee(SurveillanceSeen):
    """Where one of the employees stands on a health surveillance panel."""

    person_id = Id(required=True)


class CaseOfEmployee(CaseSeen):
    """A case of one of the employees, by its stage alone."""

    person_id = Id(required=True)


_IS_CUT = Flag(required=True, metadata={"description": "there is more than the newest 5,000 items"})

list_team_surveillance = contract.query(
    "list_team_surveillance",
    "Where the employees whom the caller supervises stand on their health surveillance panels (S2-14). Nothing where no portal of "
    "supervisors has the module Health Surveillance.",
    request={},
    reply={"items": fields.List(fields.Nested(SurveillanceOfEmployee), required=True), "is_cut": _IS_CUT},
    access=signed_in("employee"),
)

list_team_cases = contract.query(
    "list_team_cases",
    "The stage of each case of the employees whom the caller supervises (S2-85). Nothing where no portal of supervisors has the "
    "module Case Review Status.",
    request={},
    reply={"items": fields.List(fields.Nested(CaseOfEmployee), required=True), "is_cut": _IS_CUT},
    access=signed_in("employee"),
)


class ReportRow(Reply):
    """A line of a report about an employee. Which members it has depends on the report; the others are null or empty."""

    person_id = Id(required=True)
    text = fields.String(
        required=True, allow_none=True, metadata={"description": "a restriction, a panel or an order"}
    )
    status = fields.String(required=True, allow_none=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True, metadata={"description": "or the day when it is due"})
    days = Count(required=True, allow_none=True)
    restrictions = fields.List(fields.String(), required=True)
    surveillance = fields.List(fields.Nested(SurveillanceSeen), required=True)


get_team_report = contract.query(
    "get_team_report",
    "A report about the employees whom the caller supervises, one of those that the portal shows (S2-93). Work statuses come with "
    "restrictions and surveillance; lost days are added up; surveillance that is current is left out.",
    request={"portal": Suffix(required=True), "report": Code(required=True)},
    reply={
        "report": Code(required=True),
        "name": fields.String(required=True),
        "rows": fields.List(fields.Nested(ReportRow), required=True),
        "is_cut": _IS_CUT,
    },
    access=signed_in("employee"),
    errors=("not_found",),
)
