"""The signer: screens uploads, holds the keys, makes signatures.

Everything here is slow and uses no database. Screening runs in a child process and signing in a native thread. Only a
few run at a time, because each may take hundreds of megabytes or a whole core for a moment.
"""

from __future__ import annotations

import datetime
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from eventlet import tpool

from services.chassis import pdf_screening, pictures
from services.chassis.blobs import DOCUMENTS, PASSING, UPLOADED, BlobStore
from services.chassis.turns import turn
from services.contracts.errors import Refused
from services.signing.documents.rules import Strokes
from services.signing.pdf import codes, limited_verification, photographs
from services.signing.pdf.certificates import Authority

if TYPE_CHECKING:
    from services.signing.pdf.pages import CoverFacts
    from services.signing.pdf.signature import Verification

PASSPHRASE_FILE = "passphrase"  # noqa: S105 - the file's name
SCREENINGS_AT_ONCE = 2
SEAL_WAIT_S = 30.0
VERIFICATIONS_AT_ONCE = 1
GROWTH_BYTES = 4 * 1024 * 1024  # what a signature and its page may add to the largest document


@dataclass(frozen=True)
class Order:
    """The file to sign, the organisation it is signed for, and the words on the stamp. `signed_at` has a time zone."""

    organisation_id: str
    organisation_key: str
    organisation_name: str
    field_name: str
    sha256: str
    signer_name: str
    meaning: str
    signed_at: datetime.datetime
    typed_name: str = ""
    strokes: Strokes = ()


@dataclass(frozen=True)
class TakenIn:
    """A PDF that was screened and is kept."""

    sha256: str
    pages: int
    bytes: int


@dataclass(frozen=True)
class Seal:
    """The file of a statement with its detached signature."""

    sha256: str


class SignatureDoesNotHoldError(Exception):
    """A new signature does not verify. The cause is a bug here, or the timestamp authority's certificate."""


