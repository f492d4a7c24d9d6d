"""Signing keys that an organisation brings: from a PKCS#12 file (RFC 7292), or in a token that never gives them away (PKCS#11).

`{organisation}` in a file's name or a key's label stands for the key of the organisation. A replaced file, and a certificate in the
token that ends later, are used from the next signature on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from eventlet import patcher

from services.signing.pdf.certificates import ORGANISATION_KEY, Credential

ORGANISATION = "{organisation}"
LOOKED_AGAIN_AFTER_S = 60.0
# Signatures are made in native threads, so what they share needs a native lock.
_new_lock: Callable[[], Any] = patcher.original("threading").Lock


class KeyUnavailable(Exception):
    """The configured signing key cannot be used. The message says which file, token or setting is wrong, and why."""


class KeyFile:
    """The key in a PKCS#12 file. `roots` are certificates to which its own may lead, beside those in the file."""

    def __init__(
        self, path: str, passphrase_file: str | None, roots: Iterable[x509.Certificate] = ()
    ) -> None:
        self._path = path
        self._passphrase_file = passphrase_file
        self._roots = tuple(roots)
        self._known: dict[str, tuple[int, Credential]] = {}

    @property
    def is_of_one(self) -> bool:
        """Whether all organisations sign with the same key, so that it can be tried at the start."""
        return ORGANISATION not in self._path

    def signer_for(self, organisation: str) -> Credential:
        """The credential of an organisation. Raises KeyUnavailable."""
        path = _named(self._path, organisation)
        try:
            written = Path(path).stat().st_mtime_ns
            known = self._known.get(path)
            if known is None or known[0] != written:
                self._known[path] = known = written, self._read(path)
        except OSError as error:
            raise KeyUnavailable(f"the key file {path} cannot be read: {error.strerror}") from None
        return _usable(known[1], f"the key file {path}")

    def _read(self, path: str) -> Credential:
        passphrase = _secret(self._passphrase_file, "SIGNING_PKCS12_PASSPHRASE_FILE")
        try:
            found = pkcs12.load_pkcs12(Path(path).read_bytes(), passphrase.encode() or None)
        except ValueError:
            raise KeyUnavailable(
                f"the key file {path} is no PKCS#12 file, or does not open with the passphrase in "
                "SIGNING_PKCS12_PASSPHRASE_FILE"
            ) from None
        if found.cert is None or not isinstance(found.key, rsa.RSAPrivateKey):
            raise KeyUnavailable(f"the key file {path} has no RSA key with its certificate")
        others = [each.certificate for each in found.additional_certs]
        own = found.cert.certificate
        return Credential(found.key, own, _chain(own, [*others, *self._roots], f"the key file {path}"))


class TokenKeys:
    """The keys in a PKCS#11 token, found by their label. The token is opened once and again after a failure."""

    def __init__(
        self,
        module: str,
        token: str,
        pin_file: str | None,
        label: str,
        roots: Iterable[x509.Certificate] = (),
    ) -> None:
        self._module, self._token, self._pin_file, self._label = module, token, pin_file, label
        self._roots = tuple(roots)
        self._session: Any = None
        self._known: dict[str, tuple[float, Credential]] = {}
        self._lock = _new_lock()

    @property
    def is_of_one(self) -> bool:
        """As in `KeyFile`."""
        return ORGANISATION not in self._label

    def signer_for(self, organisation: str) -> Credential:
        """The credential of an organisation, whose certificate ends last. Raises KeyUnavailable."""
        label = _named(self._label, organisation)
        with self._lock:
            until, known = self._known.get(label, (0.0, None))
            if known is None or until < time.monotonic():
                known = self._asked(lambda session: self._find(session, label))
                self._known[label] = time.monotonic() + LOOKED_AGAIN_AFTER_S, known
        return _usable(known, f"the key {label} in the token {self._token}")

    def signature(self, identifier: bytes, data: bytes) -> bytes:
        """PKCS #1 v1.5 over SHA-256, made in the token. Raises KeyUnavailable."""
        import pkcs11  # noqa: PLC0415 - as in `_open`

        def made(session: Any) -> bytes:
            key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, id=identifier)
            return bytes(key.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS))

        with self._lock:
            return cast(bytes, self._asked(made))

    def _asked(self, ask: Callable[[Any], Any]) -> Any:
        from pkcs11 import exceptions  # noqa: PLC0415 - as in `_open`

        try:
            self._session = self._session or self._open()
            return ask(self._session)
        except exceptions.PinIncorrect:
            raise KeyUnavailable(
                f"the token {self._token} refuses the PIN in SIGNING_PKCS11_PIN_FILE"
            ) from None
        except exceptions.PKCS11Error as error:
            self._close()
            raise KeyUnavailable(f"the token {self._token} does not serve: {type(error).__name__}") from None

    def _close(self) -> None:
        from pkcs11 import exceptions  # noqa: PLC0415 - as in `_open`

        session, self._session = self._session, None
        self._known.clear()
        if session is not None:
            with suppress(exceptions.PKCS11Error):
                session.close()

    def _open(self) -> Any:
        import pkcs11  # noqa: PLC0415 - loaded where a token is used

        pin = _secret(self._pin_file, "SIGNING_PKCS11_PIN_FILE")
        try:
            library = pkcs11.lib(self._module)
        except (RuntimeError, OSError, pkcs11.exceptions.PKCS11Error):
            raise KeyUnavailable(f"the PKCS#11 module {self._module} cannot be loaded") from None
        try:
            token = library.get_token(token_label=self._token)
            try:
                return token.open(user_pin=pin)
            except pkcs11.exceptions.UserAlreadyLoggedIn:  # a process logs in once for all of its sessions
                return token.open()
        except pkcs11.exceptions.NoSuchToken:
            raise KeyUnavailable(f"there is no token {self._token} (SIGNING_PKCS11_TOKEN)") from None

    def _find(self, session: Any, label: str) -> Credential:
        from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415 - as in `_open`

        there = [
            (each[Attribute.LABEL], each[Attribute.ID], x509.load_der_x509_certificate(each[Attribute.VALUE]))
            for each in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
        ]
        keys = {
            each[Attribute.ID] for each in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        }
        own = [(each, which) for name, which, each in there if name == label and which in keys]
        what = f"the token {self._token}"
        if not own:
            raise KeyUnavailable(f"{what} has no key with a certificate that is labelled {label}")
        certificate, identifier = max(own, key=lambda each: each[0].not_valid_after_utc)
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            raise KeyUnavailable(f"the key {label} in {what} is not an RSA key")
        chain = _chain(certificate, [*(each for _, _, each in there), *self._roots], what)
        return Credential(cast(rsa.RSAPrivateKey, _TokenKey(self, identifier)), certificate, chain)


