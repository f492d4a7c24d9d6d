"""The rules of documents: who may receive and sign them, their states, their file names. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
SIGNER, APPROVER, VIEWER, COPY = "signer", "approver", "viewer", "copy"
DECIDING = frozenset({SIGNER, APPROVER})
MOST_SIGNERS = 12  # the places on a signature page
APPROVAL = "approval"
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


def require_recipient(account_state: str, realm: str, *, can_sign: bool, field: str) -> None:
    """Raises Refused(recipient_refused) for an account that cannot sign.

    It is disabled, its realm does not sign (S4-4), or its role does not include it (`can_sign`). An invited account is
    accepted: its owner may sign in later (S4-15).
    """
    if realm not in SIGNING_REALMS:
        raise Refused(
            "recipient_refused",
            "Accounts of this realm do not sign documents: send it to a provider's account.",
            field,
            realm=realm,
        )
    if account_state == "disabled":
        raise Refused("recipient_refused", "The recipient's account is disabled.", field)
    if not can_sign:
        raise Refused(
            "recipient_refused",
            "The recipient's role does not include signing documents: an administrator can add it.",
            field,
        )


@dataclass(frozen=True)
class Way:
    """How a document reaches its signer, and what it is."""

    channel: str
    recipient_account_id: str | None = None
    recipients: Sequence[Mapping[str, Any]] = ()
    addressee: str | None = None
    fax_number: str | None = None
    kind: str = "document"
    care_began_on: datetime.date | None = None
    respond_by: datetime.date | None = None


def require_way(way: Way, today: datetime.date) -> None:
    """Raises Refused(invalid_request) with every member that is missing, or that does not belong to this channel or kind."""
    problems = [
        *_problems_of_channel(way),
        *_problems_of_recipients(way.recipients, today),
        *_problems_of_kind(way, today),
    ]
    if way.respond_by is not None and way.respond_by < today - ONE_DAY:
        problems.append(("respond_by", "This day is over. Choose one that is still to come."))
    if problems:
        raise invalid(problems)


def _problems_of_channel(way: Way) -> list[tuple[str, str]]:
    is_mail = way.channel == EMAIL
    problems = []
    if is_mail and way.recipient_account_id is None and not way.recipients:
        problems.append(("recipient_account_id", "Choose who signs: the mail goes to this user."))
    if way.recipient_account_id is not None and way.recipients:
        problems.append(("recipient_account_id", "Name one signer here or all of them as recipients."))
    if not is_mail and way.recipients:
        problems.append(("recipients", "On paper nobody signs with an account. Leave them out."))
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


def _problems_of_recipients(
    recipients: Sequence[Mapping[str, Any]], today: datetime.date
) -> list[tuple[str, str]]:
    problems = []
    for number, each in enumerate(recipients):
        if (each["account_id"] is None) == (each["email"] is None):
            problems.append((f"recipients.{number}.email", "Choose a user, or enter one e-mail address."))
        if each["expires_on"] is not None and each["expires_on"] < today - ONE_DAY:
            told = "This day is over. Choose one that is still to come."
            problems.append((f"recipients.{number}.expires_on", told))
    addresses = [each["email"].casefold() for each in recipients if each["email"]]
    accounts = [each["account_id"] for each in recipients if each["account_id"]]
    if len(set(addresses)) < len(addresses) or len(set(accounts)) < len(accounts):
        problems.append(("recipients", "Name each recipient once."))
    signers = sum(1 for each in recipients if each["role"] in DECIDING)
    if recipients and not signers:
        problems.append(("recipients", "Somebody has to sign or to approve."))
    if signers > MOST_SIGNERS:
        problems.append(("recipients", f"At most {MOST_SIGNERS} people sign or approve one document."))
    return problems


@dataclass(frozen=True)
class Standing:
    """Where a recipient stands: role, turn, state."""

    role: str
    turn: int
    state: str


def turn_now(standings: Iterable[Standing]) -> int | None:
    """The turn whose signers are asked now: the lowest one that has somebody who still has to sign. None: all have signed."""
    return min(
        (
            each.turn
            for each in standings
            if each.role in DECIDING and each.state not in ("signed", "delegated")
        ),
        default=None,
    )


def is_due(standing: Standing, turn: int | None) -> bool:
    """Whether a recipient who waits is asked, or shown the document, in this turn. Copies go out when all have signed."""
    if standing.state != "waiting":
        return False
    return turn is None or (standing.role != COPY and standing.turn <= turn)


def require_meaning(role: str, meaning: str) -> None:
    """Raises Refused(invalid_request) where an approver signs with another meaning than approval."""
    if role == APPROVER and meaning != APPROVAL:
        raise invalid([("meaning", "You are asked to approve: the meaning of your signature is approval.")])


def require_pages_seen(*, must_see: bool, pages: int, seen: int) -> None:
    """Raises Refused(pages_unseen) where the sender wants every page to be seen before the signature, and some were not."""
    if must_see and seen < pages:
        raise Refused(
            "pages_unseen", f"The sender asks you to read all {pages} pages first. You have opened {seen}."
        )


def require_own_turn(role: str, state: str, expires_on: datetime.date | None, today: datetime.date) -> None:
    """Raises Refused unless this recipient may decide now: forbidden for readers, already_decided for all that is over."""
    if role not in DECIDING:
        raise Refused("forbidden", "You get this document to read it. Others sign it.")
    if state == "delegated":
        raise Refused("already_decided", "You have asked somebody else to sign in your place.", state=state)
    if state == "expired" or (state == "asked" and is_expired(expires_on, today)):
        raise Refused(
            "already_decided",
            "Your last day to sign has passed. Ask the sender for more time.",
            state="expired",
        )
    if state != "asked":
        raise Refused("already_decided", "You have decided on this document before.", state=state)


def own_standing(document_state: str, standing: Standing) -> str:
    """Where a document stands for one of its recipients."""
    if standing.state in ("delegated", "expired", "ended", "told"):
        words = {"delegated": "handed_on", "expired": "late", "ended": "done_without_you", "told": "to_read"}
        return words[standing.state]
    if document_state != "sent":
        return document_state
    return "to_sign" if standing.state == "asked" else "signed_by_you"


def require_delegable(*, may_delegate: bool, is_delegate: bool) -> None:
    """Raises Refused(forbidden) where the sender wants this person's own signature, or somebody has handed it on before."""
    if not may_delegate:
        raise Refused("forbidden", "The sender does not let others sign in your place. Decline it instead.")
    if is_delegate:
        raise Refused("forbidden", "You sign in somebody's place and cannot hand it on. Decline it instead.")


def is_expired(expires_on: datetime.date | None, today: datetime.date) -> bool:
    """Whether a last day has passed everywhere on Earth."""
    return expires_on is not None and expires_on < today - ONE_DAY


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
    state: str, *, channel: str, is_replaced: bool, may_decide: bool, may_delegate: bool, may_send: bool
) -> list[str]:
    """What may be done with a document in this state: by a signer whose turn it is, and by staff who send documents."""
    actions = ["sign", "decline"] if state == "sent" and may_decide else []
    if actions and may_delegate:
        actions.append("delegate")
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


Strokes = tuple[tuple[tuple[int, int], ...], ...]


def strokes(drawing: str | None) -> Strokes:
    """The lines of a drawing, `12,40 13,41;20,9`, each as its points."""
    lines = drawing.split(";") if drawing else []
    return tuple(
        tuple((int(x), int(y)) for x, y in (point.split(",") for point in line.split(" "))) for line in lines
    )


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
