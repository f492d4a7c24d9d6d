"""The HR feed: files that name every employee, and applying their changes."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, page_of
from services.contracts.fields import AuthorName, Code, Count, Flag, Id, Moment, one_of, place_from
from services.contracts.files import UploadedFile
from services.contracts.identity import contract
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_PEOPLE

FORMATS = ("csv", "json")
ACTIONS = ("added", "changed", "ended")
IMPORT_STATES = ("ready", "applying", "applied", "failed")
REASONS = ("fault",)


class FeedProblem(Reply):
    """A problem and its place in the file. `is_refused`: the row is left out, and its employee stays as it is."""

    line = fields.Integer(required=True)
    column = fields.String(allow_none=True)
    code = Code(required=True)
    message = fields.String(required=True)
    is_refused = Flag(required=True)


class FeedCounts(Reply):
    """The numbers of employees that a file would change, or has changed.

    `unidentified`: rows that were refused, or are probably of an employee with another number, so that they may be of
    employees who seem to be missing. `respelled`: new employees whose number differs from another one only in case or
    zeros. `supervised`: employees who have a manager once the file is applied. `unsupervised`: employees who stay and, of
    those `supervised_before`, would have no manager.
    """

    added = Count(required=True)
    changed = Count(required=True)
    ended = Count(required=True)
    unchanged = Count(required=True)
    refused = Count(required=True)
    unidentified = Count()
    respelled = Count()
    supervised = Count()
    supervised_before = Count()
    unsupervised = Count()


class HrImportLine(Reply):
    """An import of a file of the HR feed in a list. `done` of `total` differences are applied.

    One that has failed several times is given up: its state is `failed`, and its `reason` is `fault`. What it has applied
    stays; the file can be uploaded again.
    """

    id = Id(required=True)
    state = one_of(IMPORT_STATES, required=True)
    counts = fields.Nested(FeedCounts, required=True)
    total = Count(required=True)
    done = Count(required=True)
    created_by = fields.String(required=True)
    created_by_name = AuthorName(required=True)
    created_at = Moment(required=True)
    applied_at = Moment(allow_none=True)
    reason = one_of(REASONS, allow_none=True)


class HrImportView(HrImportLine):
    """An import of a file of the HR feed, with the first problems of the file."""

    problems = fields.List(fields.Nested(FeedProblem), required=True)


class FieldChange(Reply):
    """A field that the file changes."""

    field = fields.String(required=True)
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)


class HrImportLineView(Reply):
    """One difference between the file and the known employees."""

    position = Count(required=True)
    employee_number = fields.String(required=True)
    action = one_of(ACTIONS, required=True)
    person_id = Id(allow_none=True)
    changes = fields.List(fields.Nested(FieldChange), required=True)


upload_hr_feed = contract.command(
    "upload_hr_feed",
    "Read a file of the HR feed and answer what it would change. Nothing is changed yet. The file must name every "
    "employee: applying it ends employees who are missing.",
    request={
        "document": fields.Nested(UploadedFile, required=True),
        "format": one_of(FORMATS, load_default="csv"),
    },
    reply=HrImportView,
    access=MANAGE_PEOPLE,
    errors=("import_file_refused", "request_too_large", "not_found"),
    status=201,
    timeout_s=60,
)
list_hr_imports = contract.query(
    "list_hr_imports",
    "Imports of files of the HR feed, newest first.",
    request=PAGE,
    reply=page_of(HrImportLine),
    access=MANAGE_PEOPLE,
)
get_hr_import = contract.query(
    "get_hr_import",
    "One import and its progress.",
    request={"import_id": Id(required=True)},
    reply=HrImportView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
list_hr_import_lines = contract.query(
    "list_hr_import_lines",
    "The differences between a file and the known employees. Reading them is audited.",
    request={
        "import_id": Id(required=True),
        "action": one_of(ACTIONS, load_default=None, allow_none=True),
        "after": place_from(0),
        "limit": fields.Integer(load_default=100, validate=validate.Range(1, 500)),
    },
    reply={
        "items": fields.List(fields.Nested(HrImportLineView), required=True),
        "next": fields.Integer(allow_none=True),
    },
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
apply_hr_import = contract.command(
    "apply_hr_import",
    "Apply the changes of a file in the background. Applying the same import again changes nothing. `confirm` is needed "
    "where a file ends more than a fifth of the employees, ends any while rows cannot be read or are probable doubles, adds "
    "some whose number differs from another one only in case or zeros, or takes the manager of more than a fifth of those who "
    "have one.",
    request={"import_id": Id(required=True), "confirm": Flag(load_default=False)},
    reply=HrImportView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "import_outdated", "confirmation_required"),
)
hr_import_applied = contract.event(
    "hr_import_applied",
    "A file of the HR feed has been applied.",
    data={
        "import_id": Id(required=True),
        "added": Count(required=True),
        "changed": Count(required=True),
        "ended": Count(required=True),
    },
)
