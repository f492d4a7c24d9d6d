"""Keys that an organisation brings: from a PKCS#12 file, and from a PKCS#11 token (SoftHSM)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from services.signing.pdf.certificates import Authority, Credential
from services.signing.pdf.outside_keys import (
    LOOKED_AGAIN_AFTER_S,
    KeyFile,
    KeyUnavailable,
    TokenKeys,
    outside_keys,
)
from services.signing.pdf.validity import verify

Sign = Callable[..., bytes]
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
DAY = timedelta(days=1)


def a_certificate(
    name: str,
    key: Any,
    issuer: Credential | None = None,
    ends: timedelta = 400 * DAY,
    is_for_signing: bool = True,
    addresses: tuple[str, ...] = (),
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - 2 * DAY)
        .not_valid_after(datetime.now(UTC) + ends)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if is_for_signing:
        kinds = ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
        usage = {"key_cert_sign": issuer is None, "crl_sign": issuer is None}
        signs = {"digital_signature": True, "content_commitment": issuer is not None}
        builder = builder.add_extension(
            x509.KeyUsage(**usage, **signs, **dict.fromkeys(kinds, False)), critical=True
        )
    if addresses:
        others = x509.SubjectAlternativeName([x509.RFC822Name(each) for each in addresses])
        builder = builder.add_extension(others, critical=False)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


@pytest.fixture(scope="module")
def root() -> Credential:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Credential(key, a_certificate("Hospital root", key))


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def write(tmp_path: Path, root: Credential, key: Any) -> Callable[..., Path]:
    """Write a PKCS#12 file."""

    def written(name: str = "key.p12", signer: str = "Harbor House seal", **changed: Any) -> Path:
        own = changed.get("key", key)
        certificate = a_certificate(
            signer, own, root, changed.get("ends", 400 * DAY), changed.get("is_for_signing", True)
        )
        above = [root.certificate] if changed.get("with_root", True) else []
        secret = changed.get("passphrase", "a secret")
        how = (
            serialization.BestAvailableEncryption(secret.encode()) if secret else serialization.NoEncryption()
        )
        path = tmp_path / name
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", own, certificate, above, how))
        return path

    return written


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text("a secret\n")
    return str(tmp_path / "secret")


def test_a_document_is_signed_with_the_key_of_a_file(
    write: Callable[..., Path],
    secret: str,
    root: Credential,
    authority: Authority,
    document: Any,
    signed_by: Sign,
) -> None:
    credential = KeyFile(str(write()), secret).signer_for("harbor")

    signed = signed_by(document(), signer=credential)

    checked = verify(signed, trust_roots=[root.certificate], timestamp_roots=[authority.certificate])
    assert (checked.is_valid, checked.signer_common_name) == (True, "Harbor House seal")
    assert not verify(signed, trust_roots=[authority.certificate]).is_valid


def test_a_long_key_and_a_long_certificate_have_room_in_the_document(
    root: Credential, authority: Authority, document: Any, signed_by: Sign
) -> None:
    long_key = rsa.generate_private_key(public_exponent=65537, key_size=4096)
    addresses = tuple(f"department-{number}@harbor.example" for number in range(200))
    long_one = a_certificate("Harbor House seal", long_key, root, addresses=addresses)
    signed = signed_by(document(), signer=Credential(long_key, long_one, (root.certificate,)))
    checked = verify(signed, trust_roots=[root.certificate], timestamp_roots=[authority.certificate])
    assert checked.is_valid
    assert len(long_one.public_bytes(serialization.Encoding.DER)) > 5000


def test_a_replaced_file_is_used_from_the_next_signature_on(write: Callable[..., Path], secret: str) -> None:
    keys = KeyFile(str(path := write()), secret)
    first = keys.signer_for("harbor")
    assert keys.signer_for("harbor") is first

    write(signer="Harbor House seal 2")
    os.utime(path, ns=(1, 1))

    (name,) = keys.signer_for("harbor").certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "Harbor House seal 2"


def test_each_organisation_has_its_file(write: Callable[..., Path], secret: str, tmp_path: Path) -> None:
    write("harbor.p12")
    keys = KeyFile(str(tmp_path / "{organisation}.p12"), secret)
    assert not keys.is_of_one
    assert KeyFile(str(tmp_path / "harbor.p12"), secret).is_of_one
    assert keys.signer_for("harbor").certificate.subject.rfc4514_string() == "CN=Harbor House seal"
    with pytest.raises(KeyUnavailable, match=r"the key file .*bayside\.p12 cannot be read: No such file"):
        keys.signer_for("bayside")
    with pytest.raises(ValueError, match="organisation key"):
        keys.signer_for("../harbor")


