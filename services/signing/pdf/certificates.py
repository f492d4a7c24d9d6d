"""The local certificate authority of an installation and the certificates it issues.

One authority signs one certificate per organisation and one for the local timestamp authority. Keys are RSA 3072
(128-bit class strength, NIST SP 800-57) rather than ECDSA: every PDF reader in the field, NSS-based ones such as
poppler's pdfsig 22.12 included, verifies RSA signatures and RSA timestamps.

Each credential is one PEM file: the PKCS#8 key, encrypted with the passphrase, then the certificate. Both are in one
file so that they match after a crash, too. `roots.pem` has the certificate of every root that there ever was, without its key:
what was signed under an earlier one stays valid.

A key is rotated by moving its file away: each process looks before it signs, and one of them makes the next key. Moved to the
folder `revoked` its certificate counts no longer for what is signed from then on.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeGuard

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

KEY_BITS = 3072
AUTHORITY_LIFETIME = timedelta(days=365 * 20)
TIMESTAMPER_LIFETIME = timedelta(days=365 * 10)
ORGANISATION_LIFETIME = timedelta(days=365 * 3)
RENEW_BEFORE_END = timedelta(days=30)
# Certificates start a little in the past, so that a timestamp from a machine whose clock is behind lies within.
CLOCK_TOLERANCE = timedelta(minutes=5)
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336, id-kp-documentSigning
ORGANISATION_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NAME_LIMIT = 64  # ub-common-name and ub-organization-name of RFC 5280, appendix A

ROOTS_FILE = "roots.pem"
REVOKED_FILE, REVOKED_FOLDER = "revoked.crl", "revoked"
REVOKED_LIFETIME = timedelta(days=30)

_Profile = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


class WrongPassphrase(Exception):
    """The stored keys cannot be decrypted with the configured passphrase."""


class WrongKind(Exception):
    """A stored key is not of the kind that this authority creates: the file was replaced."""


@dataclass(frozen=True)
class Credential:
    """A private key with its certificate and the certificates above it, nearest first. `repr` leaves the key out."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


