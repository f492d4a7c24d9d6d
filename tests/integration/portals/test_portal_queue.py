"""The queue in process: what comes in, answers with their defaults, dismissals, the archive and the way back."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from services.contracts.portals import inbox, messages
from services.contracts.portals import portal_queue as contract
from services.portals.portal_queue import archive
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import ANA, BEN, EVE, OTHER_STAFF, STAFF, START, PortalDesk, a_person

HOUR = datetime.timedelta(hours=1)
STRANGER = a_caller(messages.WORK, organisation=BAYSIDE)
MANAGER = a_caller("portal.configure", messages.WORK)
ACCOUNT = a_person(ANA).id


@pytest.mark.seed("S3-1")
def test_requests_and_secure_messages_of_all_portals_are_one_list(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    request = desk.send()
    desk.clock.shift(HOUR)
    message = desk.send(a_person(BEN), type="ask_a_clinical_question", text="May I swim?")
    desk.clock.shift(HOUR)
    worker = a_person(EVE, realm="employee", id="f" * 32)
    injury = desk.send(worker, portal="employee", type="report_injury_or_illness", text="My hand.")
    desk.clock.shift(HOUR)
    called = desk(contract.enter_request, person_id=EVE, type="refill_request", text="She called.")
    shown = desk(contract.list_queue)["items"]
    assert [each["id"] for each in shown] == [each["id"] for each in (request, message, injury, called)]
    assert [each["kind"] for each in shown] == ["request", "message", "request", "request"]
    assert [each["portal"] for each in shown] == ["patient", "patient", "employee", None]
    assert [each["person_name"] for each in shown] == ["Vega, Ana", "Ärzt, Benno", "Quill, Eve", "Quill, Eve"]
    assert [each["type_name"] for each in shown][:2] == ["Refill Request", "Ask a Clinical Question"]
    assert desk.queue(kind="message") == [message["id"]]
    assert desk.queue(department="Clinical", type="refill_request", order="newest") == [
        called["id"],
        request["id"],
    ]
    assert desk.queue(STRANGER) == []
    assert desk.refused(lambda: desk.item(request, STRANGER)) == ("not_found", "item_id")
    assert desk.refused(lambda: desk.queue(a_caller()))[0] == "forbidden"
    assert desk.refused(lambda: desk.queue(a_person()))[0] == "forbidden"


def test_the_list_is_paged_filtered_and_counted(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    sent = []
    for _ in range(3):
        sent.append(desk(contract.enter_request, person_id=ANA, type="refill_request", text="More.")["id"])
        desk.clock.shift(HOUR)
    late = desk(contract.enter_request, person_id=BEN, type="my_medical_information", text="My record?")
    for order in contract.ORDERS:
        first = desk(contract.list_queue, order=order, limit=3)
        second = desk(contract.list_queue, order=order, limit=3, after=first["next"])
        ids = [each["id"] for each in first["items"] + second["items"]]
        assert ids == ([late["id"], *sent[::-1]] if order == "newest" else [*sent, late["id"]])
        assert second["next"] is None
    mine = desk.change(contract.claim_queue_item, late)
    assert (mine["assigned_to"], desk.queue(assigned="me")) == (STAFF.id, [late["id"]])
    assert desk(contract.list_queue, assigned="me")["items"][0]["assigned_to_name"] == "Sam F."
    assert desk.queue(assigned="nobody") == sent
    assert desk.queue(OTHER_STAFF, assigned="me") == []
    assert desk.queue(OTHER_STAFF, assigned="somebody") == [late["id"]]
    desk.change(contract.change_queue_item, mine, priority="urgent", department="Billing")
    assert desk.queue(priority="urgent") == desk.queue(department="Billing") == [late["id"]]
    desk.clock.move_to(START + 48 * HOUR + HOUR / 2)  # the service time of the first is over
    assert desk.queue(is_overdue=True) == sent[:1]
    assert desk.queue(is_overdue=False) == [*sent[1:], late["id"]]
    counts = desk(contract.count_queue)
    numbers = {name: counts[name] for name in ("open", "unassigned", "mine", "overdue", "urgent", "waiting")}
    assert numbers == {"open": 4, "unassigned": 3, "mine": 1, "overdue": 1, "urgent": 1, "waiting": 4}
    assert counts["departments"] == [
        {"code": "Billing", "name": "Billing", "open": 1, "waiting": 1},
        {"code": "Clinical", "name": "Clinical", "open": 3, "waiting": 3},
    ]
    assert {each["code"]: each["open"] for each in counts["types"]} == {
        "my_medical_information": 1,
        "refill_request": 3,
    }


def test_items_are_claimed_given_and_given_back(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    claimed = desk.change(contract.claim_queue_item, item)
    assert desk.refused(lambda: desk.change(contract.claim_queue_item, item))[0] == "version_conflict"
    assert desk.refused(lambda: desk.change(contract.claim_queue_item, claimed, OTHER_STAFF)) == (
        "conflict",
        "item_id",
    )
    assert desk.change(contract.claim_queue_item, claimed)["version"] == claimed["version"]
    assert desk.refused(lambda: desk.change(contract.assign_queue_item, claimed, account_id="7" * 32)) == (
        "not_found",
        "account_id",
    )
    given = desk.change(contract.assign_queue_item, claimed, account_id=OTHER_STAFF.id)
    assert given["assigned_to"] == OTHER_STAFF.id
    freed = desk.change(contract.assign_queue_item, given, account_id=None)
    assert freed["assigned_to"] is None
    assert desk.steps(item) == ["received", "claimed", "assigned", "released"]
    assert [each["actor_id_name"] for each in desk.item(item)["steps"]][1:] == ["Sam F."] * 3
    assert [each["version"] for each in desk.events(contract.item_changed)] == [2, 3, 4]


@pytest.mark.seed("S3-3")
@pytest.mark.seed("S3-4")
def test_the_helper_action_of_a_type_is_told_to_others_and_its_result_comes_back(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    item = desk.send()
    assert (item["helper_action"], item["action_state"]) == ("prescription_note", "none")
    plain = desk.send(type="travel_questionnaire", text="Peru")
    start, finish = contract.start_helper_action, contract.finish_helper_action
    assert desk.refused(lambda: desk.change(start, plain)) == ("no_helper_action", "item_id")
    link = "https://records.example.org/encounters/7"
    assert desk.refused(lambda: desk(finish, item_id=item["id"], result_link=link)) == (
        "no_helper_action",
        "item_id",
    )
    started = desk.change(start, item)
    assert started["action_state"] == "started"
    assert desk.events(contract.helper_action_started) == [
        {
            "item_id": item["id"],
            "type": "refill_request",
            "version": started["version"],
            "action": "prescription_note",
            "started_at": START.isoformat(),
        }
    ]
    system = a_caller(messages.WORK, realm="api", id="9" * 32)
    assert desk.item(item, system)["text"] == "I need more of it."
    assert desk.refused(lambda: desk(finish, system, item_id=item["id"], result_link=link)) == (
        "result_link_refused",
        "result_link",
    )
    settings = desk(contract.get_queue_settings, MANAGER)
    desk(
        contract.change_queue_settings,
        MANAGER,
        version=settings["version"],
        result_hosts=["records.example.org"],
    )
    for bad in (
        "http://records.example.org/7",
        "https://records.example.org.evil.example/7",
        "https://records.example.org@evil.example/7",
        "https://me@records.example.org/7",
    ):
        assert desk.refused(lambda bad=bad: desk(finish, system, item_id=item["id"], result_link=bad))
    finished = desk(finish, system, item_id=item["id"], result_link=link)
    assert (finished["action_state"], finished["result_link"]) == ("finished", link)
    assert [each["item_id"] for each in desk.events(contract.helper_action_finished)] == [item["id"]]
    assert item["id"] in desk.queue(), "helping with an item closes nothing"


@pytest.mark.seed("S3-5")
@pytest.mark.seed("S3-6")
@pytest.mark.seed("S3-7")
@pytest.mark.seed("S3-10")
def test_an_answer_tells_the_person_by_mail_and_belongs_to_the_request(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    assert desk.refused(lambda: desk.answer(item, "  ")) == ("invalid_request", "text")
    answered = desk.answer(item, "It is ready <b>now</b>.")
    assert (answered["state"], answered["is_waiting"]) == ("open", False)
    asked, answer = desk.item(item)["messages"]
    assert (asked["text"], asked["is_from_staff"], asked["author_id"]) == (
        "I need more of it.",
        False,
        ACCOUNT,
    )
    assert (answer["text"], answer["is_from_staff"], answer["author_id_name"]) == (
        "It is ready <b>now</b>.",
        True,
        "Sam F.",
    )
    assert (answer["item_id"], answer["thread_id"]) == (item["id"], asked["thread_id"])
    (told,) = desk.events(messages.message_sent)
    assert (told["account_ids"], told["is_notified"]) == ([ACCOUNT], True)
    assert "ready" not in json.dumps(desk.portals.events())
    thread = desk(inbox.get_my_thread, a_person(), thread_id=asked["thread_id"])
    assert [each["text"] for each in thread["messages"]] == [asked["text"], answer["text"]]


@pytest.mark.seed("S3-8")
def test_both_defaults_of_an_answer_can_be_switched_off(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    silent = desk.answer(item, notify=False)
    (told,) = desk.events(messages.message_sent)
    assert told["is_notified"] is False
    desk.clock.shift(HOUR)
    desk.answer(silent, "By the way.", associate=False)
    shown = desk.item(item)["messages"]
    assert [each["text"] for each in shown] == ["I need more of it.", "It is ready."]
    assert desk.events(messages.message_sent)[1]["is_notified"] is True
    newest = desk(messages.list_correspondence, person_id=ANA)["items"][0]
    assert (newest["text"], newest["item_id"]) == ("By the way.", None)
    assert newest["thread_id"] != shown[0]["thread_id"]
    threads = desk(inbox.list_my_threads, a_person())["items"]
    assert [each["state"] for each in threads] == ["none", "answered"]


@pytest.mark.seed("S3-9")
@pytest.mark.parametrize(
    ("outcome", "state", "steps"),
    [
        ("left_open", "open", ["received", "answered"]),
        ("completed", "completed", ["received", "answered", "completed"]),
        ("not_completed", "not_completed", ["received", "answered", "not_completed"]),
    ],
)
def test_one_step_sends_the_answer_and_says_what_becomes_of_the_request(
    portal_desk: PortalDesk, outcome: str, state: str, steps: list[str]
) -> None:
    desk = portal_desk
    item = desk.send()
    answered = desk.answer(item, outcome=outcome)
    assert (answered["state"], desk.steps(item)) == (state, steps)
    assert desk.queue() == ([item["id"]] if state == "open" else [])
    assert desk.archive() == ([] if state == "open" else [item["id"]])
    assert [each["outcome"] for each in desk.events(contract.item_answered)] == [outcome]
    # Neither half of it happens alone.
    assert desk.refused(lambda: desk.answer(item, "Twice?", outcome=outcome))[0] == (
        "version_conflict" if state == "open" else "item_archived"
    )
    assert len(desk.item(item)["messages"]) == 2


def test_the_usual_outcome_and_the_question_before_archiving_are_settings(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    assert desk.refused(lambda: desk(contract.change_queue_settings, STAFF, version=1))[0] == "forbidden"
    changed = desk(
        contract.change_queue_settings, MANAGER, version=1, usual_outcome="completed", confirms_dismissal=True
    )
    assert changed["version"] == 2
    first, second = desk.send(), desk.send(a_person(BEN))
    assert desk.item(first)["usual_outcome"] == "completed"
    assert desk.answer(first)["state"] == "completed"
    assert desk.refused(lambda: desk.dismiss(second)) == ("confirmation_required", "confirm")
    assert desk.dismiss(second, confirm=True)["state"] == "completed"


@pytest.mark.seed("S3-11")
def test_past_correspondence_with_the_person_is_shown(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    desk.answer(desk.send(text="Old question"), "Old answer", outcome="completed")
    desk.clock.shift(HOUR)
    desk.send(text="New question")
    desk.send(a_person(BEN), text="Somebody else")
    first = desk(messages.list_correspondence, person_id=ANA, limit=2)
    second = desk(messages.list_correspondence, person_id=ANA, limit=2, after=first["next"])
    texts = [each["text"] for each in first["items"] + second["items"]]
    assert texts[0] == "New question"
    assert sorted(texts[1:]) == ["Old answer", "Old question"]
    assert desk(messages.list_correspondence, STRANGER, person_id=ANA)["items"] == []
    assert ANA in [each.object_id for each in desk.portals.audit("correspondence.read")]


@pytest.mark.seed("S3-12")
def test_nothing_closes_a_request_but_a_dismissal(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    item = desk.change(contract.claim_queue_item, item)
    item = desk.change(contract.start_helper_action, item)
    item = desk.answer(item)
    desk.clock.shift(datetime.timedelta(days=400))
    thread_id = desk.item(item)["messages"][0]["thread_id"]
    desk(inbox.reply_in_my_thread, a_person(), thread_id=thread_id, text="Thanks")
    assert desk.queue() == [item["id"]]
    assert (desk.item(item)["state"], desk.archive()) == ("open", [])


@pytest.mark.seed("S3-13")
@pytest.mark.seed("S3-14")
def test_two_ways_of_dismissing_put_an_item_into_the_archive(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    done, undone = desk.send(), desk.send(a_person(BEN))
    assert desk.refused(lambda: desk.dismiss(done, "left_open")) == ("invalid_request", "outcome")
    assert desk.dismiss(done)["state"] == "completed"
    assert desk.dismiss(undone, "not_completed")["state"] == "not_completed"
    assert desk.queue() == []
    assert desk.archive(outcome="completed") == [done["id"]]
    assert desk.archive(outcome="not_completed") == [undone["id"]]
    assert desk.refused(lambda: desk.dismiss(desk.item(done))) == ("item_archived", "item_id")
    assert [each["outcome"] for each in desk.events(contract.item_dismissed)] == [
        "completed",
        "not_completed",
    ]


@pytest.mark.seed("S3-15")
@pytest.mark.seed("S3-16")
def test_the_archive_is_searched_and_shows_the_newest_request_first(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    old = desk.send(text="The inhaler, please")
    desk.clock.shift(datetime.timedelta(days=2))
    # At one time, so that the name decides: Ärzt before Vega, however it was sent.
    later = desk.send(text="A knee. It hurts")
    of_ben = desk.send(a_person(BEN), type="ask_a_clinical_question", text="Knee brace?")
    still_open = desk.send(a_person(BEN), text="Knee, knee")
    for item in (of_ben, later, old):
        desk.answer(item, "Use the Größe L", outcome="not_completed" if item is old else "completed")
    everything = [of_ben["id"], later["id"], old["id"]]
    assert desk.archive() == everything
    assert still_open["id"] not in everything
    for words, expected in {
        "knee": [of_ben, later],
        "KNE": [of_ben, later],
        "vega": [later, old],
        "arzt": [of_ben],
        "ana inhal": [old],
        "clinical question": [of_ben],
        "grosse": [of_ben, later, old],
        "knee inhaler": [],
        'kn"ee* OR x': [],
        "…": [of_ben, later, old],
    }.items():
        assert desk.archive(words=words) == [each["id"] for each in expected], words
    assert desk.archive(type="ask_a_clinical_question") == [of_ben["id"]]
    assert desk.archive(outcome="not_completed") == [old["id"]]
    assert desk.archive(person_id=ANA) == [later["id"], old["id"]]
    day = START.date()
    assert desk.archive(until_on=day.isoformat()) == [old["id"]]
    assert desk.archive(from_on=(day + datetime.timedelta(days=1)).isoformat()) == [of_ben["id"], later["id"]]
    pages, after = [], None
    while len(pages) < 4:
        page = desk(contract.search_archive, limit=1, after=after)
        pages += [each["id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert pages == everything
    assert desk(contract.search_archive, STRANGER)["items"] == []


@pytest.mark.parametrize(("newest", "following"), [(3, 0), (3, 2), (1, 9), (9, 0)])
def test_words_are_found_wherever_in_the_archive_they_stand(
    portal_desk: PortalDesk, monkeypatch: pytest.MonkeyPatch, newest: int, following: int
) -> None:
    desk = portal_desk
    monkeypatch.setattr(archive, "_NEWEST", newest)
    monkeypatch.setattr(archive, "_NEXT", following)
    texts = ("knee", "knee", "back", "knee", "back", "back", "knee")
    ids = []
    for text in texts:
        item = desk(contract.enter_request, person_id=ANA, type="refill_request", text=text)
        ids.append(desk.dismiss(item, "not_completed" if len(ids) % 2 else "completed")["id"])
        desk.clock.shift(HOUR)
    with_word = {
        word: [each for each, text in zip(ids, texts, strict=True) if text == word][::-1] for word in texts
    }
    for word, expected in with_word.items():
        for limit in (1, 2, 5):
            found: list[str] = []
            after = None
            while True:
                page = desk(contract.search_archive, words=word, limit=limit, after=after)
                found += [each["id"] for each in page["items"]]
                after = page["next"]
                if after is None:
                    break
            assert found == expected, (word, limit)
    assert desk.archive(words="knee", outcome="not_completed") == [ids[3], ids[1]]
    assert desk.archive(words="hip") == []


@pytest.mark.seed("S3-17")
@pytest.mark.seed("S3-18")
@pytest.mark.seed("S3-19")
def test_an_archived_item_comes_back_with_its_history_once_it_is_confirmed(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.answer(desk.send(), outcome="not_completed")
    back = contract.unarchive_queue_item
    assert desk.refused(lambda: desk.change(back, item)) == ("confirmation_required", "confirm")
    assert (desk.queue(), desk.archive()) == ([], [item["id"]])
    returned = desk.change(back, item, confirm=True)
    assert (returned["state"], returned["dismissed_at"]) == ("open", None)
    assert (desk.queue(), desk.archive()) == ([item["id"]], [])
    assert desk.steps(item) == ["received", "answered", "not_completed", "unarchived"]
    assert len(desk.item(item)["messages"]) == 2
    assert desk.refused(lambda: desk.change(back, returned, confirm=True)) == ("item_open", "item_id")
    assert [each["item_id"] for each in desk.events(contract.item_unarchived)] == [item["id"]]
    assert desk.dismiss(returned)["state"] == "completed"


def test_who_cannot_sign_in_is_not_written_to(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    called = desk(contract.enter_request, person_id=EVE, type="refill_request", text="She called.")
    assert desk.item(called)["messages"] == []
    assert desk.refused(lambda: desk.answer(called)) == ("no_portal_account", "person_id")
    of_ana = desk(contract.enter_request, person_id=ANA, type="refill_request", text="She called.")
    desk.answer(of_ana, outcome="completed")
    assert desk.events(messages.message_sent)[0]["account_ids"] == [ACCOUNT]
    assert desk.refused(
        lambda: desk(contract.enter_request, person_id="9" * 32, type="refill_request", text="x")
    ) == ("not_found", "person_id")
    assert desk.refused(
        lambda: desk(contract.enter_request, person_id=ANA, type="nothing_such", text="x")
    ) == ("not_found", "type")


def test_items_and_conversations_follow_merges_and_their_undoing(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()

    def whose() -> list[Any]:
        found = desk.item(item)
        return [found["person_id"], *(each["person_id"] for each in found["messages"])]

    desk.people.tell_merge(desk.portals, BEN, ANA)
    assert whose() == [BEN, BEN]
    desk.people.tell_undoing(desk.portals, BEN, ANA)
    assert whose() == [ANA, ANA]


def test_of_two_merges_one_after_the_other_the_undoing_of_the_second_takes_all_of_it_back(
    portal_desk: PortalDesk,
) -> None:
    """Ben's record became Ana's, Ana's became Eve's: without the second merge Ben's is Ana's, and no stranger's."""
    desk = portal_desk
    bens = desk.send(a_person(BEN))
    desk.people.tell_merge(desk.portals, ANA, BEN)
    desk.people.tell_merge(desk.portals, EVE, ANA)
    assert desk.item(bens)["person_id"] == EVE
    desk.people.tell_undoing(desk.portals, EVE, ANA)
    assert desk.item(bens)["person_id"] == ANA
    desk.people.tell_undoing(desk.portals, ANA, BEN)
    assert desk.item(bens)["person_id"] == BEN