def test_what_is_wrong_with_a_file_is_told_in_one_line(
    write: Callable[..., Path], secret: str, tmp_path: Path, root: Credential
) -> None:
    (tmp_path / "wrong").write_text("another secret")
    (tmp_path / "text.p12").write_text("no key")
    elliptic = ec.generate_private_key(ec.SECP256R1())
    for path, passphrase_file, told in (
        (
            write(),
            str(tmp_path / "wrong"),
            "does not open with the passphrase in SIGNING_PKCS12_PASSPHRASE_FILE",
        ),
        (
            write(),
            str(tmp_path / "none"),
            "the file of SIGNING_PKCS12_PASSPHRASE_FILE cannot be read: No such file",
        ),
        (tmp_path / "text.p12", secret, "is no PKCS#12 file"),
        (write("elliptic.p12", key=elliptic), secret, "has no RSA key with its certificate"),
        (write("ended.p12", ends=-DAY), secret, "is not valid now; it ends on"),
        (
            write(with_root=False),
            secret,
            "leads to no root certificate: name the file with it in SIGNING_ROOTS_FILE",
        ),
    ):
        with pytest.raises(KeyUnavailable) as raised:
            KeyFile(str(path), passphrase_file).signer_for("harbor")
        assert told in str(raised.value)
        assert "another secret" not in str(raised.value)
    assert KeyFile(str(write(with_root=False)), secret, [root.certificate]).signer_for("harbor").chain == (
        root.certificate,
    )
    assert KeyFile(str(write(passphrase="")), None).signer_for("harbor").chain == (root.certificate,)


def test_the_settings_choose_where_the_key_is() -> None:
    none = dict.fromkeys(("signing_pkcs12_file", "signing_pkcs12_passphrase_file", "signing_pkcs11_module"))
    token = {"signing_pkcs11_token": "t", "signing_pkcs11_pin_file": "p", "signing_pkcs11_key": "k"}
    settings: dict[str, Any] = {**none, **token}
    assert outside_keys(SimpleNamespace(**settings), ()) is None
    assert isinstance(outside_keys(SimpleNamespace(**settings | {"signing_pkcs12_file": "a"}), ()), KeyFile)
    assert isinstance(
        outside_keys(SimpleNamespace(**settings | {"signing_pkcs11_module": "m"}), ()), TokenKeys
    )


# A token

needs_token = pytest.mark.skipif(
    not Path(MODULE).exists() or shutil.which("softhsm2-util") is None,
    reason="there is no SoftHSM on this machine",
)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """A token `hospital` with the PIN 4711. Calling it stores a key with its certificate. The library is loaded once a process."""
    import pkcs11
    from pkcs11.util import rsa as coded

    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    subprocess.run(
        [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            "hospital",
            "--pin",
            "4711",
            "--so-pin",
            "0815",
        ],
        check=True,
        capture_output=True,
    )

    def store(
        own: rsa.RSAPrivateKey, certificate: x509.Certificate, label: str = "signing", number: int = 1
    ) -> None:
        found = pkcs11.lib(MODULE).get_token(token_label="hospital")
        der = own.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        try:
            session = found.open(user_pin="4711", rw=True)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            session = found.open(rw=True)
        with session:
            named = {
                pkcs11.Attribute.LABEL: label,
                pkcs11.Attribute.ID: bytes([number]),
                pkcs11.Attribute.TOKEN: True,
            }
            session.create_object(coded.decode_rsa_private_key(der) | named)
            session.create_object(
                {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                    pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                    pkcs11.Attribute.SUBJECT: certificate.subject.public_bytes(),
                    pkcs11.Attribute.VALUE: certificate.public_bytes(serialization.Encoding.DER),
                    **named,
                }
            )

    yield store
    del os.environ["SOFTHSM2_CONF"]


@pytest.fixture
def pin(tmp_path: Path) -> str:
    (tmp_path / "pin").write_text("4711\n")
    return str(tmp_path / "pin")


