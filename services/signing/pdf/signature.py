"""Signing a PDF and verifying it: PAdES baseline B-T (ETSI EN 319 142-1) with pyHanko.

The first signature adds one signature page with room for all signers. Every signature is an incremental update, so
the bytes that were signed before stay as they are. A document that arrives already signed by somebody
else gets no page (that would break the earlier signature): the stamp goes into the bottom margin of its last page.

`sign` and `verify` are CPU bound (about 0.1 s) and run their own asyncio loop. Call them in a plain thread, or with
`eventlet.tpool.execute` in a process that eventlet has patched. In a green thread they would block the event loop.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pikepdf
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DocInfoRule,
    FormUpdatingRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    XrefStreamRule,
)
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.general import find_cms_attribute_iter
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation import PdfSignatureStatus, SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.contracts.errors import Refused
from services.signing.pdf import pages
from services.signing.pdf.certificates import Credential
from services.signing.pdf.timestamps import TimestampUnavailable

PAGE_MARK = "/PorticoSignaturePage"
FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
LETTER = (612.0, 792.0)
SMALLEST_SIGNATURE_PAGE = (400.0, 500.0)
MARGIN_STAMPS = 3
MARGIN_STAMP_HEIGHT = 46.0
DAMAGED = "The document cannot be signed: its structure is damaged."
# What pyHanko raises on a malformed document: its own errors, and Python's where it does not check types.
MALFORMED = (PdfError, KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError)

# What may follow a signature: further signature fields and their signatures, nothing else. pyHanko's default
# policy also allows other form fields to be filled in, which would change a signed document.
ONLY_SIGNATURES = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),
        DocInfoRule().as_qualified(ModificationLevel.LTA_UPDATES),
        XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
        ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ],
    form_rule=FormUpdatingRule(
        field_rules=[
            SigFieldCreationRule(),
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


def sign(
    pdf: bytes,
    *,
    signer: Credential,
    timestamper: TimeStamper,
    signer_name: str,
    reason: str,
    meaning: str,
    location: str,
    signed_at: datetime,
    field_name: str,
    typed_name: str = "",
    strokes: pages.Strokes = (),
) -> bytes:
    """The document with one more signature, as an incremental update.

    `signed_at` has a time zone. It is printed and stated as the claimed time; the timestamp proves the time.
    `meaning` is 21 CFR 11.50's (review, approval, responsibility, authorship); `reason` and `location` may be empty.
    `typed_name` and `strokes` are what the signer wrote or drew; it is placed in the stamp.
    `field_name` names this signature in the document: the same name twice is refused, so a repeated
    call cannot sign twice.

    Raises Refused `document_already_signed`, `document_signatures_full` or `document_unreadable`,
    TimestampUnavailable, and ValueError for invalid arguments.
    """
    if signed_at.utcoffset() is None:
        raise ValueError("signed_at needs a time zone")
    if not FIELD_NAME.fullmatch(field_name):
        raise ValueError("a field name is letters, digits, '-' and '_', at most 64")
    stamp = pages.Stamp(signer_name, signed_at, meaning, reason, location, typed_name, strokes)
    metadata = PdfSignatureMetadata(
        field_name=field_name,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        name=signer_name,
        reason=f"{meaning}: {reason}" if reason else meaning,
        location=location or None,
    )
    rsa_signer = RsaSigner(signer)
    try:
        return _signed(pdf, stamp, metadata, rsa_signer, timestamper)
    except MALFORMED:
        # Some programs write PDFs that viewers open and a strict parser refuses. Rewritten by qpdf they can be
        # signed and verified. Only a document without signatures may be rewritten.
        normalised = _normalised(pdf)
    try:
        return _signed(normalised, stamp, metadata, rsa_signer, timestamper)
    except MALFORMED:
        raise Refused("document_unreadable", DAMAGED) from None


def certify(pdf: bytes, *, signer: Credential, timestamper: TimeStamper, reason: str) -> bytes:
    """A page of our own with a signature that is not seen on it. Raises TimestampUnavailable."""
    metadata = PdfSignatureMetadata(
        field_name="Certificate", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason
    )
    pdf_signer = PdfSigner(metadata, signer=RsaSigner(signer), timestamper=timestamper)
    try:
        output: io.BytesIO = pdf_signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    except TimestampRequestError:
        raise TimestampUnavailable("the timestamp authority refused or gave a wrong answer") from None
    return output.getvalue()


def verify(
    pdf: bytes,
    *,
    trust_roots: Iterable[x509.Certificate],
    timestamp_roots: Iterable[x509.Certificate] = (),
) -> Verification:
    """Check every signature of a document against the given roots. Nothing else is trusted, nothing is fetched.

    `timestamp_roots` are additional roots for timestamps. Certificates are judged at the timestamp's time.
    The content of the document raises no error.
    """
    roots = [_asn1(each) for each in trust_roots]
    roots_of_time = roots + [_asn1(each) for each in timestamp_roots]
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        checks = [_check(each, roots, roots_of_time) for each in reader.embedded_regular_signatures]
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
) -> SignatureCheck:
    claimed = SignatureCheck(embedded.field_name, False, False, False, True, False, None, None)
    try:
        status = _status(embedded, roots, roots_of_time)
    except Exception:
        return claimed
    time = status.timestamp_validity
    proven = time.timestamp if time is not None and time.valid and time.intact and time.trusted else None
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return replace(
        claimed,
        is_intact=status.intact and status.valid,
        is_trusted=status.bottom_line,
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
    return _context([_asn1(each) for each in roots], moment)


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


class RsaSigner(Signer):
    """Signs with a key that is already loaded. pyHanko's `SimpleSigner` would parse and check the key each time."""

    def __init__(self, credential: Credential) -> None:
        store = SimpleCertificateStore()
        store.register_multiple(_asn1(each) for each in credential.chain)
        self._key = credential.key
        super().__init__(signing_cert=_asn1(credential.certificate), cert_registry=store)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """PKCS #1 v1.5 over SHA-256: every reader verifies it. A dry run measures the length, which is always the same."""
        del dry_run
        if digest_algorithm.lower() != "sha256":
            raise ValueError("signatures are made with SHA-256")
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class _TimedSigner(PdfSigner):
    """Uses the caller's time as the claimed signing time, so that it equals the printed one."""

    signed_at: datetime

    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self.signed_at
        return session


