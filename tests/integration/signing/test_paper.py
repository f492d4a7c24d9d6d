"""The way by paper: cover sheets, faxes, signed copies that come back, and what they are recognised by."""

from __future__ import annotations

import datetime
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from services.chassis.blobs import UPLOADS
from services.contracts.errors import Refused
from services.contracts.notifications.deliveries import fax_failed, fax_sent
from services.contracts.signing import documents as contract
from services.contracts.signing import paper
from services.signing.paper import scans
from tests.integration.signing.conftest import a_pdf
from tests.support.in_process import BAYSIDE, HARBOR, a_caller, a_service

NOT_RECOGNISED = {"is_recognised": False, "document": None, "scan": None, "pages": 1}
TODAY = datetime.datetime.now(datetime.UTC).date()


@contextmanager
def refused(code: str, field: str | None = None) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert (caught.value.code, caught.value.field) == (code, field)


def cover_sheet(office: Any, document: Any) -> bytes:
    told = office.call(paper.open_cover_sheet, office.staff, document_id=document["id"])
    return office.process.runtime.blobs.find(HARBOR[0], told["sha256"]).read_bytes()


def joined(*parts: bytes) -> bytes:
    whole = pikepdf.Pdf.new()
    for part in parts:
        whole.pages.extend(pikepdf.open(io.BytesIO(part)).pages)
    buffer = io.BytesIO()
    whole.save(buffer)
    return buffer.getvalue()


def scanned(pdf: bytes, turned: int = 0, dots_per_inch: int = 150) -> bytes:
    """The pages as a scanner sees them: grey pictures, askew."""
    pages = [
        page.render(scale=dots_per_inch / 72).to_pil().convert("L").rotate(turned, expand=True, fillcolor=255)
        for page in pypdfium2.PdfDocument(pdf)
    ]
    buffer = io.BytesIO()
    pages[0].save(buffer, "PDF", save_all=True, append_images=pages[1:], resolution=dots_per_inch)
    return buffer.getvalue()


def photograph(pdf: bytes, kind: str) -> bytes:
    buffer = io.BytesIO()
    pypdfium2.PdfDocument(pdf)[0].render(scale=2).to_pil().save(buffer, kind)
    return buffer.getvalue()


def recognised(office: Any, scan: bytes, caller: Any = None) -> Any:
    return office.call(paper.recognise_scan, caller or office.staff, document=office.upload(scan))


@pytest.mark.seed("S4-2")
def test_each_recipient_gets_a_mail_or_a_fax(office: Any) -> None:
    mailed, faxed = office.send(title="By mail"), office.fax(title="By fax")

    assert (mailed["channel"], mailed["addressee"], mailed["fax_state"]) == ("email", None, None)
    assert (faxed["channel"], faxed["recipient_account_id"], faxed["fax_state"]) == ("fax", None, "waiting")
    assert (faxed["addressee"], faxed["fax_number"]) == ("Dr Grey", "+1 415-555-0177")
    asked_to_sign = office.process.events(contract.signature_requested)
    assert [each["data"]["document_id"] for each in asked_to_sign] == [mailed["id"]]
    to_fax = office.process.events(contract.fax_requested)
    assert [each["data"] for each in to_fax] == [
        {"document_id": faxed["id"], "sender_account_id": office.staff.id, "repetition": 0}
    ]
    assert not [each for each in ("Grey", "0177") if each in str(to_fax)]


@pytest.mark.seed("S4-5")
@pytest.mark.parametrize("channel", ["fax", "print"])
def test_paper_needs_no_switch(office: Any, channel: str) -> None:
    office.accounts.features = []
    send = office.fax if channel == "fax" else office.send_on_paper
    assert send()["state"] == "sent"


@pytest.mark.parametrize("again", [None, "+1 415 555 0178"])
def test_a_new_fax_number_is_entered_twice(office: Any, again: str | None) -> None:
    with refused("invalid_request", "fax_number_again"):
        office.fax(fax_number_again=again)
    assert office.titles() == []


