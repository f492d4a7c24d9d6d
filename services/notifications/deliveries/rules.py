"""When a delivery is tried again and when it is given up; kinds of messages. Pure."""

from __future__ import annotations

import datetime

MAX_TRIES = 48
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 300

# Messages to people without an account: the id of a notice or code takes the account's place, and no event is published.
WITHOUT_ACCOUNT = frozenset({"identity_not_verified", "pickup_code", "document_fax"})
# The only messages that are sent as text messages: that something waits, without a word about it, and the code that confirms a number.
TEXT_NOTICE, TEXT_CODE = "text_notice", "text_code"
# Messages that are not among the notices of an account in the application: they bring somebody in, or go to an address of
# before; a summary only counts what is there.
NOT_SHOWN = WITHOUT_ACCOUNT | {
    "account_invited",
    "account_invited_with_password",
    "password_reset",
    "password_tries_refused",
    "email_confirmation",
    "login_email_changed",
    "account_closed",
    "portal_reminder",
    "test_message",
    "daily_digest",
    TEXT_NOTICE,
    TEXT_CODE,
}
# Kinds that are sent to unverified addresses, too (S0-43): a signer may not have signed in yet (S4-15), an owner has to
# learn of an unexpected change to the account's sign-in, a portal is looked for by those who have never been there, and a
# patient whose password staff have set has never confirmed the address, but is to learn that a message waits or a request is answered
# (S3-6, decision 0019).
ALSO_UNVERIFIED = frozenset(
    {
        "document_ready_to_sign",
        "document_reminder",
        "document_to_read",
        "second_factor_enabled",
        "second_factor_removed",
        "password_changed",
        "account_enabled",
        "portal_reminder",
        "message_waiting",
        "change_answered",
    }
)
# The pages that messages lead to, with ids of the delivery in braces; the other kinds lead to the portal's start page.
PAGES = {
    "referral_assigned": "/provider/referrals/{referral_id}",
    "referral_promoted": "/provider/referrals/{referral_id}",
    "capacity_stale": "/provider/capacity/{program_id}/{line_id}",
    "document_ready_to_sign": "/signing/{document_id}",
    "document_reminder": "/signing/{document_id}",
    "document_to_read": "/signing/{document_id}",
    "signed_document_declined": "/signing/{document_id}",
    "signature_request_expired": "/staff/documents/{document_id}",
    "document_signed": "/staff/documents/{document_id}",
    "document_declined": "/staff/documents/{document_id}",
    "message_waiting": "/portal",
    "change_answered": "/portal/{portal}/messages/{thread_id}",
    "daily_digest": "/account/notices",
    "request_overdue": "/staff/queue/{item_id}",
    "second_factor_removed": "/account/password",
    "password_changed": "/account",
    "access_ending": "/account",
    "profile_granted": "/portal",
    **dict.fromkeys(
        ("appointment_booked_management", "appointment_moved_management", "appointment_cancelled_management"),
        "/staff/appointments/{appointment_id}",
    ),
    "appointment_missed_management": "/staff/appointments/{appointment_id}",
    "questionnaire_completed_management": "/staff/questionnaire-responses/{response_id}",
    "review_requested_management": "/staff/questionnaire-responses/{response_id}",
    "response_reviewed_management": "/staff/questionnaire-responses/{response_id}",
}
# Messages that go with an appointment for the calendar of the person, and what the calendar is asked to do (RFC 5546).
CALENDAR_METHODS = {
    "appointment_booked": "REQUEST",
    "appointment_moved": "REQUEST",
    "appointment_cancelled": "CANCEL",
    **dict.fromkeys((f"appointment_reminder_{each}" for each in ("60", "30", "15", "7", "near")), "REQUEST"),
}
# To people who need not sign in.
PAGES_FOR_ALL = {
    "pickup_code": "/pickup-code?organisation={organisation}",
    "portal_reminder": "/at/{short_name}",
}
EMAIL, FAX, TEXT, WEBHOOK = CHANNELS = ("email", "fax", "text", "webhook")
# Kinds of API clients, by whom the messages reach that they cause: everybody, the staff, nobody.
NORMAL, TEAM, TEST = "normal", "team", "test"
# By what a notice in the application makes its e-mail needless: it was marked as read, or its owner has confirmed it.
SEEN, EXPLICIT = "seen", "explicit"
WHY_NEEDLESS = {SEEN: "seen_in_app", EXPLICIT: "confirmed_in_app"}
# What becomes of messages of these channels their provider reports.
REPORTED = (FAX, TEXT)
# A delivery in one of these states is not sent any more. In every other state it is still to be sent.
FINAL_STATES = frozenset(
    {"sent", "delivered", "suppressed", "cancelled", "permanent_failure", "technical_failure"}
)
# A provider that reports nothing for so long has lost the message (GOV.UK Notify).
REPORT_WITHIN = datetime.timedelta(days=3)


def pause_after(tries: int) -> datetime.timedelta | None:
    """How long to wait after the `tries`-th temporary failure (from 1): 5 s, doubling, at most 5 min.

    None after the 48th, about three and a half hours after the first: the delivery is given up.
    """
    if tries < 1:
        raise ValueError("tries are counted from 1")
    if tries >= MAX_TRIES:
        return None
    # The exponent is bounded to keep the number small. From the seventh try on the longest pause applies anyway.
    return datetime.timedelta(seconds=min(FIRST_PAUSE_S * 2 ** min(tries - 1, 10), LONGEST_PAUSE_S))


def next_day(now: datetime.datetime) -> datetime.datetime:
    """When the day after this moment's begins, in UTC."""
    tomorrow = now.astimezone(datetime.UTC).date() + datetime.timedelta(days=1)
    return datetime.datetime.combine(tomorrow, datetime.time(), datetime.UTC)


def wait_for_confirmation(mode: str | None, minutes: int, channel: str) -> datetime.timedelta:
    """How long a message waits for its notice to be seen or confirmed: a text message twice as long as an e-mail."""
    if mode is None:
        return datetime.timedelta()
    return datetime.timedelta(minutes=minutes * (2 if channel == TEXT else 1))


def is_confirmed(
    mode: str, read_at: datetime.datetime | None, confirmed_at: datetime.datetime | None
) -> bool:
    """Whether a notice was seen or confirmed as its mode asks. What is confirmed was seen."""
    return confirmed_at is not None or (mode == SEEN and read_at is not None)


def kind_of_credential_message(purpose: str) -> str:
    """The kind of message for an invitation's purpose. Raises ValueError for an unknown purpose."""
    kinds = {
        "invitation": "account_invited",
        "temporary_password": "account_invited_with_password",
        "reset": "password_reset",
        "reset_after_tries": "password_tries_refused",
        "verify_email": "email_confirmation",
    }
    if purpose not in kinds:
        raise ValueError("unknown purpose of a credential link")
    return kinds[purpose]


def kind_of_second_factor_message(change: str) -> str:
    """The kind of message for a change of a second factor: enabled, or removed."""
    return "second_factor_enabled" if change == "enabled" else "second_factor_removed"


def spoken(minutes: int) -> str:
    """A lifetime in words: in days if it is whole days, otherwise in minutes."""
    days, rest = divmod(minutes, 24 * 60)
    if rest or not days:
        return f"{minutes} minutes"
    return "1 day" if days == 1 else f"{days} days"
