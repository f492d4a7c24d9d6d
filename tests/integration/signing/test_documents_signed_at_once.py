"""A signature may be typed or drawn, and one act signs several documents."""

from __future__ import annotations

import io
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.signing.documents.signer import Signer
from services.signing.pdf import drawing_child

DRAWING = "10,10 200,150 400,20;50,100 380,110"


def ink(office: Any, document: Any) -> int:
    """How many dark points the signatures' page has, as the portal draws it."""
    file = pypdfium2.PdfDocument(office.file(document))
    picture = drawing_child._picture(drawing_child._page(file, len(file)))
    return sum(Image.open(io.BytesIO(picture)).convert("L").histogram()[:100])


def open_it(office: Any, document: Any, caller: Any = None) -> None:
    office.call(contract.open_document_file, caller or office.ana, document_id=document["id"])


def sign_all(office: Any, *documents: Any, **changed: Any) -> Any:
    caller = changed.pop("caller", office.ana)
    ids = [each["id"] for each in documents]
    return office.call(contract.sign_documents, caller, document_ids=ids, meaning="review", **changed)


def test_what_was_drawn_or_typed_stands_in_the_stamp_beside_the_printed_name(office: Any) -> None:
    plain = ink(office, office.sign(office.send()))
    drawn = ink(office, office.sign(office.send(), drawing=DRAWING))
    typed = ink(office, office.sign(office.send(), typed_name="Ana Maria Ruiz"))
    assert drawn > plain + 100
    assert typed > plain + 50


@pytest.mark.parametrize("drawing", ["1", "1,2 ", "1,2;;3,4", "1,2 3,x", "12345,1", "1,2 " * 6000 + "1,2"])
def test_what_is_no_drawing_is_refused(office: Any, drawing: str) -> None:
    with pytest.raises(Refused) as caught:
        office.sign(office.send(), drawing=drawing)
    assert (caught.value.code, caught.value.field) == ("invalid_request", "drawing")


def test_one_act_signs_all_that_were_opened_and_answers_for_each(office: Any) -> None:
    first, unread, bens, last = (
        office.send(),
        office.send(),
        office.send(recipient_account_id="e" * 32),
        office.send(),
    )
    for each in (first, last):
        open_it(office, each)
    told = sign_all(office, first, unread, bens, last, first)
    assert told["signed"] == 2
    assert [(each["document_id"], each["outcome"]) for each in told["items"]] == [
        (first["id"], "signed"),
        (unread["id"], "not_opened"),
        (bens["id"], "not_found"),
        (last["id"], "signed"),
    ]
    assert len(office.process.events(contract.document_signed)) == 2
    again = sign_all(office, first)
    assert [each["outcome"] for each in again["items"]] == ["already_decided"]


def test_an_act_that_was_interrupted_goes_on_and_signs_nothing_twice(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [office.send() for _ in range(2)]
    for each in sent:
        open_it(office, each)
    signer = office.process.runtime.parts.get(Signer)
    made = []

    def once(order: Any) -> str:
        if made:
            raise RuntimeError("the process is killed")
        made.append(order)
        return type(signer).sign(signer, order)  # type: ignore[no-any-return]

    monkeypatch.setattr(signer, "sign", once)
    with pytest.raises(RuntimeError):
        sign_all(office, *sent, key="act-1")
    monkeypatch.undo()
    told = sign_all(office, *sent, key="act-1")
    assert [each["outcome"] for each in told["items"]] == ["signed", "signed"]
    assert told["signed"] == 2
    assert len(office.process.events(contract.document_signed)) == 2
    assert sign_all(office, *sent, key="act-1") == told


@pytest.mark.parametrize("count", [0, 21])
def test_one_act_takes_at_least_one_and_at_most_twenty(office: Any, count: int) -> None:
    with pytest.raises(Refused) as caught:
        sign_all(office, *[{"id": f"{number:032x}"} for number in range(count)])
    assert (caught.value.code, caught.value.field) == ("invalid_request", "document_ids")