def test_a_number_that_a_fax_has_reached_is_entered_once(office: Any) -> None:
    first = office.fax()
    with refused("invalid_request", "fax_number_again"):
        office.fax(fax_number_again=None)  # nobody knows yet whether the fax arrives
    office.process.deliver(fax_sent, {"document_id": first["id"], "delivery_id": "1" * 32, "repetition": 0})
    assert office.fax(fax_number_again=None)["state"] == "sent"
    with refused("invalid_request", "fax_number_again"):
        office.fax(fax_number="+1 415 555 0178", fax_number_again=None)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"recipient_account_id": None}, "recipient_account_id"),
        ({"addressee": "Dr Grey"}, "addressee"),
        ({"fax_number": "+1 415 555 0177"}, "fax_number"),
        ({"channel": "print", "addressee": "Dr Grey"}, "recipient_account_id"),
        ({"channel": "print", "recipient_account_id": None}, "addressee"),
        ({"channel": "fax", "recipient_account_id": None, "addressee": "Dr Grey"}, "fax_number"),
        (
            {
                "channel": "print",
                "recipient_account_id": None,
                "addressee": "X",
                "fax_number": "+1 415 555 0177",
            },
            "fax_number",
        ),
    ],
)
def test_what_a_way_needs_and_what_does_not_belong_to_it_is_told(
    office: Any, changed: Any, field: str
) -> None:
    with refused("invalid_request", field):
        office.send(**changed)
    assert office.titles() == []


