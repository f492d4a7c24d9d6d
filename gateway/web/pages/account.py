"""Everybody's own account: password, second factor, devices, outside identities, notifications, who opened the record."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.identity import accounts, audit, credentials, outside, second_factor, sessions
from services.contracts.referrals import audit as referrals_audit
from services.contracts.signing import audit as signing_audit

_TRAILS = {"": audit.trail, "/referrals": referrals_audit.trail, "/documents": signing_audit.trail}

PAGES = (
    Page(
        "/account",
        "account/overview.html",
        reads={
            "sessions": Read(sessions.list_my_sessions),
            "factor": Read(second_factor.get_my_second_factor),
            "identities": Read(outside.list_my_outside_identities),
        },
        actions=(
            Action("end_session", sessions.end_my_session, "The device is signed out."),
            Action("end_others", sessions.end_my_other_sessions, "All other devices are signed out."),
            Action("unlink", outside.unlink_my_outside_identity, "The outside sign-in is removed."),
            Action("notifications", accounts.set_my_notifications, "Your choice about e-mails is saved."),
        ),
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
