"""What the signer accepts of its own signature, and of the store."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis.blobs import BlobStore
from services.chassis.pdf_screening import Screened
from services.chassis.turns import turn
from services.contracts.errors import Refused
from services.signing.documents import signer as module
from services.signing.documents.signer import (
    SignatureDoesNotHoldError,
    Signer,
    TakenIn,
    _require_valid,
    passphrase,
)
from services.signing.pdf.signature import SignatureCheck, Verification

HOLDS = SignatureCheck("ours", True, True, True, False, True, "Harbor House", None)
THEIRS = dataclasses.replace(HOLDS, field_name="theirs", is_trusted=False)


def holds(*signatures: SignatureCheck) -> bool:
    """Whether the signature `ours` is accepted in a document with these."""
    try:
        _require_valid(Verification(signatures=signatures), "ours")
    except SignatureDoesNotHoldError:
        return False
    return True


def test_our_signature_is_the_last_one_and_earlier_ones_are_not_ours_to_judge():
    assert holds(HOLDS)
    assert holds(THEIRS, HOLDS)


@pytest.mark.parametrize(
    "signatures",
    [
        (),
        (HOLDS, THEIRS),
        *(
            (dataclasses.replace(HOLDS, **wrong),)
            for wrong in (
                {"field_name": "another"},
                {"is_intact": False},
                {"is_trusted": False},
                {"is_timestamped": False},
                {"covers_whole_file": False},
            )
        ),
    ],
)
def test_a_signature_that_lacks_one_property_does_not_hold(signatures: tuple[SignatureCheck, ...]):
    assert not holds(*signatures)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    settings = SimpleNamespace(
        timestamp_authority="local",
        timestamp_roots_file=None,
        max_document_bytes=1000,
        max_document_pages=5,
        signing_workers=1,
        signing_keys_dir=str(tmp_path / "keys"),
        signing_key_passphrase_file=None,
    )
    return Signer(settings, BlobStore(tmp_path / "blobs"), lambda work, *arguments: work(*arguments))


@pytest.mark.parametrize(
    ("sha256", "size", "code"),
    [(None, 4, None), (None, 5, "document_unreadable"), ("0" * 64, 4, "document_unreadable")],
)
def test_what_lies_in_the_store_is_what_was_uploaded(
    signer: Signer, monkeypatch: pytest.MonkeyPatch, sha256: str | None, size: int, code: str | None
):
    stored, _ = signer._blobs.put("a" * 32, [b"%PDF"], 1000)
    asked: list[Any] = []

    def screened(_path: Path, **limits: Any) -> Screened:
        asked.append(limits["limits"])
        return Screened(pages=3, sha256=sha256 or stored, bytes=4)

    monkeypatch.setattr(module.pdf_screening, "screen", screened)
    if code is None:
        assert signer.take_in("a" * 32, stored, size, 1.0) == TakenIn(stored, 3, 4)
    else:
        with pytest.raises(Refused) as refused:
            signer.take_in("a" * 32, stored, size, 1.0)
        assert (refused.value.code, refused.value.field) == (code, "document")
    assert (asked[0].max_bytes, asked[0].max_pages) == (1000, 5)


def test_who_waits_for_a_turn_is_refused_in_time_and_a_turn_comes_back_after_a_failure():
    places = threading.BoundedSemaphore(1)

    def fails() -> None:
        with turn(places, 0.0):
            with pytest.raises(Refused) as refused, turn(places, -1.0):
                raise AssertionError("there is one place")
            assert (refused.value.code, refused.value.more["retry_after_s"]) == ("service_unavailable", 2)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    with turn(places, 0.0):
        assert not places.acquire(blocking=False)


def test_a_passphrase_file_that_is_named_and_missing_is_never_made(tmp_path: Path):
    named = tmp_path / "elsewhere"
    with pytest.raises(FileNotFoundError):
        passphrase(tmp_path / "keys", str(named))
    assert not named.exists()

    named.write_text(" words of an operator\n")
    assert passphrase(tmp_path / "keys", str(named)) == "words of an operator"
    assert not (tmp_path / "keys").exists()
