"""A recipient signs or declines; staff return what was signed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding

from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents.signer import SignatureDoesNotHoldError, Signer, passphrase
from services.signing.pdf.certificates import WrongPassphrase
from services.signing.pdf.validity import verify
from tests.support.in_process import a_caller

ANA = "d" * 32


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code


def pdfsig(content: bytes, folder: Path) -> str:
    """The verdict of poppler, an independent verifier, on the signatures of a file."""
    path = folder / "signed.pdf"
    path.write_bytes(content)
    return subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=False).stdout


@pytest.mark.seed("S4-16")
@pytest.mark.seed("S4-17")
def test_a_signed_document_carries_a_signature_that_others_find_valid(office: Any, tmp_path: Path) -> None:
    sent = office.send()
    signed = office.sign(sent, meaning="review", note="Agreed, with thanks.")

    assert (signed["state"], signed["standing"]) == ("signed", "signed, to return")
    assert (signed["is_signed"], signed["note"]) == (True, "Agreed, with thanks.")
    assert signed["sha256"] != sent["sha256"]
    assert signed["version"] == sent["version"] + 1
    said = pdfsig(office.file(signed), tmp_path)
    assert "Signature Validation: Signature is Valid." in said
    assert "Total document signed" in said
    roots = [office.authority().certificate]
    checked = verify(office.file(signed), trust_roots=roots)
    assert checked.is_valid
    assert checked.timestamped
    assert office.file(sent) == office.file(signed)[: len(office.file(sent))]


def test_the_signature_states_name_meaning_and_the_time_of_the_decision(office: Any) -> None:
    signed = office.sign(office.send(), meaning="review")
    import io

    with pikepdf.open(io.BytesIO(office.file(signed))) as document:
        value = next(
            each.V
            for each in document.objects
            if isinstance(each, pikepdf.Dictionary) and each.get("/FT") == "/Sig"
        )
    assert (str(value.Name), str(value.Reason)) == ("Ana Ruiz", "Review")
    decided_at = datetime.fromisoformat(signed["decided_at"])
    assert str(value.M)[:16] == decided_at.strftime("D:%Y%m%d%H%M%S")


def test_signing_is_told_and_recorded_with_both_hashes(office: Any) -> None:
    sent = office.send()
    signed = office.sign(sent, note="secret words")

    told = office.process.events(contract.document_signed)
    assert [event["data"]["document_id"] for event in told] == [sent["id"]]
    (row,) = office.process.audit("document.signed")
    assert (row.actor_id, row.facts) == (
        ANA,
        {
            "original_sha256": sent["sha256"],
            "signed_sha256": signed["sha256"],
            "meaning": "approval",
            "pages_seen": 0,
        },
    )
    assert "secret words" not in str([row.facts, told])


def test_the_file_opened_after_signing_is_the_signed_one(office: Any) -> None:
    signed = office.sign(office.send())
    opened = office.call(contract.open_document_file, office.ana, document_id=signed["id"])
    assert opened["sha256"] == signed["sha256"]


def test_only_the_recipient_signs(office: Any) -> None:
    sent = office.send()
    with refused("not_found"):
        office.sign(sent, caller=office.ben)
    boss = a_caller("document.read", "document.sign", id="d1" * 16)
    office.accounts.known[boss.id] = office.accounts.known[ANA]
    with refused("forbidden"):
        office.sign(sent, caller=boss)
    assert office.titles(state="sent") == ["Plan of care"]


@pytest.mark.parametrize("decide", ["sign", "decline"])
def test_a_decision_needs_the_version_that_was_read(office: Any, decide: str) -> None:
    sent = office.send()
    with refused("version_required"):
        getattr(office, decide)(sent, version=None)
    with refused("version_conflict"):
        getattr(office, decide)(sent, version=sent["version"] + 1)


@pytest.mark.parametrize("first", ["sign", "decline"])
@pytest.mark.parametrize("second", ["sign", "decline"])
def test_a_document_is_decided_once(office: Any, first: str, second: str) -> None:
    sent = office.send()
    decided = getattr(office, first)(sent)
    for version in (sent["version"], decided["version"]):
        with refused("already_decided"):
            getattr(office, second)(sent, version=version)
    now = office.call(contract.get_document, office.staff, document_id=sent["id"])
    assert decided.items() <= now.items()


def test_the_same_key_signs_once_and_answers_the_same(office: Any) -> None:
    sent = office.send()
    signed = office.sign(sent, key="key-1")
    office.signer(None)  # nothing may be signed again
    assert office.sign(sent, key="key-1") == signed
    assert len(office.process.events(contract.document_signed)) == 1


@pytest.mark.seed("S4-17")
@pytest.mark.seed("S4-20")
def test_a_declined_document_keeps_its_reason_and_stays_in_the_unsigned_report(office: Any) -> None:
    declined = office.decline(office.send(title="Refused"), note="Wrong medication.")

    assert (declined["state"], declined["standing"]) == ("declined", "declined")
    assert (declined["note"], declined["is_signed"]) == ("Wrong medication.", False)
    assert office.titles(report="unsigned") == ["Refused"]
    (told,) = office.process.events(contract.document_declined)
    assert told["data"]["sender_account_id"] == "c" * 32
    assert "Wrong medication" not in str(told)


@pytest.mark.seed("S4-20")
@pytest.mark.parametrize(
    ("reason_code", "note", "is_reason"),
    [
        ("outdated", None, True),
        ("other", "See the letter.", True),
        (None, "Wrong medication.", True),  # as programs did before there were codes
        ("other", None, False),
        (None, None, False),
    ],
)
def test_who_declines_gives_a_reason_as_a_code_or_in_words(
    office: Any, reason_code: str | None, note: str | None, is_reason: bool
) -> None:
    sent = office.send()
    if is_reason:
        declined = office.decline(sent, note, reason_code=reason_code)
        assert (declined["reason_code"], declined["note"]) == (reason_code, note)
        return
    with pytest.raises(Refused) as caught:
        office.decline(sent, note, reason_code=reason_code)
    assert (caught.value.code, caught.value.field) == ("invalid_request", "note")


def test_a_declined_document_can_be_sent_again(office: Any) -> None:
    declined = office.decline(office.send())
    again = office.send(office.file(declined))
    assert office.sign(again)["state"] == "signed"


def test_declining_needs_a_reason(office: Any) -> None:
    with refused("invalid_request"):
        office.decline(office.send(), note="  ")


@pytest.mark.seed("C7")
@pytest.mark.parametrize("returns", [True, False])
def test_a_practice_may_have_signed_documents_returned_at_once(office: Any, returns: bool) -> None:
    office.accounts.features = ["electronic_signature", *(["auto_return"] if returns else [])]
    signed = office.sign(office.send())

    assert (signed["state"], signed["returned_at"] is not None) == (
        ("returned", True) if returns else ("signed", False)
    )
    assert office.titles(report="unsigned") == ([] if returns else ["Plan of care"])
    assert len(office.process.events(contract.document_signed)) == 1
    assert len(office.process.events(contract.document_returned)) == int(returns)


@pytest.mark.seed("C8")
@pytest.mark.seed("S4-20")
def test_a_declined_document_is_sent_again_as_a_new_version_which_says_what_it_replaces(office: Any) -> None:
    declined = office.decline(office.send(), "The goal is wrong.")
    assert (declined["state"], declined["note"]) == ("declined", "The goal is wrong.")
    assert [each["data"]["document_id"] for each in office.process.events(contract.document_declined)] == [
        declined["id"]
    ]
    assert office.titles(report="unsigned") == ["Plan of care"]
    assert office.call(contract.get_document, office.staff, document_id=declined["id"])["actions"] == [
        "replace"
    ]

    again = office.send(title="Plan of care, corrected", replaces_document_id=declined["id"])

    assert (again["revision"], again["replaces_document_id"]) == (2, declined["id"])
    before = office.call(contract.get_document, office.staff, document_id=declined["id"])
    assert (before["state"], before["replaced_by_document_id"], before["actions"]) == (
        "declined",
        again["id"],
        [],
    )
    assert office.titles(report="unsigned") == ["Plan of care, corrected"]  # the old one is dealt with
    assert office.titles() == ["Plan of care, corrected", "Plan of care"]
    assert office.sign(again)["state"] == "signed"


def test_only_a_declined_document_is_sent_again_and_only_once(office: Any) -> None:
    waiting = office.send()
    with refused("not_declined"):
        office.send(replaces_document_id=waiting["id"])
    declined = office.decline(waiting)
    office.send(replaces_document_id=declined["id"])
    with refused("not_declined"):
        office.send(replaces_document_id=declined["id"])
    with refused("not_found"):
        office.send(replaces_document_id="0" * 32)


@pytest.mark.seed("S4-19")
@pytest.mark.seed("S4-21")
@pytest.mark.seed("C7")
def test_a_signed_document_stands_in_the_unsigned_report_until_staff_return_it(office: Any) -> None:
    signed = office.sign(office.send())
    assert office.titles(report="unsigned") == ["Plan of care"]

    returned = office.give_back(signed)

    assert (returned["state"], returned["standing"]) == ("returned", "returned")
    assert returned["returned_at"] is not None
    assert office.titles(report="unsigned") == []
    assert len(office.process.events(contract.document_returned)) == 1
    assert len(office.process.audit("document.returned")) == 1


def test_only_a_signed_document_is_returned_and_only_once(office: Any) -> None:
    sent = office.send()
    with refused("not_signed"):
        office.give_back(sent)
    signed = office.sign(sent)
    with refused("version_conflict"):
        office.give_back(sent)
    returned = office.give_back(signed)
    with refused("not_signed"):
        office.give_back(returned)


def test_a_provider_returns_nothing(office: Any) -> None:
    signed = office.sign(office.send())
    with refused("forbidden"):
        office.give_back(signed, caller=a_caller("document.send", id=ANA, realm="provider"))


def test_a_system_that_sends_documents_returns_them(office: Any) -> None:
    system = a_caller("document.send", "document.read", id="8" * 32, realm="api")
    assert office.give_back(office.sign(office.send()), caller=system)["state"] == "returned"


def test_a_document_with_an_earlier_signature_keeps_it(office: Any, tmp_path: Path) -> None:
    first = office.sign(office.send())
    second = office.sign(office.send(office.file(first), title="Countersign"))
    assert pdfsig(office.file(second), tmp_path).count("Signature is Valid.") == 2


class DyingSigner:
    """The process ends in the middle of signing."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.turn_to_sign = signer.turn_to_sign

    def sign(self, order: Any) -> str:
        self._signer.sign(order)
        raise KeyboardInterrupt