def test_a_fax_has_a_largest_size(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.signing.documents.rules.MOST_FAXED_BYTES", 100)
    with refused("document_too_large", "document"):
        office.fax()
    assert office.send_on_paper()["state"] == "sent"


def test_the_cover_sheet_says_for_whom_it_is_and_how_to_return_it(office: Any) -> None:
    sent = office.fax(respond_by=(TODAY + datetime.timedelta(days=9)).isoformat())
    page = pypdfium2.PdfDocument(cover_sheet(office, sent))[0]
    text = page.get_textpage().get_text_range()
    for words in (
        "Harbor House",
        "Dr Grey",
        "+1 415-555-0177",
        "+1 415-555-0100",
        sent["id"][:8].upper(),
        "2 and this one",
    ):
        assert words in text
    answer_by = TODAY + datetime.timedelta(days=9)
    assert f"{answer_by.day} {answer_by:%B %Y}" in text
    assert ("CST" in text) or ("CDT" in text)
    assert "Plan of care" not in text  # who finds the sheet learns nothing about the document
    assert [row.object_id for row in office.process.audit("document.cover_sheet_opened")] == [sent["id"]]


@pytest.mark.seed("S4-3")
@pytest.mark.parametrize("send", ["send", "fax", "send_on_paper"])
def test_a_provider_signs_by_hand_and_staff_attach_the_copy(office: Any, pdf: Any, send: str) -> None:
    """The PDF of a mail may be printed and signed as well."""
    sent = getattr(office, send)()
    signed = office.attach(sent, pdf("Signed by hand"), note="Came by post.")

    assert (signed["state"], signed["standing"], signed["is_wet"]) == ("signed", "signed, to return", True)
    assert (signed["meaning"], signed["signed_on"], signed["note"]) == (
        None,
        TODAY.isoformat(),
        "Came by post.",
    )
    assert office.file(signed) == pdf("Signed by hand")
    original = office.call(paper.open_original_file, office.staff, document_id=sent["id"])
    assert original["sha256"] == sent["sha256"]
    assert [
        each["data"]["document_id"] for each in office.process.events(contract.document_signed_on_paper)
    ] == [sent["id"]]
    with refused("already_decided"):
        office.attach(signed, pdf("Again"))
    if send == "send":
        with refused("already_decided"):
            office.sign(signed)
    returned = office.give_back(signed)
    assert returned["state"] == "returned"
    told = office.process.events(contract.paper_returned), office.process.events(contract.document_returned)
    assert list(map(len, told)) == ([0, 1] if send == "send" else [1, 0])


def test_a_copy_counts_as_returned_at_once_where_the_practice_wants_it(office: Any, pdf: Any) -> None:
    office.accounts.features = ["auto_return"]
    office.accounts.known[office.staff.id] = {
        "first_name": "Sam",
        "last_name": "F",
        "email": "s@h.example",
        "state": "active",
    }
    assert office.attach(office.send_on_paper(), pdf("Signed"))["state"] == "returned"


@pytest.mark.seed("S4-3")
def test_only_staff_attach_a_copy(office: Any, pdf: Any) -> None:
    sent = office.send()
    sender_at_the_provider = a_caller("document.send", "document.sign", id=office.ana.id, realm="provider")
    with refused("forbidden"):
        office.attach(sent, pdf("Signed"), caller=sender_at_the_provider)
    with refused("forbidden"):
        office.attach(sent, pdf("Signed"), caller=office.ana)
    assert office.titles(state="sent") == ["Plan of care"]


@pytest.mark.parametrize("days", [-2, 2])
def test_the_day_of_the_signature_is_between_sending_and_today(office: Any, pdf: Any, days: int) -> None:
    day = TODAY + datetime.timedelta(days=days)
    with refused("invalid_request", "signed_on"):
        office.attach(office.send_on_paper(), pdf("Signed"), signed_on=day.isoformat())


def test_a_copy_is_screened_as_every_document(office: Any) -> None:
    sent = office.send_on_paper()
    with refused("document_not_pdf", "document"):
        office.attach(sent, b"MZ" + b"0" * 100)
    assert office.titles(state="sent") == ["Plan of care"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photograph_becomes_a_pdf(office: Any, pdf: Any, kind: str) -> None:
    signed = office.attach(office.send_on_paper(), photograph(pdf("Signed by hand"), kind))
    page = pypdfium2.PdfDocument(office.file(signed))[0]
    assert max(page.get_size()) == pytest.approx(11 * 72, abs=1)
    assert office.send(photograph(pdf(), kind))["pages"] == 1


def test_a_photograph_is_shown_upright_and_without_its_place(office: Any) -> None:
    image = Image.new("RGB", (400, 200), "white")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "taken at the clinic"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    signed = office.attach(office.send_on_paper(), buffer.getvalue())
    width, height = pypdfium2.PdfDocument(office.file(signed))[0].get_size()
    assert height > width
    assert b"taken at the clinic" not in office.file(signed)


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff" + b"0" * 500, b"\x89PNG\r\n\x1a\n" + b"0" * 500], ids=["jpeg", "png"]
)
def test_a_damaged_photograph_is_refused(office: Any, content: bytes) -> None:
    with refused("document_unreadable", "document"):
        office.attach(office.send_on_paper(), content)


def test_a_photograph_with_too_many_pixels_is_refused(office: Any) -> None:
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    with pytest.raises(Refused) as caught:
        office.attach(office.send_on_paper(), buffer.getvalue())
    assert caught.value.code in ("document_too_large", "document_unreadable")


@pytest.mark.seed("S4-3")
@pytest.mark.parametrize("turned", [0, 4, 90, 180])
def test_a_scan_is_recognised_by_the_code_on_its_cover_sheet(office: Any, pdf: Any, turned: int) -> None:
    office.send_on_paper(title="Another")
    sent = office.send_on_paper(title="Wanted")
    scan = scanned(joined(cover_sheet(office, sent), pdf("Signed")), turned)
    answer = recognised(office, scan)
    assert (answer["is_recognised"], answer["document"]["id"], answer["document"]["title"]) == (
        True,
        sent["id"],
        "Wanted",
    )
    assert answer["document"]["actions"] == ["attach", "refuse"]
    assert answer["pages"] == 3
    # Nothing is attached by a machine.
    assert office.titles(state="sent") == ["Wanted", "Another"]
    assert [row.object_id for row in office.process.audit("document.read")] == [sent["id"]]


def test_what_has_no_code_of_ours_is_not_recognised(office: Any, pdf: Any) -> None:
    import segno

    sent = office.send_on_paper()
    forged = io.BytesIO()
    segno.make(f"PORTICO1:{sent['id']}:{'0' * 32}").save(forged, kind="png", scale=8, border=6)
    for scan, pages in ((pdf("No code"), 2), (forged.getvalue(), 1)):
        assert recognised(office, scan) == NOT_RECOGNISED | {"pages": pages}


def test_a_code_of_another_organisation_is_not_recognised(office: Any) -> None:
    sheet = cover_sheet(office, office.send_on_paper())
    stranger = a_caller("document.send", "document.read", organisation=BAYSIDE)
    answer = office.call(paper.recognise_scan, stranger, document=office.upload(sheet, BAYSIDE[0]))
    assert answer == NOT_RECOGNISED


def a_recognised_scan(office: Any, sent: Any, caller: Any = None) -> tuple[bytes, str]:
    """The bytes of a scan, and what its reader was told to call it. The upload is released, as the gateway does it."""
    scan = joined(cover_sheet(office, sent), a_pdf(sent["title"]))
    reference = recognised(office, scan, caller)["scan"]
    office.process.runtime.blobs.path(HARBOR[0], hashlib.sha256(scan).hexdigest(), UPLOADS).unlink()
    return scan, reference


def attach_scan(office: Any, scan: str, caller: Any = None, **changed: Any) -> Any:
    request = {"scan": scan, "signed_on": TODAY.isoformat(), "note": None} | changed
    return office.call(paper.attach_recognised_scan, caller or office.staff, version=1, **request)


@pytest.mark.seed("S4-3")
def test_a_recognised_scan_is_looked_at_and_attached_without_being_sent_again(office: Any) -> None:
    sent = office.send_on_paper()
    scan, reference = a_recognised_scan(office, sent)

    shown = office.call(paper.open_scan_page, office.staff, scan=reference, number=2)
    picture = office.process.runtime.blobs.find(HARBOR[0], shown["sha256"]).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert [row.object_id for row in office.process.audit("document.scan_opened")] == [sent["id"]]
    with refused("not_found", "number"):
        office.call(paper.open_scan_page, office.staff, scan=reference, number=9)
    with refused("invalid_request", "signed_on"):
        attach_scan(office, reference, signed_on=(TODAY + datetime.timedelta(days=2)).isoformat())

    signed = attach_scan(office, reference, note="By post.")
    assert (signed["id"], signed["state"], signed["is_wet"], signed["note"]) == (
        sent["id"],
        "signed",
        True,
        "By post.",
    )
    assert office.file(signed) == scan
    with refused("already_decided"):
        attach_scan(office, reference)  # once only
    assert recognised(office, scan)["scan"] is None  # and for nobody after that


def test_a_recognised_photograph_is_attached_as_a_pdf(office: Any) -> None:
    sent = office.send_on_paper()
    reference = recognised(office, photograph(cover_sheet(office, sent), "PNG"))["scan"]
    assert office.file(attach_scan(office, reference)).startswith(b"%PDF-")


def test_only_who_recognised_a_scan_may_look_at_it_and_attach_it(office: Any) -> None:
    _, reference = a_recognised_scan(office, office.send_on_paper())
    colleague = a_caller("document.send", "document.read", id="7" * 32)
    elsewhere = a_caller("document.send", "document.read", id=office.staff.id, organisation=BAYSIDE)
    changed = reference[:-6] + ("A" if reference[-6] != "A" else "B") + reference[-5:]
    for caller, scan in [
        (colleague, reference),
        (elsewhere, reference),
        (office.staff, changed),
        (office.staff, "gAAAA"),
    ]:
        with refused("not_found", "scan"):
            office.call(paper.open_scan_page, caller, scan=scan, number=1)
        with refused("not_found", "scan"):
            attach_scan(office, scan, caller)
    with refused("invalid_request", "scan"):
        attach_scan(office, "\ud800")
    assert attach_scan(office, reference)["state"] == "signed"


@pytest.mark.parametrize("how", ["by the clock", "swept"])
def test_a_scan_that_nobody_attaches_is_not_kept(
    office: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    scan, reference = a_recognised_scan(office, office.send_on_paper())
    blobs, sha256 = office.process.runtime.blobs, hashlib.sha256(scan).hexdigest()
    assert not blobs.path(HARBOR[0], sha256).exists()  # it is no document before somebody attaches it
    if how == "by the clock":
        monkeypatch.setattr(scans, "ATTACHED_WITHIN", datetime.timedelta(seconds=-1))
    else:
        blobs.sweep_passing(-1)
    with refused("scan_expired", "scan"):
        office.call(paper.open_scan_page, office.staff, scan=reference, number=1)
    with refused("scan_expired", "scan"):
        attach_scan(office, reference)
    assert office.titles(state="sent") == ["Plan of care"]


@pytest.mark.seed("S4-2")
def test_the_fax_is_described_to_notifications_only_until_it_is_decided(office: Any, pdf: Any) -> None:
    sent = office.fax()
    notifications = a_service("notifications")
    told = office.call(paper.describe_fax, notifications, document_id=sent["id"])
    assert (told["fax_number"], told["document_sha256"]) == ("+1 415-555-0177", sent["sha256"])
    sheet = office.process.runtime.blobs.find(HARBOR[0], told["cover_sheet_sha256"]).read_bytes()
    assert "Dr Grey" in pypdfium2.PdfDocument(sheet)[0].get_textpage().get_text_range()
    with refused("forbidden"):
        office.call(paper.describe_fax, office.staff, document_id=sent["id"])
    with refused("not_found", "document_id"):
        office.call(paper.describe_fax, notifications, document_id=office.send()["id"])
    office.attach(sent, pdf("Signed"))
    with refused("already_decided"):
        office.call(paper.describe_fax, notifications, document_id=sent["id"])


@pytest.mark.seed("S4-2")
def test_what_became_of_the_fax_stands_with_the_document(office: Any) -> None:
    first, second = office.fax(), office.fax()
    office.process.deliver(fax_sent, {"document_id": first["id"], "delivery_id": "1" * 32})
    office.process.deliver(
        fax_failed, {"document_id": second["id"], "delivery_id": "2" * 32, "reason": "no_fax_service"}
    )
    shown = {
        each["id"]: (each["fax_state"], each["faxed_at"] is not None)
        for each in office.call(contract.list_documents, office.staff)["items"]
    }
    assert shown == {first["id"]: ("sent", True), second["id"]: ("failed", False)}
    (row,) = office.process.audit("document.faxed")
    assert row.facts["sha256"] == first["sha256"]


def test_a_decline_on_paper_is_recorded_with_its_reason(office: Any) -> None:
    sent = office.fax()
    request = {"document_id": sent["id"], "reason_code": "content_wrong"}
    with refused("invalid_request", "note"):
        office.call(
            paper.decline_on_paper, office.staff, version=1, document_id=sent["id"], reason_code="other"
        )
    declined = office.call(paper.decline_on_paper, office.staff, version=1, note="Wrong side.", **request)
    assert (declined["state"], declined["reason_code"], declined["note"]) == (
        "declined",
        "content_wrong",
        "Wrong side.",
    )
    assert len(office.process.events(contract.document_declined_on_paper)) == 1
    mailed = office.send()
    with refused("not_on_paper"):
        office.call(
            paper.decline_on_paper, office.staff, version=1, document_id=mailed["id"], reason_code="outdated"
        )
