"""Verifying the signatures of a PDF with pyHanko. Nothing is fetched, and nothing but the given roots is trusted.

It is CPU bound: see `signature`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DocInfoRule,
    DSSCompareRule,
    FormUpdatingRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    XrefStreamRule,
)
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import find_cms_attribute_iter
from pyhanko.sign.validation import PdfSignatureStatus, SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

# What may follow a signature: further signature fields and their signatures, nothing else. pyHanko's default
# policy also allows other form fields to be filled in, which would change a signed document.
ONLY_SIGNATURES = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),
        DocInfoRule().as_qualified(ModificationLevel.LTA_UPDATES),
        XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
        ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
        DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ],
    form_rule=FormUpdatingRule(
        field_rules=[
            # As Acrobat has it: a certified document takes further signatures that are seen, if its author allows any.
            SigFieldCreationRule(allow_new_visible_after_certify=True),
            SigFieldModificationRule(allow_in_place_appearance_stream_changes=False),
        ]
    ),
)


@dataclass(frozen=True)
class SignatureCheck:
    """One signature of a document, in the order of signing.

    `is_intact`: the signed bytes are unchanged. `is_trusted`: certificate and timestamp lead to a trusted root.
    `is_modified_after`: something other than further signatures was added later. `signed_at`: the timestamp's time
    when there is a trusted one, else the time the signer claims.
    """

    field_name: str
    is_intact: bool
    is_trusted: bool
    is_timestamped: bool
    is_modified_after: bool
    covers_whole_file: bool
    signer_common_name: str | None
    signed_at: datetime | None


@dataclass(frozen=True)
class Verification:
    """The result of verifying a document. Fields about one signature describe the last one.

    `is_valid` needs at least one signature, all of them intact, trusted and timestamped, the last one covering the
    whole file, only signatures added in between, and no earlier signature removed. A document that cannot be read is
    not valid.
    """

    is_valid: bool = False
    is_intact: bool = False
    covers_whole_file: bool = False
    modified_after_signing: bool = False
    signer_common_name: str | None = None
    signed_at: datetime | None = None
    timestamped: bool = False
    is_readable: bool = True
    signatures: tuple[SignatureCheck, ...] = ()


def verify(
    pdf: bytes | BinaryIO,
    *,
    trust_roots: Iterable[x509.Certificate],
    timestamp_roots: Iterable[x509.Certificate] = (),
    revoked: x509.CertificateRevocationList | None = None,
) -> Verification:
    """Check every signature of a document against the given roots. Nothing else is trusted, nothing is fetched.

    `timestamp_roots` are additional roots for timestamps. Certificates are judged at the timestamp's time: what was signed before
    a certificate was `revoked` stays valid. The content of the document raises no error.
    """
    roots = [asn1_of(each) for each in trust_roots]
    roots_of_time = roots + [asn1_of(each) for each in timestamp_roots]
    try:
        reader = PdfFileReader(io.BytesIO(pdf) if isinstance(pdf, bytes) else pdf)
        checks = [_check(each, roots, roots_of_time, revoked) for each in reader.embedded_regular_signatures]
        is_complete = _signed_fields_ever(reader) <= {each.field_name for each in checks}
    except Exception:
        return Verification(is_readable=False)
    return _judged(checks, is_complete=is_complete)


def _judged(checks: list[SignatureCheck], *, is_complete: bool) -> Verification:
    if not checks:
        return Verification(modified_after_signing=not is_complete)
    last = checks[-1]
    modified = not is_complete or not last.covers_whole_file or any(each.is_modified_after for each in checks)
    sound = all(each.is_intact and each.is_trusted and each.is_timestamped for each in checks)
    return Verification(
        is_valid=sound and not modified,
        is_intact=all(each.is_intact for each in checks),
        covers_whole_file=last.covers_whole_file,
        modified_after_signing=modified,
        signer_common_name=last.signer_common_name,
        signed_at=last.signed_at,
        timestamped=last.is_timestamped,
        signatures=tuple(checks),
    )


def _signed_fields_ever(reader: PdfFileReader) -> set[str]:
    """Names of the fields signed in any revision. A later revision can drop an earlier signature from the form."""
    revisions = (reader.get_historical_resolver(each) for each in range(reader.xrefs.total_revisions))
    return {
        name for revision in revisions for name, _, _ in enumerate_sig_fields(revision, filled_status=True)
    }


def _check(
    embedded: EmbeddedPdfSignature,
    roots: list[asn1_x509.Certificate],
    roots_of_time: list[asn1_x509.Certificate],
    revoked: x509.CertificateRevocationList | None = None,
) -> SignatureCheck:
    claimed = SignatureCheck(embedded.field_name, False, False, False, True, False, None, None)
    try:
        status = _status(embedded, roots, roots_of_time)
    except Exception:
        return claimed
    proven = proven_time(status, revoked)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return replace(
        claimed,
        is_intact=status.intact and status.valid,
        is_trusted=status.bottom_line and not was_revoked(status.signing_cert, proven, revoked),
        is_timestamped=proven is not None,
        is_modified_after=not whole and not _only_signatures_added(status),
        covers_whole_file=whole,
        signer_common_name=status.signing_cert.subject.native.get("common_name"),
        signed_at=proven or status.signer_reported_dt,
    )


def _status(
    embedded: EmbeddedPdfSignature,
    roots: list[asn1_x509.Certificate],
    roots_of_time: list[asn1_x509.Certificate],
) -> PdfSignatureStatus:
    # The token's time only serves to judge the signer's certificate. pyHanko validates the token itself: a forged
    # one fails the whole check.
    times = times_of(embedded.signer_info)
    return validate_pdf_signature(
        embedded,
        signer_validation_context=_context(roots, times[0] if len(times) == 1 else datetime.now(UTC)),
        ts_validation_context=_context(roots_of_time, datetime.now(UTC)),
        diff_policy=ONLY_SIGNATURES,
    )


def times_of(signer_info: Any) -> list[datetime]:
    """The times that the tokens of a signature state, before anybody has validated them."""
    return [
        token["content"]["encap_content_info"]["content"].parsed["gen_time"].native
        for token in find_cms_attribute_iter(signer_info["unsigned_attrs"], "signature_time_stamp_token")
    ]


def context_of(roots: Iterable[x509.Certificate], moment: datetime) -> ValidationContext:
    """What a certificate has to lead to, and when it has to be valid."""
    return _context([asn1_of(each) for each in roots], moment)


def proven_time(status: Any, revoked: x509.CertificateRevocationList | None) -> datetime | None:
    """When a signature was made, by a token that holds. With a revoked key a token could have been made at any time."""
    time = status.timestamp_validity
    holds = time is not None and time.valid and time.intact and time.trusted
    return time.timestamp if holds and not was_revoked(time.signing_cert, None, revoked) else None


def was_revoked(
    certificate: Any, at: datetime | None, revoked: x509.CertificateRevocationList | None
) -> bool:
    """Whether a certificate was revoked at this moment; without a moment, whether it ever was."""
    if revoked is None:
        return False
    entry = revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return entry is not None and (at is None or entry.revocation_date_utc <= at)


def _only_signatures_added(status: PdfSignatureStatus) -> bool:
    level = status.modification_level
    return level is not None and level <= ModificationLevel.FORM_FILLING and bool(status.docmdp_ok)


def _context(roots: list[asn1_x509.Certificate], moment: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=roots,
        moment=moment,
        best_signature_time=moment,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


def asn1_of(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """A certificate as pyHanko takes it."""
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
