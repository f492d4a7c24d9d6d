"""Notices: who is told of what happens to a person, and when people are reminded of appointments.

Three audiences have words of their own (S2-8): the person, such as an employee; the person's supervisors; and the management
group, which is the holders of a role of the staff. A notice says that something happened, and neither what nor to whom.
"""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request
from services.contracts.fields import Count, Id, number_of, one_of
from services.contracts.identity.permissions import MANAGE_ORGANISATION
from services.contracts.notifications import contract
from services.contracts.notifications.preferences import GROUPS

PERSON, SUPERVISOR, MANAGEMENT = "person", "supervisor", "management"
AUDIENCES = (PERSON, SUPERVISOR, MANAGEMENT)
# What notices are about, with the audiences that are told of it unless the organisation chooses otherwise.
TOPICS: Mapping[str, tuple[str, ...]] = {
    "appointment_invited": (PERSON,),
    "appointment_booked": (PERSON,),
    "appointment_moved": (PERSON,),
    "appointment_cancelled": (PERSON,),
    "appointment_missed": (PERSON,),
    "appointment_request_declined": (PERSON,),
    "questionnaire_completed": (PERSON,),
    "review_requested": (SUPERVISOR,),
    "response_reviewed": (PERSON,),
    "work_status_published": (PERSON, SUPERVISOR),
}
REMINDER_DAYS = (60, 30, 15, 7)
MOST_HOURS = 72
CONFIRM_MODES = ("seen", "explicit")
MOST_CONFIRM_MINUTES = 1440


class NoticeSettings(Request):
    """Which audiences are told of what, who the management is, and when people are reminded of appointments (S2-18).

    `told`: the audiences by topic; a topic that is left out is as usual. `management_role_id`: whose holders are the management
    group; null: nobody. `reminder_days` before an appointment, at the same time of day at its place, and `reminder_hours` before
    it begins; null: none so near. They hold for appointments that are booked or moved from now on.

    `confirmed_by`: groups of messages of which the application tells first. An e-mail follows after `confirm_minutes`, and a text
    message after twice as long, unless the notice was marked as read by then (`seen`), or confirmed (`explicit`). What is urgent, or
    must be told, is sent at once. It holds for messages from now on.
    """

    told = fields.Dict(
        keys=one_of(tuple(TOPICS)),
        values=fields.List(one_of(AUDIENCES), validate=validate.Length(max=3)),
        required=True,
    )
    management_role_id = Id(load_default=None, allow_none=True)
    reminder_days = fields.List(
        fields.Integer(validate=[validate.Range(1, max(REMINDER_DAYS)), validate.OneOf(REMINDER_DAYS)]),
        required=True,
        validate=validate.Length(max=len(REMINDER_DAYS)),
    )
    reminder_hours = number_of(MOST_HOURS, load_default=None, allow_none=True)
    confirmed_by = fields.Dict(keys=one_of(GROUPS), values=one_of(CONFIRM_MODES), load_default=dict)
    confirm_minutes = fields.Integer(load_default=60, validate=validate.Range(1, MOST_CONFIRM_MINUTES))


class NoticeSettingsView(Reply):
    """As NoticeSettings, with every topic, and with the groups of messages that there are."""

    version = Count(required=True)
    told = fields.Dict(keys=fields.String(), values=fields.List(one_of(AUDIENCES)), required=True)
    management_role_id = Id(required=True, allow_none=True)
    reminder_days = fields.List(fields.Integer(), required=True)
    reminder_hours = fields.Integer(required=True, allow_none=True)
    groups = fields.List(one_of(GROUPS), required=True)
    confirmed_by = fields.Dict(keys=fields.String(), values=one_of(CONFIRM_MODES), required=True)
    confirm_minutes = Count(required=True)


get_notice_settings = contract.query(
    "get_notice_settings",
    "Which audiences are told of what, who the management group is, when people are reminded of appointments, and of what the "
    "application tells first.",
    request={},
    reply=NoticeSettingsView,
    access=MANAGE_ORGANISATION,
)
set_notice_settings = contract.command(
    "set_notice_settings",
    "Choose which audiences are told of what, the management group, when people are reminded of appointments, and of what the "
    "application tells first.",
    request=NoticeSettings(),
    reply=NoticeSettingsView,
    access=MANAGE_ORGANISATION,
    errors=("not_found",),
    expects_version=True,
)
