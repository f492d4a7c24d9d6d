"""The rules of documents: who may receive and sign them, their states, their file names. Pure."""

from __future__ import annotations

import datetime
import re

from services.contracts.errors import Refused

FEATURE = "electronic_signature"
SIGNING_REALMS = frozenset({"provider", "staff"})
UNSIGNED_REPORT = (
    "sent",
    "signed",
    "declined",
)  # all that staff or a recipient still have to deal with (S4-20, S4-21)
LEASE = datetime.timedelta(seconds=30)
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


def possible_actions(state: str, *, may_decide: bool, may_return: bool) -> list[str]:
    """What may be done with a document in this state: by its recipient, and by staff who send documents."""
    if state == "sent" and may_decide:
        return ["sign", "decline"]
    return ["return"] if state == "signed" and may_return else []


def require_undecided(state: str) -> None:
    """Raises Refused(already_decided) unless the recipient still has to decide."""
    if state != "sent":
        raise Refused("already_decided", f"The document stands at: {STANDING[state]}.", state=state)


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