class Authority:
    """The installation's certificate authority, kept in a folder.

    Credentials are created on first use, renewed 30 days before they end, and anew when their file was moved away.
    Creation holds a lock file, so two
    processes that start at once get the same authority. Creating a key takes up to a second of CPU: call it from a
    thread pool and not from an event loop.
    """

    def __init__(self, folder: Path, passphrase: str) -> None:
        if not passphrase:
            raise ValueError("the certificate authority needs a passphrase")
        self._folder = folder
        self._passphrase = passphrase.encode()
        self._known: dict[str, tuple[int, Credential]] = {}
        self._revoked: x509.CertificateRevocationList | None = None

    @property
    def certificate(self) -> x509.Certificate:
        """The self-signed root that new signatures lead to."""
        return self._root().certificate

    @property
    def roots(self) -> list[x509.Certificate]:
        """Every root that a verifier has to trust, the present one first."""
        present = self.certificate
        return [present, *(each for each in self._kept_roots() if each != present)]

    def certificate_pem(self) -> bytes:
        """The root certificates as PEM, the present one first, for people who verify documents in their own reader."""
        return _pem(self.roots)

    def signer_for(self, organisation_key: str, organisation_name: str) -> Credential:
        """The signing credential of an organisation.

        A changed organisation name takes effect with the next renewal. Raises ValueError for a key that is not
        `[a-z0-9][a-z0-9_-]*` of at most 63 characters (it becomes a file name).
        """
        if not ORGANISATION_KEY.fullmatch(organisation_key):
            raise ValueError("an organisation key is lower-case letters, digits, '-' and '_', at most 63")
        name = _name(organisation_name, organisation_name)
        return self._issued(f"organisation-{organisation_key}", name, ORGANISATION_LIFETIME, _signing_profile)

    def timestamper(self) -> Credential:
        """The credential of the local timestamp authority (RFC 3161)."""
        name = _name("Local timestamp authority", None)
        return self._issued("timestamper", name, TIMESTAMPER_LIFETIME, _timestamping_profile)

    def revocation_list(self) -> x509.CertificateRevocationList:
        """The certificates that no longer count (RFC 5280, section 5): those whose files lie in the folder `revoked`.

        It is made anew at half of its time, and when a file comes.
        """
        root, known = self._root(), self._revoked
        if known is None or not self._is_current(known, root):
            with self._locked():
                known = self._read_list()
                if known is None or not self._is_current(known, root):
                    known = self._list_revoked(root, known)
                    self._place(REVOKED_FILE, known.public_bytes(serialization.Encoding.PEM))
            self._revoked = known
        return known

    def _is_current(self, known: x509.CertificateRevocationList, root: Credential) -> bool:
        if known.issuer != root.certificate.subject or known.next_update_utc is None:
            return False
        is_young = known.next_update_utc - datetime.now(UTC) > REVOKED_LIFETIME / 2
        return is_young and all(
            known.get_revoked_certificate_by_serial_number(each) for each in self._revoked_numbers()
        )

    def _revoked_numbers(self) -> list[int]:
        files = sorted((self._folder / REVOKED_FOLDER).glob("*.pem"))
        return [x509.load_pem_x509_certificate(each.read_bytes()).serial_number for each in files]

    def _read_list(self) -> x509.CertificateRevocationList | None:
        try:
            return x509.load_pem_x509_crl((self._folder / REVOKED_FILE).read_bytes())
        except FileNotFoundError:
            return None

    def _list_revoked(
        self, root: Credential, before: x509.CertificateRevocationList | None
    ) -> x509.CertificateRevocationList:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(root.certificate.subject)
            .last_update(now - CLOCK_TOLERANCE)
            .next_update(now + REVOKED_LIFETIME)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
            )
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        )
        for number in self._revoked_numbers():
            listed = before.get_revoked_certificate_by_serial_number(number) if before else None
            entry = x509.RevokedCertificateBuilder().serial_number(number)
            entry = entry.revocation_date(listed.revocation_date_utc if listed else now)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(root.key, hashes.SHA256())

    def _root(self) -> Credential:
        before = self._known.get("authority")
        root = self._kept("authority", self._create_root)
        if before is None or before[1] is not root:
            self.keep_root(root.certificate)
        return root

    def _kept_roots(self) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates((self._folder / ROOTS_FILE).read_bytes())
        except FileNotFoundError:
            return []

    def keep_root(self, certificate: x509.Certificate) -> None:
        """Remember a root to which signatures lead, also when another one takes its place."""
        if certificate not in self._kept_roots():
            with self._locked():
                kept = self._kept_roots()
                if certificate not in kept:
                    self._place(ROOTS_FILE, _pem([certificate, *kept]))

    def _issued(self, label: str, name: x509.Name, lifetime: timedelta, profile: _Profile) -> Credential:
        # The root is fetched before the lock is taken: flock is not re-entrant across two open files.
        root = self._root()

        def create() -> Credential:
            key = _new_key()
            until = min(datetime.now(UTC) + lifetime, root.certificate.not_valid_after_utc)
            builder = _builder(name, root.certificate.subject, key, until).add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
            )
            return Credential(key, profile(builder).sign(root.key, hashes.SHA256()))

        own = self._kept(label, create, root.certificate.subject)
        return Credential(own.key, own.certificate, (root.certificate,))

    def _create_root(self) -> Credential:
        key = _new_key()
        # A random part in the name distinguishes the roots of two installations in a verifier's trust store.
        name = _name(f"Portico document authority {x509.random_serial_number() % 16**8:08x}", None)
        builder = _builder(name, name, key, datetime.now(UTC) + AUTHORITY_LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(authority=True), critical=True)
        return Credential(key, builder.sign(key, hashes.SHA256()))

    def _kept(
        self, label: str, create: Callable[[], Credential], issuer: x509.Name | None = None
    ) -> Credential:
        """The credential with this label from memory, from its file, or newly created.

        It never ends soon, its file is there, and it is of this issuer.
        """

        def is_good(credential: Credential | None) -> TypeGuard[Credential]:
            return (
                credential is not None
                and not _ends_soon(credential)
                and (issuer is None or credential.certificate.issuer == issuer)
            )

        written, known = self._known.get(label, (0, None))
        if self._written(label) != written:
            written, known = self._written(label), self._read(label)
        if not is_good(known):
            with self._locked():
                known = self._read(label)
                if not is_good(known):
                    known = create()
                    self._write(label, known)
                written = self._written(label)
        self._known[label] = written, known
        return known

    def _written(self, label: str) -> int:
        """When the file of a credential was written, in nanoseconds; 0: it is not there."""
        try:
            return (self._folder / f"{label}.pem").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _read(self, label: str) -> Credential | None:
        try:
            pem = (self._folder / f"{label}.pem").read_bytes()
        except FileNotFoundError:
            return None
        try:
            key = serialization.load_pem_private_key(pem, self._passphrase)
        except (ValueError, TypeError):
            raise WrongPassphrase(
                f"the key of {label} does not open with the configured passphrase"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise WrongKind(f"the key of {label} is not an RSA key")
        return Credential(key, x509.load_pem_x509_certificate(pem))

    def _write(self, label: str, credential: Credential) -> None:
        pem = credential.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(self._passphrase),
        ) + credential.certificate.public_bytes(serialization.Encoding.PEM)
        self._place(f"{label}.pem", pem)

    def _place(self, name: str, pem: bytes) -> None:
        # mkstemp creates 0600; the rename makes the file appear whole or not at all.
        handle, path = tempfile.mkstemp(dir=self._folder, prefix=f".{name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            Path(path).replace(self._folder / name)
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _ends_soon(credential: Credential) -> bool:
    return credential.certificate.not_valid_after_utc - datetime.now(UTC) < RENEW_BEFORE_END


def _name(common: str, organisation: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common[:NAME_LIMIT])]
    if organisation is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:NAME_LIMIT]))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - CLOCK_TOLERANCE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signing_profile(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    # emailProtection beside documentSigning: NSS-based readers check signers against the e-mail usage.
    usages = x509.ExtendedKeyUsage([DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(usages, critical=False)
    )


def _timestamping_profile(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    # RFC 3161, section 2.3: exactly this one extended usage, and critical.
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
