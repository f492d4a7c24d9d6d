"""Certificates of completion and of transmission: what they state, that they are signed, and who may have them."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest

from services.contracts.errors import Refused
from services.contracts.signing import certificates
from services.contracts.signing import documents as contract
from services.signing.pdf.validity import verify
from tests.support.in_process import HARBOR, a_caller

ANA, BEN = "d" * 32, "e" * 32
TAKEN = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code


def text_of(pdf: bytes) -> str:
    page = pypdfium2.PdfDocument(io.BytesIO(pdf))[0]
    return re.sub(r"\s+", " ", page.get_textpage().get_text_range())


def opened(office: Any, operation: Any, document: Any, caller: Any = None) -> bytes:
    reference = office.call(operation, caller or office.staff, document_id=document["id"])
    path = office.process.runtime.blobs.find(HARBOR[0], reference["sha256"])
    content: bytes = path.read_bytes()
    assert verify(content, trust_roots=[office.authority().certificate]).is_valid
    return content


def completion(office: Any, document: Any, caller: Any = None) -> str:
    return text_of(opened(office, certificates.open_completion_certificate, document, caller))


def transmission(office: Any, document: Any, caller: Any = None) -> str:
    return text_of(opened(office, certificates.open_transmission_certificate, document, caller))


@pytest.fixture
def mails(office: Any) -> dict[str, Any]:
    """What notifications tells about the messages, by account."""
    usual = {"channel": "email", "state": "sent", "reason": None, "sent_at": TAKEN.isoformat()}
    told: dict[str, Any] = {"asked": []}

    def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        told["asked"].append(request)
        items = [
            {"account_id": each["account_id"], "receipt": f"<{each['account_id'][:4]}@mail>", **usual}
            | told.get(each["account_id"], {})
            for each in request["asked"]
        ]
        return {"items": items}

    office.process.answers["notifications.describe_document_deliveries"] = answer
    return told


def test_the_certificate_of_completion_tells_who_did_what_when_and_both_hashes(office: Any) -> None:
    sent = office.send(
        recipient_account_id=None, recipients=[{"account_id": ANA}, {"account_id": BEN, "turn": 2}]
    )
    with refused("not_decided"):
        completion(office, sent)
    office.call(contract.open_document_file, office.ana, document_id=sent["id"])
    office.sign(sent, note="Only for the sender.")
    shown = office.call(contract.get_document, office.ben, document_id=sent["id"])
    signed = office.sign(shown, caller=office.ben, note="Agreed by Ben.")
    told = completion(office, signed)
    assert "Signed by Ana Ruiz, ben@clinic.example" in told
    assert re.search(
        "sent.*asked to sign Ana Ruiz.*opened first Ana Ruiz.*signed Ana Ruiz.*signed ben@clinic", told
    )
    assert sent["sha256"] in told
    assert signed["sha256"] in told
    assert "Agreed by Ben." in told
    of_ana = completion(office, signed, office.ana)
    assert "Agreed by Ben." not in of_ana
    (row,) = office.process.audit("document.certificate_opened")[:1]
    assert row.facts["kind"] == "completion"


def test_a_declined_document_has_one_too_and_only_those_who_see_the_document_have_it(office: Any) -> None:
    declined = office.decline(office.send(), "Wrong dose.")
    told = completion(office, declined)
    assert "Declined by Ana Ruiz" in told
    assert "Wrong dose." in told
    with refused("not_found"):
        completion(office, declined, office.ben)


def test_the_certificate_of_transmission_tells_hash_way_time_receipt_and_days_left(
    office: Any, mails: dict[str, Any]
) -> None:
    there = TAKEN.astimezone(ZoneInfo("America/Chicago"))  # days are those of the organisation
    began = (there - datetime.timedelta(days=26)).date().isoformat()
    sent = office.send(kind="plan_of_care", care_began_on=began)
    told = transmission(office, sent)
    assert sent["sha256"] in told
    assert "Ana Ruiz" in told
    assert f"Receipt: taken by the mail server as <{ANA[:4]}@mail>" in told
    assert "4 of 30 days left" in told
    assert mails["asked"][0]["document_id"] == sent["id"]
    mails[ANA] = {"state": "temporary_failure", "reason": "connection", "sent_at": None}
    told = transmission(office, sent)
    assert "not taken: temporary failure" in told
    assert "days left" not in told


def test_a_fax_and_paper_have_their_certificates(office: Any, mails: dict[str, Any]) -> None:
    faxed, printed = office.fax(), office.send_on_paper()
    told = transmission(office, faxed)
    assert re.search(r"Dr Grey, \+1 415-555-0177.*By fax", told)
    assert mails["asked"][0]["asked"][0]["account_id"] == faxed["id"]
    assert "no receipt on paper" in transmission(office, printed)
    assert len(mails["asked"]) == 1


def test_only_staff_have_proof_of_what_was_sent(office: Any, mails: dict[str, Any]) -> None:
    sent = office.send()
    sender_at_the_provider = a_caller("document.send", "document.read", id=ANA, realm="provider")
    with refused("forbidden"):
        transmission(office, sent, sender_at_the_provider)
    assert not mails["asked"]
