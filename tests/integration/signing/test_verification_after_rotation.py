"""Keys and certificates rotate while the service signs, and what was signed before stays valid."""

from __future__ import annotations

import datetime
import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
import time_machine
from asn1crypto import pem as asn1_pem
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from deploy import verify as command
from services.chassis.blobs import VISITORS
from services.contracts.signing import verification
from services.signing.documents.signer import Signer
from services.signing.pdf.certificates import RENEW_BEFORE_END, Authority


@pytest.fixture
def own_keys(office: Any, tmp_path: Path) -> Path:
    """Keys of this test's own, which the office signs with."""
    folder = tmp_path / "own-keys"
    office.process.runtime.settings.signing_keys_dir = str(folder)
    office.signer(Signer(office.process.runtime.settings, office.process.runtime.blobs))
    return folder


def signers_of(pdf: bytes) -> list[int]:
    """The serial numbers of the certificates that signed."""
    return [each.signer_cert.serial_number for each in PdfFileReader(io.BytesIO(pdf)).embedded_signatures]


def require_valid(office: Any, pdf: bytes, folder: Path) -> None:
    """Portico, its command, poppler and pyHanko's own validator agree that a document is genuine, by the published roots alone."""
    told = office.call(verification.get_signing_authority, None)["pem"].encode()
    file, roots = folder / "signed.pdf", folder / "published.pem"
    file.write_bytes(pdf)
    roots.write_bytes(told)
    found = office.call(verification.verify_file, None, document=office.process.upload(pdf, VISITORS))
    assert found["is_valid"]
    assert command.main([str(file), "--root", str(roots)]) == 0
    said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert said.count("Signature is Valid.") == len(found["signatures"])
    trusted = [asn1_x509.Certificate.load(der) for _, _, der in asn1_pem.unarmor(told, multiple=True)]
    for signature in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
        at = signature.self_reported_timestamp + datetime.timedelta(minutes=1)
        context = ValidationContext(trust_roots=trusted, moment=at, revocation_mode="soft-fail")
        assert validate_pdf_signature(signature, context, context).bottom_line


@pytest.mark.parametrize(
    "moved",
    [("organisation-harbor",), ("timestamper",), ("authority",)],
    ids=" and ".join,
)
def test_a_key_whose_file_is_moved_away_is_replaced_while_the_service_runs(
    office: Any, own_keys: Path, tmp_path: Path, moved: tuple[str, ...]
) -> None:
    before = office.file(office.sign(office.send()))
    another_process = Authority(own_keys, (own_keys / "passphrase").read_text().strip())
    old = another_process.signer_for("harbor", "Harbor House").certificate
    for label in moved:
        (own_keys / f"{label}.pem").rename(tmp_path / f"{label}.pem")

    after = office.file(office.sign(office.send()))

    is_another_signer = moved != ("timestamper",)
    assert (signers_of(after) != signers_of(before)) is is_another_signer
    new = another_process.signer_for("harbor", "Harbor House").certificate
    assert (new != old) is is_another_signer
    assert [new.serial_number] == signers_of(after)  # all processes change over together
    assert len(another_process.roots) == (2 if "authority" in moved else 1)
    for pdf in (before, after):
        require_valid(office, pdf, tmp_path)
    (tmp_path / "before.pdf").write_bytes(before)
    by_present_root = [str(tmp_path / "before.pdf"), "--root", str(own_keys / "authority.pem")]
    assert command.main(by_present_root) == (1 if "authority" in moved else 0)


def test_a_document_holds_signatures_under_two_roots(office: Any, own_keys: Path, tmp_path: Path) -> None:
    sent = office.send(
        recipient_account_id=None,
        recipients=[
            {"account_id": office.ana.id, "turn": 1},
            {"account_id": office.ben.id, "turn": 2},
        ],
    )
    first = office.sign(sent)
    (own_keys / "authority.pem").unlink()
    second = office.sign(first, caller=office.ben)
    pdf = office.file(second)
    assert len(set(signers_of(pdf))) == 2
    require_valid(office, pdf, tmp_path)


def test_a_root_that_ends_soon_is_renewed_with_all_that_it_issued(
    office: Any, own_keys: Path, tmp_path: Path
) -> None:
    before = office.file(office.sign(office.send()))
    passphrase = (own_keys / "passphrase").read_text().strip()
    end = Authority(own_keys, passphrase).certificate.not_valid_after_utc
    with time_machine.travel(end - RENEW_BEFORE_END + datetime.timedelta(days=1)):
        authority = Authority(own_keys, passphrase)
        signer, timestamper = authority.signer_for("harbor", "Harbor House"), authority.timestamper()
        assert [each.issuer for each in (signer.certificate, timestamper.certificate)] == [
            authority.certificate.subject
        ] * 2
        assert signer.certificate.not_valid_after_utc > end
    assert len(authority.roots) == 2
    require_valid(office, before, tmp_path)