@pytest.fixture
def crashed(office: Any) -> Any:
    """A document whose signing was cut short by the end of the process, request `key-1`."""
    sent, whole = office.send(), office.process.runtime.parts.get(Signer)
    office.signer(DyingSigner(whole))
    with pytest.raises(KeyboardInterrupt):
        office.sign(sent, key="key-1")
    office.signer(whole)
    return sent


def test_after_a_crash_the_same_request_goes_on_at_once(office: Any, crashed: Any) -> None:
    assert office.sign(crashed, key="key-1")["state"] == "signed"


def test_after_a_crash_another_request_waits_for_the_lease_to_end(office: Any, crashed: Any) -> None:
    for decide in (office.sign, office.decline):
        with refused("conflict"):
            decide(crashed)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=31)):
        assert office.sign(crashed)["state"] == "signed"
    assert len(office.process.events(contract.document_signed)) == 1


def test_who_signs_too_slowly_does_not_overwrite_who_came_after(office: Any) -> None:
    sent, whole = office.send(), office.process.runtime.parts.get(Signer)

    class SlowSigner(DyingSigner):
        def sign(self, order: Any) -> str:
            office.signer(whole)
            with time_machine.travel(datetime.now(UTC) + timedelta(seconds=31)):
                self.later = office.sign(sent, key="later")
            return self._signer.sign(order)

    slow = SlowSigner(whole)
    office.signer(slow)
    with refused("already_decided"):
        office.sign(sent, key="slow")
    now = office.call(contract.get_document, office.staff, document_id=sent["id"])
    assert slow.later.items() <= now.items()