class Signer:
    """One per process. `in_thread(work, *arguments)` runs work outside the event loop."""

    def __init__(
        self, settings: Any, blobs: BlobStore, in_thread: Callable[..., Any] = tpool.execute
    ) -> None:
        self._blobs = blobs
        self._in_thread = in_thread
        self._timestamp_authority: str = settings.timestamp_authority
        self._timestamp_roots = _roots(settings.timestamp_roots_file)
        self._max_bytes: int = settings.max_document_bytes
        self._limits = pdf_screening.Limits(
            max_bytes=settings.max_document_bytes, max_pages=settings.max_document_pages
        )
        self._screenings = threading.BoundedSemaphore(SCREENINGS_AT_ONCE)
        self._verifications = threading.BoundedSemaphore(VERIFICATIONS_AT_ONCE)
        self._signatures = threading.BoundedSemaphore(settings.signing_workers)
        keys = Path(settings.signing_keys_dir)
        secret = passphrase(keys, settings.signing_key_passphrase_file)
        self._authority = Authority(keys, secret)
        self._code_key = codes.key_of(secret)
        self.scan_key = codes.scan_key_of(secret)

    def prepare(self) -> None:
        """Make the installation's keys if there are none. Raises WrongPassphrase if the keys cannot be decrypted."""
        self._authority.timestamper()

    def take_in(
        self, organisation_id: str, sha256: str, size: int, wait_s: float, part: str = DOCUMENTS
    ) -> TakenIn:
        """Screen an uploaded document, and keep it in this part of the store. A JPEG or PNG becomes a PDF of one page.

        Raises Refused: not_found when it is not, or no longer, uploaded, document_… when it fails the screening,
        service_unavailable when too many are waiting.
        """
        path = self._blobs.find(organisation_id, sha256, *UPLOADED)
        with turn(self._screenings, wait_s):
            if pictures.is_picture(path):
                drawn = photographs.as_pdf(path, most_bytes=self._limits.max_bytes)
                screened = pdf_screening.screen(drawn, limits=self._limits, field="document")
                self._in_thread(
                    self._blobs.put_passing, organisation_id, [drawn], self._limits.max_bytes, part
                )
                return TakenIn(screened.sha256, screened.pages, screened.bytes)
            screened = pdf_screening.screen(path, limits=self._limits, field="document")
        if (screened.sha256, screened.bytes) != (sha256, size):
            raise Refused("document_unreadable", "The stored document is not the one uploaded.", "document")
        self._in_thread(self._blobs.keep, organisation_id, sha256, part)
        return TakenIn(sha256, screened.pages, screened.bytes)

    def is_held(self, organisation_id: str, sha256: str) -> bool:
        """Whether a document that was taken in among the passing files has not gone yet."""
        return self._blobs.holds(organisation_id, sha256, PASSING)

    def keep_passing(self, organisation_id: str, sha256: str) -> None:
        """Keep a document that was taken in among the passing files. Raises Refused(not_found)."""
        self._in_thread(self._blobs.keep, organisation_id, sha256, DOCUMENTS, (PASSING,))

    def codes_on(self, organisation_id: str, held: TakenIn, wait_s: float) -> list[str]:
        """The texts of the QR codes on the first pages of a scan among the passing files. Raises as `take_in`."""
        path = self._blobs.find(organisation_id, held.sha256, PASSING)
        with turn(self._screenings, wait_s):
            return codes.read(path)

    def cover_sheet(self, organisation_id: str, document_id: str, facts: CoverFacts) -> str:
        """Draw a cover sheet as a passing file. Returns its SHA-256."""
        code = codes.code_of(self._code_key, organisation_id, document_id)
        return str(self._in_thread(self._cover_sheet, organisation_id, facts, code))

    def _cover_sheet(self, organisation_id: str, facts: CoverFacts, code: str) -> str:
        from services.signing.pdf import pages  # noqa: PLC0415 - as in `_sign`

        sheet = pages.cover_sheet(facts, code)
        sha256, _ = self._blobs.put_passing(organisation_id, [sheet], len(sheet))
        return sha256

    def document_of(self, organisation_id: str, texts: list[str]) -> str | None:
        """The id of the document whose cover sheet has one of these codes, if the code is one of this installation's."""
        return codes.document_of(self._code_key, organisation_id, texts)

    @contextmanager
    def turn_to_sign(self, wait_s: float) -> Iterator[None]:
        """Wait for one of the few signing slots. Raises Refused(service_unavailable) after `wait_s`."""
        with turn(self._signatures, wait_s):
            yield

    @property
    def roots(self) -> list[x509.Certificate]:
        """The root certificates to which all signatures of this installation lead, the present one first."""
        return self._authority.roots

    def verified(self, path: Path, wait_s: float) -> dict[str, Any] | None:
        """What an untrusted file says about its signatures; None: it cannot be read. Raises Refused(service_unavailable)."""
        with turn(self._verifications, wait_s):
            return limited_verification.verified_in_child(path, self.roots, self._timestamp_roots)

    def seal(self, organisation_id: str, key: str, name: str, statement: str) -> Seal:
        """Sign a statement, verify the signature and keep both as one file. Raises Refused(service_unavailable)."""
        with turn(self._signatures, SEAL_WAIT_S):
            return Seal(str(self._in_thread(self._seal, organisation_id, key, name, statement)))

    def _seal(self, organisation_id: str, key: str, name: str, statement: str) -> str:
        from services.signing.pdf import detached, timestamps  # noqa: PLC0415 - as in `_sign`

        try:
            made = detached.sign(
                statement.encode(),
                self._authority.signer_for(key, name),
                timestamps.timestamper(self._timestamp_authority, self._authority),
            )
        except timestamps.TimestampUnavailable:
            raise _no_timestamp() from None
        file = detached.file_of(statement, made)
        checked = detached.verify(file, trust_roots=self.roots, timestamp_roots=self._timestamp_roots)
        if not checked.is_valid:
            raise SignatureDoesNotHoldError
        sha256, _ = self._blobs.put(organisation_id, [file], self._max_bytes + GROWTH_BYTES)
        return sha256

    def certificate(
        self, organisation_id: str, key: str, name: str, kind: str, facts: Any, wait_s: float
    ) -> str:
        """Draw and sign a certificate as a passing file. Returns its SHA-256. Raises Refused(service_unavailable)."""
        with turn(self._signatures, wait_s):
            return str(self._in_thread(self._certificate, organisation_id, key, name, kind, facts))

    def _certificate(self, organisation_id: str, key: str, name: str, kind: str, facts: Any) -> str:
        from services.signing.pdf import pages, signature, timestamps  # noqa: PLC0415 - as in `_sign`

        draw = pages.certificate_of_completion if kind == "completion" else pages.certificate_of_transmission
        try:
            signed = signature.certify(
                draw(facts),
                signer=self._authority.signer_for(key, name),
                timestamper=timestamps.timestamper(self._timestamp_authority, self._authority),
                reason=f"Certificate of {kind}",
            )
        except timestamps.TimestampUnavailable:
            raise _no_timestamp() from None
        sha256, _ = self._blobs.put_passing(organisation_id, [signed], len(signed))
        return str(sha256)

    def sign(self, order: Order) -> str:
        """Sign, verify and store a file. Returns the SHA-256 of the signed file.

        Raises Refused: document_… for a file that cannot be signed, service_unavailable without a timestamp.
        """
        return str(self._in_thread(self._sign, order))

    def _sign(self, order: Order) -> str:
        from services.signing.pdf import signature, timestamps  # noqa: PLC0415 - takes 50 MB, which only signing needs

        field_name = order.field_name
        try:
            signed = signature.sign(
                self._blobs.read(order.organisation_id, order.sha256),
                signer=self._authority.signer_for(order.organisation_key, order.organisation_name),
                timestamper=timestamps.timestamper(self._timestamp_authority, self._authority),
                signer_name=order.signer_name,
                reason="",
                meaning=order.meaning.capitalize(),
                location="",
                signed_at=order.signed_at,
                field_name=field_name,
                typed_name=order.typed_name,
                strokes=order.strokes,
            )
        except timestamps.TimestampUnavailable:
            raise _no_timestamp() from None
        checked = signature.verify(signed, trust_roots=self.roots, timestamp_roots=self._timestamp_roots)
        _require_valid(checked, field_name)
        sha256, _ = self._blobs.put(order.organisation_id, [signed], self._max_bytes + GROWTH_BYTES)
        return sha256


