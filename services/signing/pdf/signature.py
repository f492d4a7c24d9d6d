"""Signing a PDF: PAdES baseline B-T or B-LT (ETSI EN 319 142-1) with pyHanko.

The first signature adds one signature page with room for all signers. Every signature is an incremental update, so
the bytes that were signed before stay as they are. A document that arrives already signed by somebody
else gets no page (that would break the earlier signature): the stamp goes into the bottom margin of its last page (`placement`).

Signing and verifying (`validity`) are CPU bound (about 0.1 s) and run their own asyncio loop. Call them in a plain thread, or with
`eventlet.tpool.execute` in a process that eventlet has patched. In a green thread they would block the event loop.
"""

from __future__ import annotations

import asyncio
import io
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

import pikepdf
from asn1crypto import crl as asn1_crl
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import AppearanceContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation import DocumentSecurityStore, read_certification_data
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.contracts.errors import Refused
from services.signing.pdf import pages
from services.signing.pdf.certificates import Credential
from services.signing.pdf.placement import Place, take_place
from services.signing.pdf.timestamps import TimestampUnavailable
from services.signing.pdf.trial import CERTIFIED, DAMAGED
from services.signing.pdf.validity import asn1_of

FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
CHUNK_BYTES = 256 * 1024
SIGNATURE_BYTES = 2048  # the signature itself and its attributes, with keys of up to 4096 bits
# What pyHanko raises on a malformed document: its own errors, and Python's where it does not check types.
MALFORMED = (
    *(PdfError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError),
    *(AssertionError, RuntimeError, zlib.error),
)


@dataclass(frozen=True)
class Proof:
    """What a verifier needs later, when nobody can be asked any more: all certificates, and who had revoked which of them."""

    certificates: tuple[x509.Certificate, ...]
    revocation_lists: tuple[x509.CertificateRevocationList, ...]


def sign(
    pdf: BinaryIO,
    into: BinaryIO,
    *,
    signer: Credential,
    timestamper: TimeStamper | None,
    signer_name: str,
    reason: str,
    meaning: str,
    location: str,
    signed_at: datetime,
    field_name: str,
    typed_name: str = "",
    strokes: pages.Strokes = (),
    proof: Proof | None = None,
) -> None:
    """Write the document with one more signature, as an incremental update, into an empty file.

    `signed_at` has a time zone. It is printed and stated as the claimed time; the timestamp proves the time.
    `meaning` is 21 CFR 11.50's (review, approval, responsibility, authorship); `reason` and `location` may be empty.
    `typed_name` and `strokes` are what the signer wrote or drew; it is placed in the stamp.
    `field_name` names this signature in the document: the same name twice is refused, so a repeated
    call cannot sign twice. With a `proof` it becomes B-LT: the document holds what verifying it takes.

    Raises Refused `document_already_signed`, `document_signatures_full`, `document_certified` or `document_unreadable`,
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
        _sign(pdf, into, stamp, metadata, rsa_signer, timestamper, proof)
    except MALFORMED:
        # Some programs write PDFs that viewers open and a strict parser refuses. Rewritten by qpdf they can be
        # signed and verified. Only a document without signatures may be rewritten.
        normalised = _normalised(pdf)
    else:
        return
    into.seek(0)
    into.truncate()
    try:
        _sign(normalised, into, stamp, metadata, rsa_signer, timestamper, proof)
    except MALFORMED:
        raise Refused("document_unreadable", DAMAGED) from None


def certify(
    pdf: bytes, *, signer: Credential, timestamper: TimeStamper, reason: str, proof: Proof | None = None
) -> bytes:
    """A page of our own with a signature that is not seen on it. Raises TimestampUnavailable."""
    metadata = PdfSignatureMetadata(
        field_name="Certificate", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason
    )
    pdf_signer = PdfSigner(metadata, signer=RsaSigner(signer), timestamper=timestamper)
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    if proof is not None:
        _add_proof(writer, proof)
    try:
        output: io.BytesIO = pdf_signer.sign_pdf(writer, bytes_reserved=_room(pdf_signer.signer, timestamper))
    except TimestampRequestError:
        raise TimestampUnavailable("the timestamp authority refused or gave a wrong answer") from None
    return output.getvalue()


class RsaSigner(Signer):
    """Signs with a key that is already loaded. pyHanko's `SimpleSigner` would parse and check the key each time."""

    def __init__(self, credential: Credential) -> None:
        store = SimpleCertificateStore()
        store.register_multiple(asn1_of(each) for each in credential.chain)
        self._key = credential.key
        super().__init__(signing_cert=asn1_of(credential.certificate), cert_registry=store)

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