def test_who_lost_the_lease_records_nothing_even_while_the_document_is_undecided(office: Any) -> None:
    sent, whole = office.send(), office.process.runtime.parts.get(Signer)

    class SlowSigner(DyingSigner):
        def sign(self, order: Any) -> str:
            office.signer(DyingSigner(whole))
            clock.shift(31)  # this lease has ended; another request takes a new one, and crashes
            with pytest.raises(KeyboardInterrupt):
                office.sign(sent, key="later")
            clock.shift(31)  # its lease has ended as well
            return self._signer.sign(order)

    office.signer(SlowSigner(whole))
    with time_machine.travel(datetime.now(UTC), tick=False) as clock, refused("conflict"):
        office.sign(sent, key="slow")
    assert office.titles(state="sent") == ["Plan of care"]


def test_a_signature_that_does_not_verify_is_never_recorded(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = office.send()
    with monkeypatch.context() as patch:
        patch.setattr("services.signing.pdf.signature.sign", lambda pdf, into, **_: into.write(pdf.read()))
        with pytest.raises(SignatureDoesNotHoldError):
            office.sign(sent)
    assert office.process.events(contract.document_signed) == []
    assert office.sign(sent)["state"] == "signed"


def test_without_a_timestamp_nothing_is_signed_and_the_document_stays_free(
    open_office: Callable[..., Any], office: Any, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(office.authority().certificate.public_bytes(Encoding.PEM))
    office = open_office(timestamp_authority="http://127.0.0.1:9", timestamp_roots_file=str(roots))
    sent = office.send()
    with refused("service_unavailable"):
        office.sign(sent)
    assert office.titles(state="sent") == ["Plan of care"]
    assert office.decline(sent)["state"] == "declined"


def test_the_passphrase_of_the_keys_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    made = passphrase(tmp_path / "keys", None)
    assert len(made) >= 32
    assert passphrase(tmp_path / "keys", None) == made
    file = tmp_path / "keys" / "passphrase"
    assert oct(file.stat().st_mode & 0o777) == oct(0o600)
    assert [each.name for each in file.parent.iterdir()] == ["passphrase"]


def test_an_empty_passphrase_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("\n")
    with pytest.raises(ValueError, match="empty"):
        passphrase(tmp_path, str(tmp_path / "given"))


def test_keys_that_do_not_open_stop_the_start(office: Any, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another passphrase")
    settings = office.process.runtime.settings
    office.process.runtime.parts.get(Signer).prepare()
    settings.signing_key_passphrase_file = str(tmp_path / "other")
    with pytest.raises(WrongPassphrase):
        Signer(settings, office.process.runtime.blobs).prepare()
