"""Everybody's own account: security, devices, notifications, signing out."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.identity import accounts, sessions

PAGES = (
    Page(
        "/account",
        "account/overview.html",
        "account",
        reads={"sessions": Read(sessions.list_my_sessions)},
        actions=(
            Action("end_others", sessions.end_my_other_sessions, "All other devices are signed out."),
            Action("notifications", accounts.set_my_notifications, "Your choice about e-mails is saved."),
        ),
    ),
    Page(
        "/account/sign-out",
        "account/sign_out.html",
        "account",
        actions=(Action("sign_out", sessions.log_out, "You are signed out.", then="/sign-in?signed_out=1"),),
    ),
)
