"""What a recognised scan is called until somebody attaches it: a sealed reference, for one account and a few minutes.

The scan lies among the passing files meanwhile, and goes from there by itself.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken

from services.contracts.errors import Refused
from services.signing.documents.signer import TakenIn

ATTACHED_WITHIN = datetime.timedelta(minutes=14)  # passing files stay for 15


@dataclass(frozen=True)
class Scan:
    """A scan, whose cover sheet named this document, and the account that may attach it."""

    organisation_id: str
    account_id: str
    document_id: str
    file: TakenIn


def reference_of(key: bytes, scan: Scan, now: datetime.datetime) -> str:
    """The reference to a scan, as text for an address. Fernet: AES-CBC, and HMAC-SHA256 over everything with the time."""
    file = scan.file
    members = (scan.organisation_id, scan.account_id, scan.document_id, file.sha256, file.pages, file.bytes)
    return Fernet(key).encrypt_at_time(" ".join(map(str, members)).encode(), int(now.timestamp())).decode()


def scan_of(
    key: bytes, reference: str, organisation_id: str, account_id: str, now: datetime.datetime
) -> Scan:
    """The scan that this account was given the reference to. Raises Refused(not_found, scan_expired)."""
    fernet = Fernet(key)
    try:
        members = fernet.decrypt(reference.encode()).decode().split(" ")
        made_at = fernet.extract_timestamp(reference.encode())
    except InvalidToken:
        raise no_such_scan() from None
    owner, account, document_id, sha256, pages, size = members
    if (owner, account) != (organisation_id, account_id):
        raise no_such_scan()
    if now.timestamp() - made_at > ATTACHED_WITHIN.total_seconds():
        raise expired()
    return Scan(owner, account, document_id, TakenIn(sha256, int(pages), int(size)))


def no_such_scan() -> Refused:
    """Nobody was given this reference, or somebody else was."""
    return Refused(
        "not_found", "You have recognised no such scan: choose the file and recognise it again.", "scan"
    )


def expired() -> Refused:
    """The scan has gone."""
    return Refused(
        "scan_expired",
        "The scan was recognised more than 14 minutes ago and is not kept: choose the file and recognise it again.",
        "scan",
    )