class _Drawn:
    """A style of pyHanko's: the stamp is a one-page PDF, turned as its place is."""

    def __init__(self, drawn: bytes, place: Place) -> None:
        self.drawn, self.place = drawn, place

    def create_stamp(
        self, writer: BasePdfFileWriter, box: BoxConstraints, text_params: dict[str, Any]
    ) -> AppearanceContent:
        """The stamp as the appearance of a signature's field."""
        del text_params
        return _DrawnStamp(writer, box, self)


class _DrawnStamp(AppearanceContent):
    def __init__(self, writer: BasePdfFileWriter, box: BoxConstraints, style: _Drawn) -> None:
        super().__init__(writer, box)
        self._style = style

    def register(self) -> generic.IndirectObject:
        """The page of the drawn stamp as a form in the document."""
        form: generic.IndirectObject = self._ensure_writer.import_page_as_xobject(
            PdfFileReader(io.BytesIO(self._style.drawn))
        )
        form.get_object()[generic.pdf_name("/Matrix")] = generic.ArrayObject(
            generic.NumberObject(each) for each in (*self._style.place.matrix, 0, 0)
        )
        return form


def _sign(
    pdf: BinaryIO,
    into: BinaryIO,
    stamp: pages.Stamp,
    metadata: PdfSignatureMetadata,
    signer: RsaSigner,
    timestamper: TimeStamper | None,
    proof: Proof | None,
) -> None:
    writer = IncrementalPdfFileWriter(pdf)
    taken = [each.field_name for each in writer.prev.embedded_signatures]
    if metadata.field_name in taken:
        raise Refused("document_already_signed", "This signature is already on the document.")
    certified = read_certification_data(writer.prev)
    if certified is not None and certified.permission == MDPPerm.NO_CHANGES:
        raise Refused("document_certified", CERTIFIED)
    place = take_place(writer, is_signed=bool(taken))
    if proof is not None:
        _add_proof(writer, proof)
    pdf_signer = _TimedSigner(
        metadata,
        signer=signer,
        timestamper=timestamper,
        stamp_style=_Drawn(pages.signature_stamp(stamp, *place.size), place),  # type: ignore[arg-type]  # it has create_stamp
        new_field_spec=SigFieldSpec(str(metadata.field_name), on_page=place.page, box=_whole(place.box)),
    )
    pdf_signer.signed_at = stamp.signed_at
    try:
        room = _room(signer, timestamper)
        pdf_signer.sign_pdf(writer, output=into, chunk_size=CHUNK_BYTES, bytes_reserved=room)
    except TimestampRequestError:
        raise TimestampUnavailable("the timestamp authority refused or gave a wrong answer") from None


def _room(signer: Signer, timestamper: TimeStamper | None) -> int:
    """Characters to keep free for the signature in hexadecimal, half of them to spare, as a timestamp may be longer the next time.

    pyHanko would sign a second time to learn this.
    """
    length = SIGNATURE_BYTES + sum(len(each.dump()) for each in (signer.signing_cert, *signer.cert_registry))
    if timestamper is not None:
        length += len(asyncio.run(timestamper.async_dummy_response("sha256")).dump())
    return 2 * (length + length // 2)


def _add_proof(writer: IncrementalPdfFileWriter, proof: Proof) -> None:
    """Certificates and revocation lists in the document, within the revision that is signed (ETSI EN 319 142-1, 5.4.2)."""
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[asn1_of(each) for each in proof.certificates],
        crls=[
            asn1_crl.CertificateList.load(each.public_bytes(Encoding.DER)) for each in proof.revocation_lists
        ],
    )


def _whole(box: pages.Box) -> tuple[int, int, int, int]:
    left, bottom, right, top = (round(each) for each in box)
    return left, bottom, right, top


def _normalised(pdf: BinaryIO) -> BinaryIO:
    """The document written anew by qpdf: its pages in one list, its form without entries that are no fields."""
    output = io.BytesIO()
    pdf.seek(0)
    try:
        with pikepdf.open(pdf) as document:
            if any(_is_signature(each) for each in document.objects):
                raise Refused("document_unreadable", DAMAGED)
            document.add_blank_page()
            del document.pages[-1]  # qpdf has put the tree of pages in order meanwhile
            _mend_form(document)
            document.save(output)
    except (pikepdf.PdfError, *MALFORMED):
        raise Refused("document_unreadable", DAMAGED) from None
    return output


def _is_signature(each: Any) -> bool:
    return isinstance(each, pikepdf.Dictionary) and ("/ByteRange" in each or each.get("/Type") == "/Sig")


def _mend_form(document: pikepdf.Pdf) -> None:
    form = document.Root.get("/AcroForm")
    if form is None:
        return
    fields = form.get("/Fields") if isinstance(form, pikepdf.Dictionary) else None
    if not isinstance(fields, pikepdf.Array):
        del document.Root["/AcroForm"]
        return
    whole = [each for each in fields if isinstance(each, pikepdf.Dictionary)]
    form["/Fields"] = pikepdf.Array(
        each if each.is_indirect else document.make_indirect(each) for each in whole
    )