class _DrawnStamp(PdfContent):
    """A one-page PDF as the appearance of a signature."""

    def __init__(self, drawn: bytes) -> None:
        super().__init__()
        self._drawn = drawn

    def render(self) -> bytes:
        form = self._ensure_writer.import_page_as_xobject(PdfFileReader(io.BytesIO(self._drawn)))
        self.resources.xobject["/Stamp"] = form
        left, bottom, right, top = (float(each) for each in form.get_object()["/BBox"])
        self.box = BoxConstraints(width=right - left, height=top - bottom)
        return b"/Stamp Do"


def _signed(
    pdf: bytes,
    stamp: pages.Stamp,
    metadata: PdfSignatureMetadata,
    signer: RsaSigner,
    timestamper: TimeStamper,
) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    taken = [each.field_name for each in writer.prev.embedded_signatures]
    if metadata.field_name in taken:
        raise Refused("document_already_signed", "This signature is already on the document.")
    on_page, box = _place(writer, is_signed=bool(taken))
    style = StaticStampStyle(
        background=_DrawnStamp(pages.signature_stamp(stamp, box[2] - box[0], box[3] - box[1])),
        background_layout=SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, Margins()),
        background_opacity=1.0,
        border_width=0,
    )
    pdf_signer = _TimedSigner(
        metadata,
        signer=signer,
        timestamper=timestamper,
        stamp_style=style,
        new_field_spec=SigFieldSpec(str(metadata.field_name), on_page=on_page, box=_whole(box)),
    )
    pdf_signer.signed_at = stamp.signed_at
    try:
        output: io.BytesIO = pdf_signer.sign_pdf(writer)
    except TimestampRequestError:
        raise TimestampUnavailable("the timestamp authority refused or gave a wrong answer") from None
    return output.getvalue()