@pytest.fixture
def opened(pin: str, root: Credential) -> Iterator[Callable[..., TokenKeys]]:
    """Keys of a label in the token, which is closed at the end: a process logs in once for all."""
    made: list[TokenKeys] = []

    def of(
        label: str = "signing", *, module: str = MODULE, name: str = "hospital", **changed: Any
    ) -> TokenKeys:
        made.append(
            TokenKeys(
                module, name, changed.get("pin_file", pin), label, changed.get("roots", [root.certificate])
            )
        )
        return made[-1]

    yield of
    for each in made:
        each._close()


@needs_token
def test_a_document_is_signed_in_a_token(
    token: Callable[..., None],
    opened: Callable[..., TokenKeys],
    root: Credential,
    key: Any,
    authority: Authority,
    document: Any,
    signed_by: Sign,
) -> None:
    token(key, a_certificate("Seal in a token", key, root))
    credential = opened().signer_for("harbor")

    signed = signed_by(signed_by(document(), "one", signer=credential), "two", signer=credential)

    checked = verify(signed, trust_roots=[root.certificate], timestamp_roots=[authority.certificate])
    assert (checked.is_valid, checked.signer_common_name) == (True, "Seal in a token")
    assert len(checked.signatures) == 2


@needs_token
def test_what_is_wrong_with_a_token_is_told_in_one_line(
    token: Callable[..., None], opened: Callable[..., TokenKeys], root: Credential, key: Any, tmp_path: Path
) -> None:
    token(key, a_certificate("Seal", key, root), label="known", number=4)
    token(key, a_certificate("Ended", key, root, -DAY), label="ended", number=5)
    (tmp_path / "wrong").write_text("0000")
    for keys, told in (
        (
            opened("known", pin_file=str(tmp_path / "wrong")),
            "token hospital refuses the PIN in SIGNING_PKCS11_PIN_FILE",
        ),
        (
            opened("known", pin_file=str(tmp_path / "none")),
            "the file of SIGNING_PKCS11_PIN_FILE cannot be read: No such",
        ),
        (opened("known", name="clinic"), "there is no token clinic (SIGNING_PKCS11_TOKEN)"),
        (opened("known", module="/none.so"), "the PKCS#11 module /none.so cannot be loaded"),
        (opened("unknown"), "the token hospital has no key with a certificate that is labelled unknown"),
        (opened("ended"), "is not valid now; it ends on"),
        (opened("known", roots=[]), "the token hospital leads to no root certificate"),
    ):
        with pytest.raises(KeyUnavailable) as raised:
            keys.signer_for("harbor")
        assert told in str(raised.value)
        keys._close()


@needs_token
def test_the_certificate_that_ends_last_is_taken_and_each_organisation_may_have_its_own(
    token: Callable[..., None],
    opened: Callable[..., TokenKeys],
    root: Credential,
    key: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def name(keys: TokenKeys, organisation: str = "harbor") -> str:
        return keys.signer_for(organisation).certificate.subject.rfc4514_string()

    token(key, a_certificate("Old seal", key, root), label="seal-harbor", number=6)
    keys = opened("seal-{organisation}")
    assert name(keys) == "CN=Old seal"
    newer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token(newer, a_certificate("New seal", newer, root, 500 * DAY), label="seal-harbor", number=7)
    token(key, a_certificate("Seal of Bayside", key, root), label="seal-bayside", number=8)
    assert name(keys) == "CN=Old seal"  # it looks once a minute
    assert name(keys, "bayside") == "CN=Seal of Bayside"
    assert (keys.is_of_one, opened("seal-harbor").is_of_one) == (False, True)

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + LOOKED_AGAIN_AFTER_S + 1)

    assert name(keys) == "CN=New seal"
    made = keys.signer_for("harbor").key.sign(b"data", padding.PKCS1v15(), hashes.SHA256())
    newer.public_key().verify(made, b"data", padding.PKCS1v15(), hashes.SHA256())


@needs_token
def test_a_token_that_fails_is_opened_again(
    token: Callable[..., None], opened: Callable[..., TokenKeys], root: Credential, key: Any
) -> None:
    token(key, a_certificate("Seal", key, root), label="again", number=9)
    keys = opened("again")
    credential = keys.signer_for("harbor")
    keys._session.close()

    with pytest.raises(KeyUnavailable, match="the token hospital does not serve"):
        keys.signature(b"\x09", b"data")

    made = keys.signature(b"\x09", b"data")
    key.public_key().verify(made, b"data", padding.PKCS1v15(), hashes.SHA256())
    assert keys.signer_for("harbor") is not credential