def _no_timestamp() -> Refused:
    return Refused("service_unavailable", "The timestamp authority gives no answer.", retry_after_s=10)


def _require_valid(checked: Verification, field_name: str) -> None:
    """Require that the new signature is valid. Earlier ones may come from authorities that are not trusted here."""
    last = checked.signatures[-1] if checked.signatures else None
    if not (
        last is not None
        and last.field_name == field_name
        and last.is_intact
        and last.is_trusted
        and last.is_timestamped
        and last.covers_whole_file
    ):
        raise SignatureDoesNotHoldError


def passphrase(keys: Path, file: str | None) -> str:
    """The passphrase that encrypts the stored keys: from `file`, or from a file beside the keys, made at first use.

    Raises OSError when the file cannot be read, ValueError when it is empty.
    """
    path = Path(file) if file else keys / PASSPHRASE_FILE
    if file is None and not path.exists():
        _make_passphrase(path)
    text = path.read_text().strip()
    if not text:
        raise ValueError("the file with the passphrase of the signing keys is empty")
    return text


def _make_passphrase(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(ours, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link fails if another process was first. The passphrase of that process is kept.
        if not path.exists():
            _link(ours, path)
    finally:
        ours.unlink()


def _link(ours: Path, path: Path) -> None:
    try:
        path.hardlink_to(ours)
    except FileExistsError:
        return  # another process was first


def _roots(file: str | None) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(Path(file).read_bytes()) if file else []
