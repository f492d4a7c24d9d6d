"""Files in conversations, in process on real databases: screened, read by whom they are for, and counted as messages."""

from __future__ import annotations

from typing import Any

from services.chassis import unused_files
from services.chassis.blobs import ANSWERS
from services.contracts.identity import personal_data
from services.contracts.portals import fhir, inbox, messages, portal_queue
from services.contracts.portals import message_files as contract
from services.portals.service import files_in_use
from tests.support.images import an_image
from tests.support.in_process import BAYSIDE, HARBOR, a_caller
from tests.support.pdfs import a_pdf
from tests.support.portal_desk import ACCOUNTS, ANA, BEN, EVE, STAFF, PortalDesk, a_person

MANAGER = a_caller("portal.configure")


def sends(desk: PortalDesk, item: Any, content: bytes, caller: Any = None) -> Any:
    given = {"thread_id": thread_of(desk, item), "document": desk.portals.upload(content)}
    return desk(contract.send_my_file, caller or a_person(), **given)


def answers(desk: PortalDesk, item: Any, content: bytes, caller: Any = STAFF, **more: Any) -> Any:
    given = {"item_id": item["id"], "version": item["version"], "document": desk.portals.upload(content)}
    return desk(contract.send_file_to_person, caller, **given, **more)


def thread_of(desk: PortalDesk, item: Any) -> str:
    return str(desk.item(item)["messages"][0]["thread_id"])


def opened(desk: PortalDesk, operation: Any, caller: Any, message: Any) -> bytes:
    found = desk(operation, caller, message_id=message["id"])
    return desk.portals.runtime.blobs.find(HARBOR[0], found["sha256"]).read_bytes()


def test_a_person_sends_a_file_and_only_the_two_sides_open_it(portal_desk: PortalDesk) -> None:
    desk, plan = portal_desk, a_pdf("letter")
    item = desk.answer(desk.send())
    assert not item["is_waiting"]
    assert sends(desk, item, plan)["state"] == "received"
    shown = desk.item(item)
    assert (shown["is_waiting"], [each["step"] for each in shown["steps"]][-1]) == (True, "message_received")
    message = shown["messages"][-1]
    file = {"media_type": "application/pdf", "size": len(plan)}
    assert (message["text"], message["file"], message["is_from_staff"]) == ("", file, False)
    assert [each["file"] for each in shown["messages"][:-1]] == [None, None]
    mine = desk(inbox.get_my_thread, a_person(), thread_id=message["thread_id"])["messages"][-1]
    assert (mine["file"], mine["is_mine"]) == (file, True)
    assert opened(desk, contract.open_my_message_file, a_person(), message) == plan
    assert opened(desk, contract.open_message_file, STAFF, message) == plan
    found = desk(contract.open_message_file, STAFF, message_id=message["id"])
    assert (found["file_name"], found["media_type"]) == ("refill-request.pdf", "application/pdf")
    looks = [(row.object_id, row.person_id) for row in desk.portals.audit("message.file_opened")]
    assert looks == [(message["id"], ANA)] * 3
    foreign = a_caller(messages.WORK, organisation=BAYSIDE)
    for operation, caller, expected in (
        (contract.open_my_message_file, a_person(BEN), "not_found"),
        (contract.open_message_file, foreign, "not_found"),
        (contract.open_message_file, a_caller(), "forbidden"),
        (contract.open_message_file, a_person(), "forbidden"),
    ):
        asked = {"message_id": message["id"]}
        code, _ = desk.refused(
            lambda operation=operation, caller=caller, asked=asked: desk(operation, caller, **asked)
        )
        assert code == expected
    # A message that is a text has no file.
    no_file = ("not_found", "message_id")
    assert (
        desk.refused(lambda: opened(desk, contract.open_message_file, STAFF, shown["messages"][0])) == no_file
    )


