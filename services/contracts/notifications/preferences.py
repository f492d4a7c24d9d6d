"""Preferences: which messages an account wants beside those that it must get, and the hours in which it wants none.

What nobody can do without is no group: links and codes, notices about the ways into an account, documents to sign. Providers
choose in their profile alone (`set_my_notifications`, S0-39, S0-40).
"""

from __future__ import annotations

import datetime
from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request, signed_in
from services.contracts.fields import Count, TimeZone, one_of
from services.contracts.notifications import contract

# Groups of messages that can be switched off.
GROUPS = (
    "messages",
    "appointments",
    "questionnaires",
    "work_status",
    "supervision",
    "management",
    "documents",
)
OWN = signed_in("staff", "family", "patient", "employee", "applicant")


_TIME: dict[str, Any] = {"invalid": "A time such as 22:00 is expected."}


class MessagePreferences(Request):
    """What an account wants to be told, and when.

    `switched_off`: groups that are not wanted. `digested`: groups of which one mail a day tells, at `digest_at` in `time_zone`, with
    how many there are; what is urgent comes at once. `texted`: groups of which a text message tells as well, if the account has a
    confirmed number; it says only that something waits. Between `quiet_from` and `quiet_until` in `time_zone` nothing is sent that can
    wait; both or none of the two are given.
    """

    switched_off = fields.List(one_of(GROUPS), required=True, validate=validate.Length(max=len(GROUPS)))
    digested = fields.List(one_of(GROUPS), load_default=list, validate=validate.Length(max=len(GROUPS)))
    texted = fields.List(one_of(GROUPS), load_default=list, validate=validate.Length(max=len(GROUPS)))
    digest_at = fields.Time(load_default=datetime.time(8), format="%H:%M", error_messages=_TIME)
    quiet_from = fields.Time(load_default=None, allow_none=True, format="%H:%M", error_messages=_TIME)
    quiet_until = fields.Time(load_default=None, allow_none=True, format="%H:%M", error_messages=_TIME)
    time_zone = TimeZone(load_default="UTC")


class MessagePreferencesView(Reply):
    """As MessagePreferences, with the groups of which the caller's portal has any."""

    version = Count(required=True)
    groups = fields.List(one_of(GROUPS), required=True)
    switched_off = fields.List(one_of(GROUPS), required=True)
    digested = fields.List(one_of(GROUPS), required=True)
    texted = fields.List(one_of(GROUPS), required=True)
    digest_at = fields.Time(required=True, format="%H:%M")
    quiet_from = fields.Time(required=True, allow_none=True, format="%H:%M")
    quiet_until = fields.Time(required=True, allow_none=True, format="%H:%M")
    time_zone = fields.String(required=True)


get_my_message_preferences = contract.query(
    "get_my_message_preferences",
    "Which messages the caller wants, and the hours in which none.",
    request={},
    reply=MessagePreferencesView,
    access=OWN,
)
set_my_message_preferences = contract.command(
    "set_my_message_preferences",
    "Choose which messages the caller wants, and the hours in which none. What cannot be done without is sent all the same.",
    request=MessagePreferences(),
    reply=MessagePreferencesView,
    access=OWN,
    honours_version=True,
)
