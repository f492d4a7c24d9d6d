"""Everybody's own account: password, second factor, devices, outside identities, notifications, who opened the record."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.declare import STAFF
from services.contracts.identity import accounts, audit, credentials, outside, people, second_factor, sessions
from services.contracts.notifications import my_notices, preferences, suppressed_addresses, text_numbers
from services.contracts.portals import own_changes
from services.contracts.referrals import audit as referrals_audit
from services.contracts.signing import audit as signing_audit

_NUMBER = {
    "is_offered": True,
    "number": "+1 415-555-0100",
    "confirmed_at": "2026-11-02T09:00:00+00:00",
    "pending_number": None,
    "code_ends_at": None,
}
_CAME_BACK = {"suppressed_since": "2026-11-02T09:00:00+00:00", "reason": "unknown_mailbox"}
_COMPLAINED = {**_CAME_BACK, "reason": "complained"}
_ASKS = {"kind": "message_waiting", "is_read": False, "asks_to_confirm": True}
_NO_FACTOR = {second_factor.get_my_second_factor: {"is_enabled": False}}
_BEGUN = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Harbor:pat?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Harbor",
}
_TRAILS = {"": audit.trail, "/referrals": referrals_audit.trail, "/documents": signing_audit.trail}

PAGES = (
    Page(
        "/account",
        "account/overview.html",
        reads={
            "sessions": Read(sessions.list_my_sessions),
            "factor": Read(second_factor.get_my_second_factor),
            "identities": Read(outside.list_my_outside_identities),
            "notices": Read(my_notices.count_my_notices, without=("service_unavailable", "timeout")),
            "mailbox": Read(suppressed_addresses.get_my_mailbox, without=("service_unavailable", "timeout")),
            "preferences": Read(preferences.get_my_message_preferences, without=("forbidden",)),
            "texts": Read(text_numbers.get_my_text_number, without=("forbidden",)),
        },
        actions=(
            Action("end_session", sessions.end_my_session, "The device is signed out."),
            Action("end_others", sessions.end_my_other_sessions, "All other devices are signed out."),
            Action("unlink", outside.unlink_my_outside_identity, "The outside sign-in is removed."),
            Action("notifications", accounts.set_my_notifications, "Your choice about e-mails is saved."),
            Action(
                "message_preferences",
                preferences.set_my_message_preferences,
                "Your choice is saved.",
            ),
            Action("enter_number", text_numbers.enter_my_text_number, "A code is on its way to this number."),
            Action("confirm_number", text_numbers.confirm_my_text_number, "The number is confirmed."),
            Action("remove_number", text_numbers.remove_my_text_number, "The number is removed."),
        ),
        states=(
            State("mail came back", replies={suppressed_addresses.get_my_mailbox: _CAME_BACK}),
            State("mail was complained of", replies={suppressed_addresses.get_my_mailbox: _COMPLAINED}),
            State("with a number", replies={text_numbers.get_my_text_number: _NUMBER}),
            State(
                "with a code on its way",
                replies={
                    text_numbers.get_my_text_number: {
                        **_NUMBER,
                        "number": None,
                        "confirmed_at": None,
                        "pending_number": "+1 415-555-0101",
                        "code_ends_at": "2026-11-03T09:15:00+00:00",
                    }
                },
            ),
            State(
                "without second factor", replies={second_factor.get_my_second_factor: {"is_enabled": False}}
            ),
        ),
        sample={suppressed_addresses.get_my_mailbox: {"suppressed_since": None, "reason": None}},
    ),
    Page(
        "/account/notices",
        "account/notices.html",
        reads={"notices": Read(my_notices.list_my_notices, query=("is_read", "after"))},
        actions=(
            Action("read_notices", my_notices.read_my_notices, "Marked as read."),
            Action("confirm_notice", my_notices.confirm_my_notice, "Confirmed. No e-mail follows."),
        ),
        states=(State("asks to confirm", replies={my_notices.list_my_notices: {"items": _ASKS}}),),
        sample={my_notices.list_my_notices: {"items": {"kind": "referral_assigned", "page": "/account"}}},
    ),
    Page(
        "/account/password",
        "account/password.html",
        actions=(
            Action(
                "change_password",
                credentials.change_my_password,
                "Your password is changed. All other devices are signed out.",
                then="/account",
            ),
        ),
    ),
    Page(
        "/account/shortcuts",
        "account/shortcuts.html",
        actions=(Action("shortcuts", accounts.set_my_shortcuts, "Your choice is saved.", then="/account"),),
        realms=STAFF,
    ),
    Page(
        "/account/settings",
        "account/settings.html",
        reads={
            "settings": Read(people.get_my_settings, without=("not_found", "forbidden")),
            "asked": Read(own_changes.list_my_details_changes, without=("not_found", "forbidden")),
        },
        actions=(
            Action("edit_settings", people.edit_my_settings, "Your details are saved."),
            Action(
                "request_details",
                own_changes.request_my_details_change,
                "You have asked for the change. It holds once somebody has looked at it.",
            ),
        ),
        states=(
            State(
                "changes are requests",
                replies={
                    people.get_my_settings: {"changes_are_requests": True},
                    own_changes.list_my_details_changes: {"items": {"values": {"home_phone": "555 0100"}}},
                },
            ),
        ),
    ),
    Page(
        "/account/second-factor",
        "account/second_factor.html",
        reads={"factor": Read(second_factor.get_my_second_factor)},
        actions=(
            Action("start_factor", second_factor.start_second_factor, "", keeps_reply=True),
            Action(
                "confirm_factor",
                second_factor.confirm_second_factor,
                "The second factor is set up.",
                keeps_reply=True,
            ),
            Action(
                "renew_codes",
                second_factor.renew_recovery_codes,
                "The codes before these work no more.",
                keeps_reply=True,
            ),
            Action("remove_factor", second_factor.remove_second_factor, "The second factor is removed."),
        ),
        states=(
            State("demanded", replies={second_factor.get_my_second_factor: {"is_demanded": True}}),
            State("off", replies=_NO_FACTOR),
            State("to confirm", replies=_NO_FACTOR, kept={"start_factor": _BEGUN}),
            State("wrong code", errors="one", replies=_NO_FACTOR, kept={"start_factor": _BEGUN}),
            State("new codes", kept={"renew_codes": {"recovery_codes": ["3FQ7-X2MK-81TD"] * 10}}),
            State("proof", errors="one", refused={second_factor.remove_second_factor: "proof_required"}),
        ),
        sample={second_factor.get_my_second_factor: {"is_demanded": False}},
    ),
    *(
        Page(
            f"/account/openings{part}",
            "account/openings.html",
            reads={
                "openings": Read(
                    trail.openings, given={"limit": 25}, query=("after",), without=("not_found",)
                )
            },
        )
        for part, trail in _TRAILS.items()
    ),
    Page(
        "/account/sign-out",
        "account/sign_out.html",
        actions=(Action("sign_out", sessions.log_out, "You are signed out.", then="/sign-in?signed_out=1"),),
    ),
)
