"""A signature on trial: whether it holds, whether the earlier ones still do, and for how many there is room.

Nobody sees what it makes. It reads files that nobody has signed yet, so it runs in the limited child (`trial_child`).
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader

from services.contracts.errors import Refused
from services.signing.pdf import signature, validity
from services.signing.pdf.certificates import Credential
from services.signing.pdf.placement import free_places
from services.signing.pdf.trial import DAMAGED

FIELD = "Portico-trial"
CLOSED = (
    "Another signature would break one that is already on the document. Ask for a copy that allows further signatures, "
    "or send it on paper."
)


def try_on(pdf: BinaryIO, signatures: int) -> None:
    """Sign the document with a key of the moment, and look whether that and the earlier signatures hold.

    Raises Refused document_certified, document_signatures_full or document_unreadable.
    """
    before = _sound(pdf)
    with tempfile.TemporaryFile() as into:
        _sign(pdf, into)
        after = _sound(into)
        room = 1 + len(free_places(PdfFileReader(into))) if FIELD in after else 0
    if before - after:
        raise Refused("document_certified", CLOSED)
    if FIELD not in after:
        raise Refused("document_unreadable", DAMAGED)
    if signatures > room:
        raise Refused(
            "document_signatures_full",
            f"The document has room for {room} signature{'s' if room > 1 else ''}, and has {signatures} signers.",
        )


def _sign(pdf: BinaryIO, into: BinaryIO) -> None:
    signature.sign(
        pdf,
        into,
        signer=_credential(),
        timestamper=None,
        signer_name="Trial",
        reason="",
        meaning="Approval",
        location="",
        signed_at=datetime.now(UTC),
        field_name=FIELD,
    )


def _sound(pdf: BinaryIO) -> set[str]:
    """The fields whose signatures hold, whoever made them."""
    checks = validity.verify(pdf, trust_roots=()).signatures
    return {each.field_name for each in checks if each.is_intact and not each.is_modified_after}


def _credential() -> Credential:
    # As small as it may be: nobody ever sees what it signs.
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Trial")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    return Credential(key, made.sign(key, hashes.SHA256()))