def test_what_is_written_on_while_two_records_are_one_belongs_to_whom_the_conversation_named(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    bens = desk.send(a_person(BEN))
    desk.dismiss(bens)
    (thread,) = desk(inbox.list_my_threads, a_person(BEN))["items"]
    desk.people.tell_merge(desk.portals, ANA, BEN)
    reply = {"thread_id": thread["id"], "text": "And now?"}
    desk(inbox.reply_in_my_thread, a_person(ANA, id=a_person(BEN).id), **reply)
    (again,) = desk(contract.list_queue, order="newest", limit=9)["items"]
    assert again["person_id"] == ANA
    desk.people.tell_undoing(desk.portals, ANA, BEN)
    assert desk.item(again)["person_id"] == BEN


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_that_no_calendar_shows_is_refused(portal_desk: PortalDesk, day: str) -> None:
    for name in ("from_on", "until_on"):
        searched = portal_desk.refused(lambda name=name: portal_desk(contract.search_archive, **{name: day}))
        assert searched == ("invalid_request", name)


def test_words_are_looked_for_among_the_requests_of_the_days_that_are_given(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    ids = []
    for _ in range(4):
        ids.append(desk.dismiss(desk.send(text="The blue inhaler."))["id"])
        desk.clock.shift(24 * HOUR)
    days = [(START + number * 24 * HOUR).date().isoformat() for number in range(6)]
    found = desk.archive(words="inhaler", from_on=days[1], until_on=days[2])
    assert found == [ids[2], ids[1]]
    assert desk.archive(words="inhaler", from_on=days[3]) == [ids[3]]
    assert desk.archive(words="inhaler", until_on=days[0]) == [ids[0]]
    assert desk.archive(words="inhaler", from_on=days[5]) == []
    page = desk(contract.search_archive, words="inhal", limit=3)
    assert [each["id"] for each in page["items"]] == ids[:0:-1]
    assert desk.archive(words="inhal", after=page["next"]) == [ids[0]]