def _place(writer: IncrementalPdfFileWriter, *, is_signed: bool) -> tuple[int, pages.Box]:
    """Page index and box for the next stamp; adds the signature page if it is missing and the document is unsigned."""
    count = int(writer.root["/Pages"]["/Count"])
    last = _page(writer, count - 1)
    used = sum(1 for each in last.get("/Annots", ()) if _is_signature(each.get_object()))
    if last.get(PAGE_MARK):
        if used >= pages.SLOTS:
            raise Refused("document_signatures_full", f"A document has room for {pages.SLOTS} signatures.")
        _, _, width, height = _media_box(last)
        return count - 1, pages.slot(used, width, height)
    if is_signed:
        if used >= MARGIN_STAMPS:
            raise Refused(
                "document_signatures_full", "The last page of the signed document has no room left."
            )
        return count - 1, _margin_box(_media_box(last), used)
    width, height = _signature_page_size(_media_box(last))
    _add_signature_page(writer, width, height)
    return count, pages.slot(0, width, height)


def _add_signature_page(writer: IncrementalPdfFileWriter, width: float, height: float) -> None:
    drawn = _page(PdfFileReader(io.BytesIO(pages.signature_page(width, height))), 0)
    page = generic.DictionaryObject()
    for name in drawn:
        if name != "/Parent":
            page[name] = writer.import_object(drawn.raw_get(name))
    page[generic.pdf_name(PAGE_MARK)] = generic.BooleanObject(True)
    # Set explicitly: otherwise the page would inherit both from the document's page tree.
    page[generic.pdf_name("/Rotate")] = generic.NumberObject(0)
    page[generic.pdf_name("/CropBox")] = generic.ArrayObject(
        generic.FloatObject(each) for each in (0, 0, width, height)
    )
    writer.insert_page(page)


def _whole(box: pages.Box) -> tuple[int, int, int, int]:
    left, bottom, right, top = (round(each) for each in box)
    return left, bottom, right, top


def _page(document: PdfHandler, index: int) -> generic.DictionaryObject:
    reference, _ = document.find_page_for_modification(index)
    page = reference.get_object()
    if not isinstance(page, generic.DictionaryObject):
        raise PdfError("a page is not a dictionary")
    return page


def _is_signature(annotation: generic.PdfObject) -> bool:
    return isinstance(annotation, generic.DictionaryObject) and annotation.get("/FT") == "/Sig"


def _media_box(page: generic.DictionaryObject) -> pages.Box:
    """The page's media box, its own or inherited. US Letter if there is none or it is too small."""
    node: Any = page
    while node is not None and "/MediaBox" not in node:
        node = node.get("/Parent")
    if node is None:
        return (0.0, 0.0, *LETTER)
    left, bottom, right, top = (float(each) for each in node["/MediaBox"])
    box = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    return box if box[2] - box[0] > 72 and box[3] - box[1] > 72 else (0.0, 0.0, *LETTER)


def _signature_page_size(box: pages.Box) -> tuple[float, float]:
    width, height = box[2] - box[0], box[3] - box[1]
    fits = SMALLEST_SIGNATURE_PAGE[0] <= width <= 1000 and SMALLEST_SIGNATURE_PAGE[1] <= height <= 1400
    return (width, height) if fits else LETTER


def _margin_box(page: pages.Box, used: int) -> pages.Box:
    across = (page[2] - page[0] - 2 * 24 - (MARGIN_STAMPS - 1) * 6) / MARGIN_STAMPS
    left = page[0] + 24 + used * (across + 6)
    return (left, page[1] + 8, left + across, page[1] + 8 + MARGIN_STAMP_HEIGHT)


def _normalised(pdf: bytes) -> bytes:
    output = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            if any(
                each.get("/Type") == "/Sig"
                for each in document.objects
                if isinstance(each, pikepdf.Dictionary)
            ):
                raise Refused("document_unreadable", DAMAGED)
            document.save(output)
    except pikepdf.PdfError:
        raise Refused("document_unreadable", DAMAGED) from None
    return output.getvalue()


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
