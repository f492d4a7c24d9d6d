"""The rules of documents: who may receive and sign them, their states, their file names. Pure."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from services.contracts.errors import Refused, invalid

FEATURE = "electronic_signature"
AUTO_RETURN = "auto_return"  # what is signed is returned at once (C7)
EMAIL, FAX, PRINT = "email", "fax", "print"
PLAN_OF_CARE = "plan_of_care"
# A plan of care must be on its way to the signer within these days of the beginning of care (42 CFR 424.24(c), from 2025 on).
DAYS_OF_A_PLAN = 30
# An open mail is repeated on these days after it was sent, and never later: a reminder after 30 days helps nobody.
REMINDED_ON_DAYS = (3, 7, 14, 21, 28)
REMINDED_AGAIN_AFTER = datetime.timedelta(hours=1)
MOST_FAXED_BYTES = 10 * 1024 * 1024
SIGNING_REALMS = frozenset({"provider", "staff"})
UNSIGNED_REPORT = (
    "sent",
    "signed",
    "declined",
)  # all that staff or a recipient still have to deal with (S4-20, S4-21)
LEASE = datetime.timedelta(seconds=30)
ONE_DAY = datetime.timedelta(days=1)
STANDING = {
    "sent": "awaiting signature",
    "signed": "signed, to return",
    "declined": "declined",
    "returned": "returned",
}
_NOT_IN_A_NAME = re.compile(r"[^\w. -]+")
_LONGEST_NAME = 100


def require_feature(features: list[str]) -> None:
    """Raises Refused(feature_is_off) unless the organisation has switched electronic signatures on (S4-5)."""
    if FEATURE not in features:
        raise Refused("feature_is_off", "Electronic signature is switched off for this organisation.")


def require_recipient(account_state: str, realm: str, *, can_sign: bool) -> None:
    """Raises Refused(recipient_refused) for an account that cannot sign.

    It is disabled, its realm does not sign (S4-4), or its role does not include it (`can_sign`). An invited account is
    accepted: its owner may sign in later (S4-15).
    """
    if realm not in SIGNING_REALMS:
        raise Refused(
            "recipient_refused",
            "Accounts of this realm do not sign documents: send it to a provider's account.",
            "recipient_account_id",
            realm=realm,
        )
    if account_state == "disabled":
        raise Refused("recipient_refused", "The recipient's account is disabled.", "recipient_account_id")
    if not can_sign:
        raise Refused(
            "recipient_refused",
            "The recipient's role does not include signing documents: an administrator can add it.",
            "recipient_account_id",
        )


@dataclass(frozen=True)
class Way:
    """How a document reaches its signer, and what it is."""

    channel: str
    recipient_account_id: str | None = None
    addressee: str | None = None
    fax_number: str | None = None
    kind: str = "document"
    care_began_on: datetime.date | None = None
    respond_by: datetime.date | None = None


def require_way(way: Way, today: datetime.date) -> None:
    """Raises Refused(invalid_request) with every member that is missing, or that does not belong to this channel or kind."""
    problems = [*_problems_of_channel(way), *_problems_of_kind(way, today)]
    if way.respond_by is not None and way.respond_by < today - ONE_DAY:
        problems.append(("respond_by", "This day is over. Choose one that is still to come."))
    if problems:
        raise invalid(problems)


def _problems_of_channel(way: Way) -> list[tuple[str, str]]:
    is_mail = way.channel == EMAIL
    problems = []
    if is_mail and way.recipient_account_id is None:
        problems.append(("recipient_account_id", "Choose who signs: the mail goes to this user."))
    if not is_mail and way.recipient_account_id is not None:
        problems.append(("recipient_account_id", "On paper nobody signs with an account. Leave it out."))
    if not is_mail and way.addressee is None:
        problems.append(("addressee", "Write who signs. The name stands on the cover sheet."))
    if is_mail and way.addressee is not None:
        problems.append(("addressee", "A mail goes to the user that you choose. Leave this out."))
    if way.channel == FAX and way.fax_number is None:
        problems.append(("fax_number", "Enter the number that the fax goes to."))
    if way.channel != FAX and way.fax_number is not None:
        problems.append(("fax_number", "Only a fax has a number. Leave it out, or send a fax."))
    return problems


def require_number_twice(number: str, again: str | None, *, is_known: bool) -> None:
    """Raises Refused(invalid_request) unless a number to which no fax has gone yet was entered twice, alike.

    Of all ways a document can be disclosed to the wrong person, a mistyped number is the most frequent one.
    """
    if again is not None and again != number:
        raise invalid(
            [("fax_number_again", "The two numbers differ. Look at the number and enter it again.")]
        )
    if again is None and not is_known:
        text = "No fax has gone to this number yet. Enter it a second time, so that no digit is wrong."
        raise invalid([("fax_number_again", text)])


def _problems_of_kind(way: Way, today: datetime.date) -> list[tuple[str, str]]:
    is_plan = way.kind == PLAN_OF_CARE
    if is_plan and way.care_began_on is None:
        return [("care_began_on", "Enter the day on which care began: the 30 days count from it.")]
    if not is_plan and way.care_began_on is not None:
        return [("care_began_on", "Only a plan of care has this day. Leave it out, or send a plan of care.")]
    if way.care_began_on is not None and way.care_began_on > today + ONE_DAY:
        return [("care_began_on", "Care has not begun on a day that is still to come.")]
    return []


def days_left(kind: str, state: str, care_began_on: datetime.date | None, today: datetime.date) -> int | None:
    """Days left of the 30 of a plan of care that nobody has signed; below 0 when they are over."""
    if kind != PLAN_OF_CARE or care_began_on is None or state in ("signed", "returned"):
        return None
    return DAYS_OF_A_PLAN - (today - care_began_on).days


def is_overdue(state: str, respond_by: datetime.date | None, today: datetime.date) -> bool:
    """Whether an answer was wanted before today and is not there."""
    return state == "sent" and respond_by is not None and respond_by < today


def next_reminder(
    channel: str, sent_at: datetime.datetime, now: datetime.datetime
) -> datetime.datetime | None:
    """When the next reminder goes out by itself; None for paper, and after the last day."""
    if channel != EMAIL:
        return None
    return next((at for days in REMINDED_ON_DAYS if (at := sent_at + days * ONE_DAY) > now), None)


def require_faxable(size: int) -> None:
    """Raises Refused(document_too_large) for a file that is too large to be faxed."""
    if size > MOST_FAXED_BYTES:
        most = MOST_FAXED_BYTES // 1024 // 1024
        raise Refused("document_too_large", f"A fax may have at most {most} MB. Print this one.", "document")


def require_remindable(channel: str, last: datetime.datetime, now: datetime.datetime) -> None:
    """Raises Refused: on_paper for what staff hand over themselves, reminded_lately within an hour of the last message."""
    if channel == PRINT:
        raise Refused("on_paper", "This document is handed over on paper: print it once more.")
    if now - last < REMINDED_AGAIN_AFTER:
        raise Refused("reminded_lately", "The last message went out less than an hour ago. Wait a little.")


def require_day_of_signature(signed_on: datetime.date, sent_on: datetime.date, today: datetime.date) -> None:
    """Raises Refused(invalid_request) for a day before the document was sent, or one that is still to come."""
    if not sent_on - ONE_DAY <= signed_on <= today + ONE_DAY:
        raise invalid([("signed_on", "The day of the signature is between the day of sending and today.")])


def require_on_paper(channel: str) -> None:
    """Raises Refused(not_on_paper) for a document whose signer has an account and decides there."""
    if channel == EMAIL:
        raise Refused("not_on_paper", "The signer has an account and declines there.")


def require_replaceable(state: str, replaced_by: str | None) -> None:
    """Raises Refused(not_declined) unless the document was declined and not yet sent again (C8)."""
    if state != "declined":
        raise Refused(
            "not_declined",
            f"Only a declined document is sent again as a new version. This one stands at: {STANDING[state]}.",
            "replaces_document_id",
        )
    if replaced_by is not None:
        raise Refused(
            "not_declined", "A new version of this document was sent before.", "replaces_document_id"
        )


def possible_actions(
    state: str, *, channel: str, is_replaced: bool, may_decide: bool, may_send: bool
) -> list[str]:
    """What may be done with a document in this state: by its recipient, and by staff who send documents."""
    actions = ["sign", "decline"] if state == "sent" and may_decide else []
    if not may_send:
        return actions
    if state == "sent":
        return [
            *actions,
            "attach",
            *(["remind"] if channel != PRINT else []),
            *(["refuse"] if channel != EMAIL else []),
        ]
    if state == "signed":
        return ["return"]
    return ["replace"] if state == "declined" and not is_replaced else []


def require_undecided(state: str) -> None:
    """Raises Refused(already_decided) unless the recipient still has to decide."""
    if state != "sent":
        raise Refused("already_decided", f"The document stands at: {STANDING[state]}.", state=state)


def require_reason(reason_code: str | None, note: str | None) -> None:
    """Raises Refused(invalid_request) unless it is said why somebody does not sign: by a code, else in words."""
    if note is None and reason_code in (None, "other"):
        raise Refused(
            "invalid_request", "Choose a reason, or write why you do not sign: the sender reads it.", "note"
        )


def require_signed(state: str) -> None:
    """Raises Refused(not_signed) unless the document is signed and not yet returned."""
    if state != "signed":
        raise Refused("not_signed", f"The document stands at: {STANDING[state]}.", state=state)


def is_leased(
    held_by: str | None, until: datetime.datetime | None, asked_by: str | None, now: datetime.datetime
) -> bool:
    """Whether another request is signing the document at this moment. A request may continue its own lease."""
    return held_by is not None and held_by != asked_by and until is not None and until > now


def printed_name(first_name: str | None, last_name: str | None, email: str) -> str:
    """The signer's name as printed (21 CFR 11.50). Without a name, the e-mail address, which is the user name."""
    name = " ".join(part.strip() for part in (first_name, last_name) if part and part.strip())
    return name or email


def picture_name(title: str, number: int) -> str:
    """A name to save the picture of a page under."""
    return f"{file_name(title).removesuffix('.pdf')}-{number}.png"


def file_name(title: str) -> str:
    """A name to save the file under: no folders, no control characters, never hidden, always `.pdf`."""
    stem = _NOT_IN_A_NAME.sub("_", title).strip(" ._")[:_LONGEST_NAME].rstrip(" .")
    return f"{stem or 'document'}.pdf"
