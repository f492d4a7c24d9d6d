"""Anybody verifies a signed document, a certificate and a decision with the public key alone: by the API and by the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy import verify as command
from services.chassis.blobs import VISITORS
from services.contracts.errors import Refused
from services.contracts.signing import certificates, decisions, verification
from services.signing.decisions import sealing
from services.signing.pdf.certificates import Authority
from services.signing.verification import workflows
from services.signing.verification.attempts import OF_ALL, OF_AN_ADDRESS, WITHIN_S, Attempts
from tests.support.in_process import HARBOR


def check(office: Any, file: bytes) -> Any:
    uploaded = office.process.upload(file, VISITORS)
    return office.call(verification.verify_file, None, document=uploaded)


def stored(office: Any, reference: Any) -> bytes:
    content: bytes = office.process.runtime.blobs.find(HARBOR[0], reference["sha256"]).read_bytes()
    return content


@pytest.fixture
def files(office: Any) -> dict[str, bytes]:
    """A signed document, its certificate, and a signed decline."""
    signed, declined = office.sign(office.send()), office.decline(office.send())
    sealing.seal(office.process.runtime)
    (own,) = office.call(decisions.list_my_decisions, office.ana)["items"]
    certificate = office.call(
        certificates.open_completion_certificate, office.ana, document_id=declined["id"]
    )
    decision = office.call(decisions.open_decision_file, office.ana, decision_id=own["id"])
    return {
        "document": office.file(signed),
        "certificate": stored(office, certificate),
        "decision": stored(office, decision),
    }


def test_what_was_signed_is_genuine_and_what_was_changed_is_not(
    office: Any, files: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root.pem"
    told = office.call(verification.get_signing_authority, None)
    root.write_text(told["pem"])
    assert x509.load_pem_x509_certificate(root.read_bytes()) == office.authority().certificate
    other = tmp_path / "other.pem"
    other.write_bytes(Authority(tmp_path / "other", "secret").certificate_pem())
    for name, file in files.items():
        found = check(office, file)
        assert found["is_valid"], name
        assert found["kind"] == ("decision" if name == "decision" else "document")
        assert [each["is_valid"] for each in found["signatures"]] == [True]
        assert found["signatures"][0]["name"] == "Harbor House"
        forged = file.replace(b"Wrong", b"Right") if name == "decision" else file.replace(b"/Page", b"/Pace")
        assert forged != file
        assert not check(office, forged)["is_valid"], name
        path = tmp_path / name
        for content, roots, code in ((file, root, 0), (forged, root, 1), (file, other, 1)):
            path.write_bytes(content)
            assert command.main([str(path), "--root", str(roots)]) == code, name
    decision = check(office, files["decision"])
    assert (decision["decision"], decision["decided_by"]) == ("declined", "Ana Ruiz")
    said = capsys.readouterr().out
    assert "genuine and unchanged" in said
    assert "NOT confirmed" in said
    assert "declined by Ana Ruiz" in said


def test_what_was_added_after_the_signature_is_told(office: Any, files: dict[str, bytes]) -> None:
    found = check(office, files["document"] + b"\n% added\n")
    assert (found["is_valid"], found["is_changed"]) == (False, True)


@pytest.mark.parametrize(
    "file", [b"words", b"%PDF-1.7 broken", b'{"statement": "x", "signature": "AAAA"}', b"[" * 9999]
)
def test_anything_else_is_not_confirmed(office: Any, file: bytes) -> None:
    found = check(office, file)
    assert (found["is_valid"], found["signatures"], found["decision"]) == (False, [], None)


def test_a_file_that_is_too_large_is_refused(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "MOST_BYTES", 3)
    with pytest.raises(Refused) as caught:
        check(office, b"four")
    assert caught.value.code == "document_too_large"


def test_one_address_and_all_together_ask_so_often_and_no_more() -> None:
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])

    def is_refused(address: str) -> bool:
        try:
            attempts.count(address)
        except Refused as refused:
            return refused.code == "too_many_requests"
        return False

    assert [is_refused("192.0.2.1") for _ in range(OF_AN_ADDRESS + 1)] == [False] * OF_AN_ADDRESS + [True]
    others = [is_refused(f"192.0.2.{number}") for number in range(2, OF_ALL + 2)]
    assert others.count(False) == OF_ALL - OF_AN_ADDRESS
    assert others[-1]
    now[0] = WITHIN_S
    assert not is_refused("192.0.2.1")


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("", ""), ("unix", "unix")],
)
def test_addresses_are_counted_by_subscriber(address: str, counted: str) -> None:
    assert workflows._network_of(address) == counted


def test_without_a_root_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEYS_DIR", str(tmp_path))
    assert command.main([str(tmp_path / "x.pdf")]) == 2


def test_to_have_a_file_verified_loads_nothing_of_signatures(tmp_path: Path) -> None:
    """It took the first visitor's request a third of a second, in which nothing else ran, and 50 MB."""
    file = tmp_path / "file"
    file.write_bytes(b"no signature")
    program = (
        "import sys, pathlib; from services.signing.documents import signer; "
        "from services.signing.pdf.limited_verification import verified_in_child as verified; "
        "found = verified(pathlib.Path(sys.argv[1]), [], []); print(found['kind'], 'pyhanko' in sys.modules, "
        "'reportlab' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["unknown", "False", "False"]
