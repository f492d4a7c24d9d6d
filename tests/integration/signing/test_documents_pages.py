"""The pages of a document, as pictures and as texts, for those who may read it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.pdf import drawing
from tests.support.in_process import HARBOR, a_caller

ANA = "d" * 32


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code


def picture_of(office: Any, document: Any, number: int, caller: Any = None) -> Image.Image:
    opened = office.call(
        contract.open_document_page, caller or office.ana, document_id=document["id"], number=number
    )
    assert opened["media_type"] == "image/png"
    assert opened["file_name"] == f"Plan of care-{number}.png"
    return Image.open(office.process.runtime.blobs.find(HARBOR[0], opened["sha256"]))


def pages_of(office: Any, document: Any, caller: Any = None, **request: Any) -> Any:
    return office.call(
        contract.list_document_pages, caller or office.ana, document_id=document["id"], **request
    )


def a_page(size: tuple[float, float] = (595, 842), *lines: str) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=size)
    for number, line in enumerate(lines):
        canvas.drawString(10, size[1] - 20 - 12 * number, line)
    canvas.save()
    return buffer.getvalue()


@pytest.mark.seed("S4-18")
def test_each_page_is_a_picture_of_its_text(office: Any) -> None:
    sent = office.send()
    first = picture_of(office, sent, 1)
    assert (first.format, first.size) == ("PNG", (910, 1287))
    assert first.getextrema() == (0, 255)
    told = pages_of(office, sent)
    assert [(each["number"], each["text"]) for each in told["items"]] == [
        (1, "Plan of care, page 1"),
        (2, "Plan of care, page 2"),
    ]
    assert (told["pages"], told["next"]) == (2, None)
    assert abs(told["items"][0]["width"] - first.width) <= 1
    with refused("not_found"):
        picture_of(office, sent, 3)


@pytest.mark.seed("S4-18")
def test_the_pages_that_the_recipient_has_opened_before_deciding_are_kept_as_evidence(office: Any) -> None:
    sent = office.send()
    seen = lambda: office.call(contract.get_document, office.ana, document_id=sent["id"])["seen_pages"]  # noqa: E731
    picture_of(office, sent, 1, office.staff)
    assert seen() == []
    picture_of(office, sent, 2)
    picture_of(office, sent, 2)
    assert seen() == [2]
    office.sign(sent)
    picture_of(office, sent, 1)
    assert seen() == [2]
    (signed,) = office.process.audit("document.signed")
    assert signed.facts["pages_seen"] == 1


@pytest.mark.seed("S4-18")
def test_each_opening_is_audited_and_the_recipients_is_its_view(office: Any) -> None:
    sent = office.send()
    picture_of(office, sent, 2, office.staff)
    assert office.call(contract.get_document, office.ana, document_id=sent["id"])["viewed_at"] is None
    pages_of(office, sent)
    picture_of(office, sent, 1)
    facts = [row.facts for row in office.process.audit("document.opened")]
    assert [(each.get("page"), each.get("pages"), each["by_recipient"]) for each in facts] == [
        (2, None, False),
        (None, [1, 2], True),
        (1, None, True),
    ]
    assert office.call(contract.get_document, office.ana, document_id=sent["id"])["viewed_at"]


def test_who_may_not_read_the_document_sees_no_page(office: Any) -> None:
    sent = office.send()
    family = a_caller("document.read", realm="family")
    for caller in (office.ben, family):
        with refused("not_found"):
            picture_of(office, sent, 1, caller)
        with refused("not_found"):
            pages_of(office, sent, caller)
    with refused("forbidden"):
        pages_of(office, sent, a_caller("document.sign", id=ANA, realm="provider"))
    assert office.process.audit("document.opened") == []


def test_pages_are_drawn_ahead_and_once(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    drawn = drawing.pictures

    def counted(path: Path, first: int) -> list[bytes]:
        asked.append(first)
        return drawn(path, first)

    monkeypatch.setattr(drawing, "pictures", counted)
    sent = office.send()
    assert picture_of(office, sent, 1) != picture_of(office, sent, 2)
    picture_of(office, sent, 1)
    assert asked == [1]


def test_after_signing_the_pages_are_those_of_the_signed_file(office: Any) -> None:
    signed = office.sign(office.send())
    told = pages_of(office, signed)
    assert told["pages"] == 3
    assert "Ana Ruiz" in told["items"][2]["text"]
    stamp = picture_of(office, signed, 3).crop((82, 189, 455, 330))
    assert stamp.mode == "RGB"  # the bar of the stamp has a colour, the rest of the page has none
    assert (11, 110, 110) in [colour for _, colour in stamp.getcolors(100_000)]


def test_a_document_that_is_signed_meanwhile_is_opened_again(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = office.send()
    texts = drawing.texts

    def signed_meanwhile(*arguments: Any) -> drawing.Texts:
        office.sign(sent)
        return texts(*arguments)

    monkeypatch.setattr(drawing, "texts", signed_meanwhile)
    with refused("conflict"):
        pages_of(office, sent)


def test_long_documents_are_told_in_parts(office: Any, pdf: Callable[..., bytes]) -> None:
    sent = office.send(pdf(pages=5))
    first = pages_of(office, sent, limit=3)
    assert ([each["number"] for each in first["items"]], first["next"]) == ([1, 2, 3], 3)
    rest = pages_of(office, sent, limit=3, after=first["next"])
    assert ([each["number"] for each in rest["items"]], rest["next"]) == ([4, 5], None)
    assert pages_of(office, sent, after=99)["items"] == []


def test_what_may_be_done_depends_on_the_reader_and_the_state(office: Any) -> None:
    def shown(document: Any, caller: Any) -> Any:
        return office.call(contract.get_document, caller, document_id=document["id"])

    sent = office.send()
    assert shown(sent, office.ana)["actions"] == ["sign", "decline"]
    assert shown(sent, office.staff)["actions"] == ["attach", "remind"]
    only_reads = a_caller("document.read", id=ANA, realm="provider")
    assert shown(sent, only_reads)["actions"] == []
    named = shown(sent, office.ana)
    assert (named["sender_name"], named["recipient_name"]) == ("Sam F.", "Ana R.")
    assert named["organisation_name"] == "Harbor House"
    signed = office.sign(sent, meaning="review")
    assert (shown(signed, office.ana)["actions"], shown(signed, office.ana)["meaning"]) == ([], "review")
    assert shown(signed, office.staff)["actions"] == ["return"]
    listed = office.call(contract.list_documents, office.staff)["items"]
    assert [each["actions"] for each in listed] == [["return"]]
    assert shown(office.give_back(signed), office.staff)["actions"] == []
    assert shown(office.decline(office.send()), office.ana)["actions"] == []


@pytest.mark.seed("S4-12", "S4-14")
def test_a_reader_lists_what_is_to_be_signed_and_what_is_done(office: Any) -> None:
    office.send(title="Waiting")
    office.sign(office.send(title="Signed"))
    office.decline(office.send(title="Declined"))
    office.send(title="To Ben", recipient_account_id="e" * 32)
    assert office.titles(office.ana, is_decided=False) == ["Waiting"]
    assert office.titles(office.ana, is_decided=True) == ["Declined", "Signed"]
    assert office.titles(office.staff, is_mine=True) == []
    assert office.titles(office.staff, is_decided=False) == ["To Ben", "Waiting"]


def test_documents_are_shown_without_names_while_identity_is_away(office: Any) -> None:
    sent = office.send()

    def away(_request: Any) -> Any:
        raise Refused("service_unavailable", "Not now.")

    office.process.answers["identity.describe_authors"] = away
    shown = office.call(contract.get_document, office.ana, document_id=sent["id"])
    assert (shown["sender_name"], shown["actions"]) == (None, ["sign", "decline"])
