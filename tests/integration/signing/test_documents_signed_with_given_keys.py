"""The service signs with a key that it was given; what is wrong with the key is told, and the document stays free."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from services.chassis.runtime import Parts
from services.chassis.settings import SettingsError
from services.contracts.errors import Refused
from services.contracts.signing import verification
from services.signing import service
from services.signing.documents.signer import Signer
from services.signing.pdf.certificates import Authority
from services.signing.pdf.validity import verify
from services.signing.settings import Settings


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The key that another authority has made for Harbor House."""
    made = Authority(tmp_path / "elsewhere", "secret").signer_for("harbor", "Seal of Harbor House")
    path = tmp_path / "seal.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"seal", made.key, made.certificate, made.chain, BestAvailableEncryption(b"of the file")
        )
    )
    (tmp_path / "right").write_text("of the file")
    (tmp_path / "wrong").write_text("of another")
    return path


@pytest.fixture
def use(office: Any, key_file: Path) -> Any:
    """Start a signer of this office with the key file, and a passphrase of it."""

    def used(passphrase: str = "right") -> Signer:
        settings = office.process.runtime.settings
        settings.signing_pkcs12_file = str(key_file)
        settings.signing_pkcs12_passphrase_file = str(key_file.with_name(passphrase))
        office.signer(Signer(settings, office.process.runtime.blobs))
        signer: Signer = office.process.runtime.parts.get(Signer)
        signer.prepare()
        return signer

    return used


def is_valid(office: Any, document: Any) -> bool:
    told = office.call(
        verification.verify_file, None, document=office.upload(office.file(document), "0" * 32)
    )
    return bool(told["is_valid"])


def test_documents_are_signed_with_the_given_key_and_earlier_ones_stay_valid(office: Any, use: Any) -> None:
    own = office.sign(office.send())
    use()

    given = office.sign(office.send())

    checked = verify(office.file(given), trust_roots=office.process.runtime.parts.get(Signer).roots)
    assert (checked.is_valid, checked.signer_common_name) == (True, "Seal of Harbor House")
    assert [is_valid(office, each) for each in (own, given)] == [True, True]
    names = [each.subject.rfc4514_string() for each in office.process.runtime.parts.get(Signer).roots]
    assert len(names) == 2
    settings = office.process.runtime.settings
    settings.signing_pkcs12_file = None
    office.signer(Signer(settings, office.process.runtime.blobs))
    assert is_valid(office, given)


def test_a_key_that_fails_later_is_told_in_the_log_and_leaves_the_document_free(
    office: Any, use: Any, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use()
    document = office.send()
    key_file.rename(key_file.with_name("away.p12"))

    with pytest.raises(Refused) as refused:
        office.sign(document)

    assert (refused.value.code, refused.value.more["retry_after_s"]) == ("service_unavailable", 60)
    assert "Tell those who run Portico" in refused.value.detail
    assert "seal.p12 cannot be read" in "".join(capsys.readouterr())
    key_file.with_name("away.p12").rename(key_file)
    assert office.sign(document)["state"] == "signed"


def test_a_wrong_passphrase_prevents_the_start(
    office: Any, use: Any, monkeypatch: pytest.MonkeyPatch, key_file: Path
) -> None:
    use()
    settings = office.process.runtime.settings
    settings.signing_pkcs12_passphrase_file = str(key_file.with_name("wrong"))
    runtime = SimpleNamespace(blobs=office.process.runtime.blobs, parts=Parts())
    monkeypatch.setattr(service, "Runtime", lambda *_: runtime)
    monkeypatch.setattr(service.tpool, "set_num_threads", lambda _: None)
    with pytest.raises(
        SettingsError, match=r"signing: the key file .*seal\.p12 .* does not open with the passphrase"
    ):
        service.start_runtime(settings)


TOKEN = {"SIGNING_PKCS11_MODULE": "/a.so", "SIGNING_PKCS11_TOKEN": "a", "SIGNING_PKCS11_PIN_FILE": "/pin"}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (TOKEN, None),
        ({"SIGNING_PKCS12_FILE": "/a.p12"}, None),
        (TOKEN | {"SIGNING_PKCS12_FILE": "/a.p12"}, "SIGNING_PKCS12_FILE"),
        (TOKEN | {"SIGNING_PKCS11_TOKEN": None}, "SIGNING_PKCS11_TOKEN"),
        (TOKEN | {"SIGNING_PKCS11_PIN_FILE": None}, "SIGNING_PKCS11_PIN_FILE"),
    ],
)
def test_the_settings_of_a_key_belong_together(given: dict[str, Any], wrong: str | None) -> None:
    told = Settings(partial=True).validate({name: value for name, value in given.items() if value})
    assert [name for name in told if name.startswith("SIGNING_PKCS")] == ([wrong] if wrong else [])