class _TokenKey:
    """A key that stays in its token, as a private key of which only `sign` is used."""

    def __init__(self, keys: TokenKeys, identifier: bytes) -> None:
        self._keys, self._identifier = keys, identifier

    def sign(self, data: bytes, _padding: Any, _algorithm: Any) -> bytes:
        """PKCS #1 v1.5 over SHA-256, whatever is asked for: nothing else is."""
        return self._keys.signature(self._identifier, data)


def outside_keys(settings: Any, roots: Iterable[x509.Certificate]) -> KeyFile | TokenKeys | None:
    """The keys that the settings name; None: the installation makes its own."""
    if settings.signing_pkcs11_module:
        return TokenKeys(
            settings.signing_pkcs11_module,
            settings.signing_pkcs11_token,
            settings.signing_pkcs11_pin_file,
            settings.signing_pkcs11_key,
            roots,
        )
    if settings.signing_pkcs12_file:
        return KeyFile(settings.signing_pkcs12_file, settings.signing_pkcs12_passphrase_file, roots)
    return None


def _named(pattern: str, organisation: str) -> str:
    if not ORGANISATION_KEY.fullmatch(organisation):
        raise ValueError("an organisation key is lower-case letters, digits, '-' and '_', at most 63")
    return pattern.replace(ORGANISATION, organisation)


def _secret(file: str | None, setting: str) -> str:
    if file is None:
        return ""
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise KeyUnavailable(f"the file of {setting} cannot be read: {error.strerror}") from None


def _chain(
    certificate: x509.Certificate, others: list[x509.Certificate], what: str
) -> tuple[x509.Certificate, ...]:
    """The certificates above one, nearest first, as far as to a root. Raises KeyUnavailable without a root."""
    chain: list[x509.Certificate] = []
    below = certificate
    while below.issuer != below.subject and len(chain) < 10:
        above = next((each for each in others if _has_issued(each, below)), None)
        if above is None:
            raise KeyUnavailable(
                f"{what} leads to no root certificate: name the file with it in SIGNING_ROOTS_FILE"
            )
        chain.append(above)
        below = above
    return tuple(chain)


def _has_issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _usable(credential: Credential, what: str) -> Credential:
    now = datetime.now(UTC)
    if not credential.certificate.not_valid_before_utc <= now <= credential.certificate.not_valid_after_utc:
        ended = credential.certificate.not_valid_after_utc
        raise KeyUnavailable(f"the certificate of {what} is not valid now; it ends on {ended:%Y-%m-%d}")
    if not _is_for_signing(credential.certificate):
        raise KeyUnavailable(
            f"the certificate of {what} is not for documents: its key usage lacks non-repudiation"
        )
    return credential


def _is_for_signing(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment
    except x509.ExtensionNotFound:
        return False