def test_staff_answer_by_a_file(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    answered = answers(desk, item, an_image("PNG", 40, 20), notify=False)
    assert (answered["is_waiting"], answered["state"]) == (False, "open")
    told = desk.events(messages.message_sent)[-1]
    assert (told["is_notified"], told["account_ids"]) == (False, [ACCOUNTS[ANA]])
    assert desk.events(portal_queue.item_answered)[-1]["outcome"] == "left_open"
    thread = desk(inbox.list_my_threads, a_person())["items"][0]
    assert (thread["state"], thread["unread"]) == ("answered", 1)
    message = desk(inbox.get_my_thread, a_person(), thread_id=thread["id"])["messages"][-1]
    assert (message["is_mine"], message["file"]["media_type"]) == (False, "image/png")
    assert opened(desk, contract.open_my_message_file, a_person(), message).startswith(b"\x89PNG")
    again = desk.item(item)
    answers(desk, again, an_image("JPEG", 40, 20))
    assert desk.events(messages.message_sent)[-1]["is_notified"]
    # Another's change meanwhile is told, and nothing is sent.
    assert desk.refused(lambda: answers(desk, again, a_pdf("x")))[0] == "version_conflict"
    desk.dismiss(desk.item(item))
    assert desk.refused(lambda: answers(desk, desk.item(item), a_pdf("x"))) == ("item_archived", "item_id")
    assert len(desk.item(item)["messages"]) == 3


def test_who_cannot_sign_in_gets_no_file(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk(portal_queue.enter_request, STAFF, person_id=EVE, type="refill_request", text="By phone")
    assert desk.refused(lambda: answers(desk, item, a_pdf("x")))[0] == "no_portal_account"
    entered = desk(portal_queue.enter_request, STAFF, person_id=ANA, type="refill_request", text="By phone")
    answers(desk, entered, a_pdf("x"))
    assert desk.events(messages.message_sent)[-1]["account_ids"] == [ACCOUNTS[ANA]]


def test_what_is_no_harmless_file_is_refused_before_anybody_sees_it(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    for content, code in (
        (b"MZ not a letter", "document_not_pdf"),
        (b"\x89PNG\r\n\x1a\n broken", "image_refused"),
    ):
        assert desk.refused(lambda content=content: sends(desk, item, content))[0] == code
        assert desk.refused(lambda content=content: answers(desk, item, content))[0] == code
    assert len(desk.item(item)["messages"]) == 1
    assert kept(desk) == 0


def test_a_file_counts_as_a_message_and_opens_a_new_item_after_the_end(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    desk.dismiss(item)
    sends(desk, item, a_pdf("more"))
    (new,) = desk(portal_queue.list_queue)["items"]
    assert new["id"] != item["id"]
    assert [bool(each["file"]) for each in desk.item(new)["messages"]] == [False, True]
    version = desk(portal_queue.get_queue_settings, MANAGER)["version"]
    desk(portal_queue.change_queue_settings, MANAGER, version=version, most_a_day=2)
    assert desk.refused(lambda: sends(desk, item, a_pdf("x")))[0] == "too_many_requests"
    # Somebody else's conversation takes nothing.
    assert desk.refused(lambda: sends(desk, item, a_pdf("x"), a_person(BEN))) == ("not_found", "thread_id")


def test_the_same_request_again_sends_one_file(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    document = desk.portals.upload(a_pdf("once"))
    given = {"thread_id": thread_of(desk, item), "document": document}
    first = desk.portals.call(contract.send_my_file, a_person(), key="once", **given)
    assert desk.portals.call(contract.send_my_file, a_person(), key="once", **given) == first
    assert len(desk.item(item)["messages"]) == 2


def test_a_file_is_an_attachment_in_fhir(portal_desk: PortalDesk) -> None:
    desk, plan = portal_desk, a_pdf("letter")
    item = desk.send()
    sends(desk, item, plan)
    message = desk.item(item)["messages"][-1]
    shown = desk(fhir.fhir_read_communication, STAFF, resource_id=message["id"])["resource"]
    url = f"/v1/messages/{message['id']}/file"
    file = {"contentType": "application/pdf", "size": len(plan), "url": url}
    assert shown["payload"] == [{"contentAttachment": file}]


def test_files_stay_as_long_as_their_messages(portal_desk: PortalDesk) -> None:
    desk, runtime = portal_desk, portal_desk.portals.runtime
    item = desk.send()
    sends(desk, item, a_pdf("stays"))
    runtime.blobs.keep(HARBOR[0], desk.portals.upload(a_pdf("lost"))["sha256"], ANSWERS)
    assert kept(desk) == 2
    desk.portals.age_files(24 * 3660)  # the clock of the desk stands still
    unused_files.sweep(runtime, ANSWERS, files_in_use)
    assert kept(desk) == 1
    order = {"job_id": "6" * 32, "person_id": ANA, "is_erasure": True}
    whom = {"kind": "erasure", "person_ids": [ANA], "account_ids": []}
    desk.portals.answers[personal_data.describe_personal_data_job.address] = lambda _: whom
    desk.portals.deliver(personal_data.personal_data_ordered, order)
    assert kept(desk) == 0


def kept(desk: PortalDesk) -> int:
    return sum(path.parent.parent.name == ANSWERS for path in desk.portals.files())
