"""Files as answers, in process on real databases: screened, kept, read by whom they are for, and gone with their answer."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from services.chassis import unused_files
from services.chassis.blobs import ANSWERS
from services.contracts.errors import Refused
from services.contracts.identity import personal_data
from services.contracts.portals import answer_files as contract
from services.contracts.portals import questionnaires, responses, screened_files
from services.portals.answer_files.queries import files_in_use
from services.portals.screened_files import rules, taking_in
from tests.integration.portals.answering_desk import (
    CHIEF,
    EDITOR,
    OTHER_CHIEF,
    OTHER_WORKER,
    PERSON,
    STAFF,
    WORKER,
    Desk,
    a_desk,
    told,
)
from tests.support.images import an_image
from tests.support.in_process import HARBOR, a_caller
from tests.support.pdfs import a_pdf
from tests.support.questionnaires import a_draft_of, an_item, asked_when

ITEMS = (
    an_item("name"),
    an_item("card", "file", is_required=True, text="A picture of your card!"),
    an_item("more", "yes_no"),
    an_item("why", "file", conditions=asked_when("more", "true")),
)
CARD, WHY = 2, 4
desk = pytest.fixture(a_desk, params=["sqlite", "postgresql"])


def adds(desk: Desk, draft: Any, content: bytes, question: int = CARD, **more: Any) -> Any:
    one = {"response_id": draft["id"], "version": draft["version"], "question": question}
    return desk(
        contract.add_answer_file,
        more.pop("caller", WORKER),
        document=desk.portals.upload(content),
        **one,
        **more,
    )


def opened(desk: Desk, operation: Any, caller: Any, response_id: str, question: int = CARD) -> bytes:
    found = desk(operation, caller, response_id=response_id, question=question)
    return desk.portals.runtime.blobs.find(HARBOR[0], found["sha256"]).read_bytes()


def kept(desk: Desk) -> int:
    return sum(path.parent.parent.name == ANSWERS for path in desk.portals.files())


def test_a_file_is_added_survives_the_browser_and_is_read_by_whom_it_is_for(desk: Desk) -> None:
    form = desk.offers(*ITEMS, needs_supervisor_review=True)
    draft = desk.starts(form)
    draft = desk.saves(draft, section=1, name="Pat", is_checked=True, file_for="card")
    # What was entered is saved, though the file is still missing.
    assert draft["goes_on_to"] == f"files/{CARD}"
    asked = desk(contract.get_my_file_question, response_id=draft["id"], question=CARD)
    assert (asked["text"], asked["is_required"], asked["file"], asked["goes_back_to"]) == (
        "A picture of your card!", True, None, "sections/1",
    )  # fmt: skip
    assert set(told(desk.refused(lambda: desk.sends(draft)))) == {"answers.card"}
    plan = a_pdf("card")
    draft = adds(desk, draft, plan)
    assert (draft["goes_on_to"], draft["problems"]) == ("sections/1", [])
    again = desk.starts(form)
    facts = {"question": CARD, "media_type": "application/pdf", "size": len(plan)}
    assert [each["file"] for each in again["shown"]] == [None, facts]
    assert desk(contract.get_my_file_question, response_id=draft["id"], question=CARD)["file"] == facts
    reference = desk(contract.open_my_answer_file, response_id=draft["id"], question=CARD)
    assert (reference["file_name"], reference["media_type"]) == (
        "a-picture-of-your-card.pdf",
        "application/pdf",
    )
    assert opened(desk, contract.open_my_answer_file, WORKER, draft["id"]) == plan
    # Nobody else reads it before it is sent.
    for operation, caller in ((contract.open_answer_file, STAFF), (contract.open_review_file, CHIEF)):
        refusal = desk.refused(
            lambda operation=operation, caller=caller: opened(desk, operation, caller, draft["id"])
        )
        assert refusal.code == "not_found"
    sent = desk.sends(draft)
    words = f"PDF, {round(len(plan) / 1000)} kB"
    assert sent["shown"][1] | {"file": None} == {
        "item": "card", "section": None, "question": "A picture of your card!", "kind": "file", "answer": words,
        "file": None,
    }  # fmt: skip
    for operation, caller in (
        (contract.open_my_answer_file, WORKER),
        (contract.open_answer_file, STAFF),
        (contract.open_review_file, CHIEF),
    ):
        assert opened(desk, operation, caller, sent["id"]) == plan
    for operation, caller in (
        (contract.open_my_answer_file, OTHER_WORKER),
        (contract.open_review_file, OTHER_CHIEF),
    ):
        refusal = desk.refused(
            lambda operation=operation, caller=caller: opened(desk, operation, caller, sent["id"])
        )
        assert refusal.code == "not_found"
    assert (
        desk.refused(lambda: opened(desk, contract.open_answer_file, STAFF, sent["id"], 1)).field
        == "question"
    )
    assert (
        desk.refused(lambda: opened(desk, contract.open_answer_file, STAFF, sent["id"], WHY)).code
        == "not_found"
    )
    looks = [(row.object_id, row.person_id) for row in desk.portals.audit("response.file_opened")]
    assert looks == [(sent["id"], PERSON)] * 5
    # What is sent stays as it is.
    one = {"response_id": sent["id"], "question": CARD}
    for late in (
        lambda: adds(desk, sent, plan),
        lambda: desk(contract.remove_answer_file, version=sent["version"], **one),
        lambda: desk(contract.get_my_file_question, **one),
    ):
        assert desk.refused(late).code == "response_submitted"


def test_a_sent_file_is_an_attachment_of_the_fhir_response(desk: Desk) -> None:
    draft = adds(desk, desk.starts(desk.offers(*ITEMS)), an_image("PNG", 40, 20))
    sent = desk.sends(draft)
    resource = desk(responses.export_response, STAFF, response_id=sent["id"])["resource"]
    [item] = [each for each in resource["item"] if each["linkId"] == "card"]
    [answer] = item["answer"]
    size = answer["valueAttachment"].pop("size")
    assert answer["valueAttachment"] == {
        "contentType": "image/png",
        "title": "A picture of your card!",
        "url": f"/v1/questionnaire-responses/{sent['id']}/files/{CARD}",
    }
    assert size == len(opened(desk, contract.open_answer_file, STAFF, sent["id"]))


def test_a_picture_is_written_anew_so_nothing_but_the_picture_is_kept(desk: Desk) -> None:
    facts = Image.Exif()
    facts[0x010E] = "Taken at Quill's"
    file = io.BytesIO()
    Image.new("RGB", (5000, 100), "#123456").save(file, "JPEG", exif=facts)
    draft = adds(desk, desk.starts(desk.offers(*ITEMS)), file.getvalue())
    content = opened(desk, contract.open_my_answer_file, WORKER, draft["id"])
    assert b"Quill" not in content
    with Image.open(io.BytesIO(content)) as read:
        assert (read.format, read.size) == ("JPEG", (4000, 80))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"MZ a program", "document_not_pdf"),
        (b"%PDF-1.7 broken", "document_unreadable"),
        (a_pdf("x", action="/JavaScript"), "document_active_content"),
        (b"\x89PNG\r\n\x1a\n broken", "image_refused"),
        (b"%PDF-" + bytes(screened_files.MOST_BYTES), "document_too_large"),
    ],
)
def test_what_is_not_let_in_leaves_nothing(desk: Desk, content: bytes, code: str) -> None:
    draft = desk.starts(desk.offers(*ITEMS))
    refusal = desk.refused(lambda: adds(desk, draft, content))
    assert (refusal.code, refusal.field) == (code, "document")
    assert kept(desk) == 0
    assert desk(responses.get_my_response, response_id=draft["id"])["version"] == draft["version"]


def test_a_file_that_no_answer_names_any_more_goes(desk: Desk) -> None:
    runtime = desk.portals.runtime

    def swept() -> int:
        desk.portals.age_files(25)
        unused_files.sweep(runtime, ANSWERS, files_in_use)
        return kept(desk)

    draft = adds(desk, desk.starts(desk.offers(*ITEMS)), a_pdf("first"))
    draft = adds(desk, draft, a_pdf("second"))
    assert (kept(desk), swept()) == (2, 1)
    draft = adds(desk, desk.saves(draft, more="yes"), a_pdf("why"), WHY)
    draft = desk(
        contract.remove_answer_file, response_id=draft["id"], version=draft["version"], question=CARD
    )
    assert [each["item"] for each in draft["problems"]] == ["card"]
    assert swept() == 1
    draft = adds(desk, draft, a_pdf("third"))
    # An answer to what is not asked is not sent, and its file goes.
    sent = desk.sends(desk.saves(draft, more="no"))
    assert [each["item"] for each in sent["shown"] if each["file"]] == ["card"]
    assert swept() == 1
    other = adds(desk, desk.starts(sent["questionnaire_id"]), a_pdf("other"))
    assert swept() == 2
    desk(responses.discard_response, response_id=other["id"], version=other["version"])
    assert swept() == 1
    assert opened(desk, contract.open_answer_file, STAFF, sent["id"]) == a_pdf("third")


def test_a_file_comes_only_to_a_question_that_asks_for_one_in_the_version_that_was_seen(desk: Desk) -> None:
    items = (*ITEMS, an_item("note", "file", is_read_only=True))
    draft = desk.starts(desk.offers(*items))
    for question in (1, 5, 6):
        refusal = desk.refused(lambda question=question: adds(desk, draft, a_pdf("x"), question))
        assert (refusal.code, refusal.field) == ("not_found", "question")
    assert desk.refused(lambda: adds(desk, draft, a_pdf("x"), caller=OTHER_WORKER)).code == "not_found"
    assert desk.refused(lambda: adds(desk, {**draft, "version": 9}, a_pdf("x"))).code == "version_conflict"
    unknown = desk.refused(lambda: desk.saves(draft, section=1, name="Pat", file_for="name"))
    assert set(told(unknown)) == {"file_for"}
    # A file is no answer that a form of texts could give.
    assert set(told(desk.refused(lambda: desk.saves(draft, card="x")))) == {"answers.0.item"}
    again = [adds(desk, draft, a_pdf("x"), key="once") for _ in range(2)]
    assert again[0] == again[1]


def test_only_so_many_files_are_screened_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.starts(desk.offers(*ITEMS))
    monkeypatch.setattr(taking_in, "WAIT_S", 0.0)
    for _ in range(taking_in.AT_ONCE):
        taking_in._PLACES.acquire()
    try:
        refusal = desk.refused(lambda: adds(desk, draft, a_pdf("x")))
    finally:
        for _ in range(taking_in.AT_ONCE):
            taking_in._PLACES.release()
    assert refusal.code == "service_unavailable"
    assert adds(desk, draft, a_pdf("x"))["problems"] == []


def test_a_questionnaire_asks_for_few_files(desk: Desk) -> None:
    for number, is_right in ((20, True), (21, False)):
        items = [an_item(f"f{each}", "file") for each in range(number)]
        draft = a_draft_of(desk.portals, EDITOR, *items)
        problems = desk(questionnaires.get_questionnaire, EDITOR, questionnaire_id=draft)["problems"]
        assert ([each["path"] for each in problems] == []) is is_right
    assert "at most 20 files" in problems[0]["rule"]


def test_a_file_is_called_by_the_words_of_its_question() -> None:
    assert rules.file_name("Fit test: result?", "image/jpeg") == "fit-test-result.jpg"
    assert rules.file_name("¿Qué?", "image/png") == "qu.png"
    assert rules.file_name("…", "application/pdf") == "file.pdf"
    assert rules.file_name("x" * 100, "application/pdf") == "x" * 60 + ".pdf"


def test_staff_without_the_permission_open_nothing(desk: Desk) -> None:
    sent = desk.sends(adds(desk, desk.starts(desk.offers(*ITEMS)), a_pdf("x")))
    with pytest.raises(Refused) as refused:
        opened(desk, contract.open_answer_file, a_caller("observation.read"), sent["id"])
    assert refused.value.code == "forbidden"


def test_the_files_of_a_person_who_is_erased_go_at_once(desk: Desk) -> None:
    form = desk.offers(*ITEMS)
    own = adds(desk, desk.saves(desk.starts(form), section=1, name="Pat", file_for="card"), a_pdf("own"))
    assert kept(desk) == 1
    order = {"job_id": "6" * 32, "person_id": PERSON, "is_erasure": True}
    whom = {"kind": "erasure", "person_ids": [PERSON], "account_ids": []}
    desk.portals.answers[personal_data.describe_personal_data_job.address] = lambda _: whom
    desk.portals.deliver(personal_data.personal_data_ordered, order)
    assert kept(desk) == 0
    refusal = desk.refused(lambda: opened(desk, contract.open_my_answer_file, WORKER, own["id"]))
    assert refusal.code == "not_found"
