"""Signatures that verify when nobody can be asked any more (PAdES B-LT), and certificates that no longer count."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore, validate_pdf_signature
from pyhanko.sign.validation.errors import NoDSSFoundError

from services.signing.pdf import detached, signature
from services.signing.pdf.certificates import Authority
from services.signing.pdf.timestamps import timestamper
from services.signing.pdf.validity import verify

Sign = Callable[..., bytes]


def proof_of(authority: Authority) -> signature.Proof:
    signer = authority.signer_for("harbor", "Harbor House")
    certificates = (signer.certificate, *signer.chain, authority.timestamper().certificate)
    return signature.Proof(certificates, (authority.revocation_list(),))


def found_by_itself(pdf: bytes, authority: Authority) -> list[bool]:
    """Whether pyHanko's own validator finds each signature valid with the root and what the document holds, and nothing else."""
    reader = PdfFileReader(io.BytesIO(pdf))
    root = asn1_x509.Certificate.load(authority.certificate.public_bytes(Encoding.DER))
    held = DocumentSecurityStore.read_dss(reader)
    how = {"trust_roots": [root], "revocation_mode": "require", "allow_fetching": False}
    return [
        validate_pdf_signature(
            each,
            signer_validation_context=held.as_validation_context(how),
            ts_validation_context=held.as_validation_context(how),
        ).bottom_line
        for each in reader.embedded_regular_signatures
    ]


@pytest.mark.seed("S4-16")
def test_a_document_holds_all_that_verifying_it_takes(
    authority: Authority, document: Callable[..., bytes], signed_by: Sign
) -> None:
    proof = proof_of(authority)
    once = signed_by(document(), "one", proof=proof)
    twice = signed_by(once, "two", proof=proof)

    assert found_by_itself(once, authority) == [True]
    assert found_by_itself(twice, authority) == [True, True]
    assert verify(once, trust_roots=[authority.certificate]).covers_whole_file
    assert verify(twice, trust_roots=[authority.certificate]).is_valid
    assert twice.startswith(once)

    with_old_list = signature.Proof(proof.certificates, ())
    assert found_by_itself(signed_by(document(), "one", proof=with_old_list), authority) == [False]
    with pytest.raises(NoDSSFoundError):
        found_by_itself(signed_by(document(), "one"), authority)


def test_a_certificate_of_completion_holds_it_too(
    authority: Authority, document: Callable[..., bytes]
) -> None:
    made = signature.certify(
        document(),
        signer=authority.signer_for("harbor", "Harbor House"),
        timestamper=timestamper("local", authority),
        reason="Certificate of completion",
        proof=proof_of(authority),
    )
    assert found_by_itself(made, authority) == [True]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def own(folder: Path) -> Authority:
    return Authority(folder, "a passphrase")


def move_to_revoked(folder: Path, name: str) -> None:
    (folder / "revoked").mkdir(exist_ok=True)
    (folder / f"{name}.pem").rename(folder / "revoked" / f"{name}.pem")


def test_what_a_revoked_key_signed_before_stays_valid_and_what_it_signs_afterwards_is_not(
    own: Authority, folder: Path, document: Callable[..., bytes], signed_by: Sign
) -> None:
    stolen, clock = own.signer_for("harbor", "Harbor House"), timestamper("local", own)
    how: dict[str, Any] = {"signer": stolen, "timestamper": clock}
    earlier, statement = signed_by(document(), **how), '{"a": 1}'
    earlier_decision = detached.file_of(statement, detached.sign(statement.encode(), stolen, clock))
    assert list(own.revocation_list()) == []

    move_to_revoked(folder, "organisation-harbor")

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        revoked = own.revocation_list()
        later = signed_by(document(), **how)
        later_decision = detached.file_of(statement, detached.sign(statement.encode(), stolen, clock))
        replaced = own.signer_for("harbor", "Harbor House")
        new = signed_by(document(), signer=replaced, timestamper=clock)

        told = {"trust_roots": own.roots, "revoked": revoked}
        assert [each.serial_number for each in revoked] == [stolen.certificate.serial_number]
        assert verify(earlier, **told).is_valid
        assert not verify(later, **told).is_valid
        assert verify(later, trust_roots=own.roots).is_valid
        assert verify(new, **told).is_valid
        assert detached.verify(earlier_decision, **told).is_valid
        assert not detached.verify(later_decision, **told).is_valid


def test_the_list_is_kept_for_half_of_its_time_and_remembers_since_when(own: Authority, folder: Path) -> None:
    first = own.revocation_list()
    assert own.revocation_list() is first
    assert Authority(folder, "a passphrase").revocation_list() == first
    assert first.is_signature_valid(own.certificate.public_key())  # type: ignore[arg-type]

    own.signer_for("harbor", "Harbor House")
    move_to_revoked(folder, "organisation-harbor")
    second = own.revocation_list()
    since = [each.revocation_date_utc for each in second]
    assert len(since) == 1

    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(days=14)):
        assert own.revocation_list() == second
    with time_machine.travel(now + timedelta(days=16)):
        third = own.revocation_list()
        assert third != second
        assert [each.revocation_date_utc for each in third] == since


def test_another_root_has_another_list(own: Authority, folder: Path) -> None:
    first = own.revocation_list()
    (folder / "authority.pem").rename(folder / "authority.old")
    second = own.revocation_list()
    assert (first.issuer, second.issuer) == (first.issuer, own.certificate.subject)
    assert first.issuer != second.issuer
    assert isinstance(second.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number, int)
