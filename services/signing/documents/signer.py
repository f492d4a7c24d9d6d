"""The signer: screens uploads, holds the keys, makes signatures.

Everything here is slow and uses no database. Screening runs in a child process and signing in a native thread. Only a
few run at a time, because each may take hundreds of megabytes or a whole core for a moment.
"""

from __future__ import annotations

import datetime
import os
import secrets
import tempfile
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
from services.chassis.logs import log
from services.chassis.turns import turn
from services.contracts.errors import Refused
from services.signing.documents.rules import Strokes
from services.signing.pdf import codes, limited_verification, photographs, trial
from services.signing.pdf.certificates import Authority, Credential
from services.signing.pdf.outside_keys import KeyUnavailable, outside_keys

if TYPE_CHECKING:
    from services.signing.pdf.pages import CoverFacts
    from services.signing.pdf.signature import Proof
    from services.signing.pdf.validity import Verification

PASSPHRASE_FILE = "passphrase"  # noqa: S105 - the file's name
SCREENINGS_AT_ONCE = 2
SEAL_WAIT_S = 30.0
VERIFICATIONS_AT_ONCE = 1
PART_BYTES = 256 * 1024


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
        self._outside = outside_keys(settings, _roots(settings.signing_roots_file))
        self._code_key = codes.key_of(secret)
        self.scan_key = codes.scan_key_of(secret)

    def prepare(self) -> None:
        """Make the installation's keys if there are none, and try the key that it was given.

        Raises WrongPassphrase if the keys cannot be decrypted, KeyUnavailable if the given key cannot be used.
        """
        self._authority.timestamper()
        if self._outside is not None and self._outside.is_of_one:
            self._outside.signer_for("all")

    def _credential(self, key: str, name: str) -> Credential:
        """Who signs for an organisation. The root of a given key is remembered, so that its signatures stay valid."""
        if self._outside is None:
            return self._authority.signer_for(key, name)
        given = self._outside.signer_for(key)
        self._authority.keep_root((given.certificate, *given.chain)[-1])
        return given

    def _proof(self, signer: Credential) -> Proof | None:
        """What makes signatures B-LT; None where somebody else would have to be asked about certificates."""
        from services.signing.pdf.signature import Proof  # noqa: PLC0415 - as in `_sign`

        if self._outside is not None or self._timestamp_authority != "local":
            return None
        certificates = (signer.certificate, *signer.chain, self._authority.timestamper().certificate)
        return Proof(certificates, (self._authority.revocation_list(),))

    def take_in(
        self,
        organisation_id: str,
        sha256: str,
        size: int,
        wait_s: float,
        part: str = DOCUMENTS,
        signatures: int = 0,
    ) -> TakenIn:
        """Screen an uploaded document, and keep it in this part of the store. A JPEG or PNG becomes a PDF of one page.

        `signatures`: how often it will have to be signed electronically, which is tried on it.

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
            if signatures:
                path = self._blobs.find(organisation_id, sha256, *UPLOADED)  # it may have gone meanwhile
                trial.require_signable(path, signatures, self._max_bytes)
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
            return limited_verification.verified_in_child(
                path, self.roots, self._timestamp_roots, self._authority.revocation_list()
            )

    def seal(self, organisation_id: str, key: str, name: str, statement: str) -> Seal:
        """Sign a statement, verify the signature and keep both as one file. Raises Refused(service_unavailable)."""
        with turn(self._signatures, SEAL_WAIT_S):
            return Seal(str(self._in_thread(self._seal, organisation_id, key, name, statement)))

    def _seal(self, organisation_id: str, key: str, name: str, statement: str) -> str:
        from services.signing.pdf import detached, timestamps  # noqa: PLC0415 - as in `_sign`

        with _refusing(timestamps.TimestampUnavailable):
            made = detached.sign(
                statement.encode(),
                self._credential(key, name),
                timestamps.timestamper(self._timestamp_authority, self._authority),
            )
        file = detached.file_of(statement, made)
        checked = detached.verify(file, trust_roots=self.roots, timestamp_roots=self._timestamp_roots)
        if not checked.is_valid:
            raise SignatureDoesNotHoldError
        sha256, _ = self._blobs.put(organisation_id, [file], self._max_bytes + trial.GROWTH_BYTES)
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
        with _refusing(timestamps.TimestampUnavailable):
            signer = self._credential(key, name)
            signed = signature.certify(
                draw(facts),
                signer=signer,
                timestamper=timestamps.timestamper(self._timestamp_authority, self._authority),
                reason=f"Certificate of {kind}",
                proof=self._proof(signer),
            )
        sha256, _ = self._blobs.put_passing(organisation_id, [signed], len(signed))
        return str(sha256)

    def sign(self, order: Order) -> str:
        """Sign, verify and store a file. Returns the SHA-256 of the signed file.

        Raises Refused: document_… for a file that cannot be signed, service_unavailable without a timestamp.
        """
        return str(self._in_thread(self._sign, order))

    def _sign(self, order: Order) -> str:
        from services.signing.pdf import signature, timestamps, validity  # noqa: PLC0415 - takes 50 MB, which only signing needs

        with (
            self._blobs.opened(order.organisation_id, order.sha256) as pdf,
            tempfile.TemporaryFile() as signed,
        ):
            with _refusing(timestamps.TimestampUnavailable):
                signer = self._credential(order.organisation_key, order.organisation_name)
                signature.sign(
                    pdf,
                    signed,
                    signer=signer,
                    timestamper=timestamps.timestamper(self._timestamp_authority, self._authority),
                    signer_name=order.signer_name,
                    reason="",
                    meaning=order.meaning.capitalize(),
                    location="",
                    signed_at=order.signed_at,
                    field_name=order.field_name,
                    typed_name=order.typed_name,
                    strokes=order.strokes,
                    proof=self._proof(signer),
                )
            checked = validity.verify(signed, trust_roots=self.roots, timestamp_roots=self._timestamp_roots)
            _require_valid(checked, order.field_name)
            signed.seek(0)
            parts = iter(lambda: signed.read(PART_BYTES), b"")
            sha256, _ = self._blobs.put(order.organisation_id, parts, self._max_bytes + trial.GROWTH_BYTES)
        return sha256


@contextmanager
def _refusing(no_timestamp: type[Exception]) -> Iterator[None]:
    """Refuse what cannot be signed now and can be later. What is wrong with a key is for the operator, in the log."""
    try:
        yield
    except no_timestamp:
        raise Refused(
            "service_unavailable", "The timestamp authority gives no answer.", retry_after_s=10
        ) from None
    except KeyUnavailable as error:
        log.error("signing_key_unavailable", reason=str(error))
        raise Refused(
            "service_unavailable",
            "The key of the signatures cannot be used. Tell those who run Portico: the reason is in the log of signing.",
            retry_after_s=60,
        ) from None


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
