"""The local certificate authority."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.signing.pdf.certificates import Authority, WrongPassphrase

FIRST_USE = """
import sys
from pathlib import Path
from services.signing.pdf.certificates import Authority
authority = Authority(Path(sys.argv[1]), "shared passphrase")
print(authority.signer_for("harbor", "Harbor House").certificate.serial_number, authority.certificate.serial_number)
"""


def test_a_signing_certificate_is_issued_by_the_authority_for_non_repudiation(authority: Authority) -> None:
    credential = authority.signer_for("harbor", "Harbor House")
    certificate = credential.certificate
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    certificate.verify_directly_issued_by(authority.certificate)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_cert_sign
    assert [each.value for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
        "Harbor House"
    ]
    assert credential.chain == (authority.certificate,)


def test_the_timestamping_certificate_has_the_one_critical_usage_of_rfc_3161(authority: Authority) -> None:
    usage = authority.timestamper().certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


def test_every_certificate_has_its_own_serial_number(authority: Authority) -> None:
    certificates = [
        authority.certificate,
        authority.timestamper().certificate,
        *(authority.signer_for(key, "Some House").certificate for key in ("harbor", "elm")),
    ]
    assert len({each.serial_number for each in certificates}) == 4


def test_keys_rest_encrypted_in_files_that_only_the_owner_reads(tmp_path: Path) -> None:
    Authority(tmp_path / "ca", "first passphrase").signer_for("harbor", "Harbor House")
    files = sorted((tmp_path / "ca").glob("*.pem"))
    assert [each.name for each in files] == ["authority.pem", "organisation-harbor.pem", "roots.pem"]
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        if file.name == "roots.pem":
            assert b"PRIVATE KEY" not in file.read_bytes()
            continue
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in file.read_bytes()
        with pytest.raises(TypeError):
            load_pem_private_key(file.read_bytes(), None)
    with pytest.raises(WrongPassphrase):
        _ = Authority(tmp_path / "ca", "another passphrase").certificate


def test_a_credential_does_not_print_its_key(authority: Authority) -> None:
    assert "key=" not in repr(authority.signer_for("harbor", "Harbor House"))


def test_two_processes_that_start_at_once_end_with_the_same_authority(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST_USE, str(tmp_path / "ca")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(answers) == 1


def test_a_certificate_is_renewed_before_it_ends(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "a passphrase")
    first = authority.signer_for("harbor", "Harbor House").certificate
    assert authority.signer_for("harbor", "Harbor House").certificate == first
    with time_machine.travel(datetime.now(UTC) + timedelta(days=365 * 3 - 10)):
        second = authority.signer_for("harbor", "Harbour House").certificate
    assert second.not_valid_after_utc > first.not_valid_after_utc
    assert "Harbour House" in second.subject.rfc4514_string()


@pytest.mark.parametrize("key", ["", "../ca", "Harbor", "a/b", "a" * 64, "harbor\n"])
def test_an_organisation_key_that_is_no_file_name_is_refused(authority: Authority, key: str) -> None:
    with pytest.raises(ValueError, match="organisation key"):
        authority.signer_for(key, "Harbor House")
