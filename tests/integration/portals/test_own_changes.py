"""Changes that people ask for in their own record: seen or edited by section, accepted or dismissed by staff."""

from __future__ import annotations

import dataclasses
import datetime
import re
import time
from pathlib import Path
from typing import Any

import pytest

import gateway
from services.contracts.errors import Refused
from services.contracts.identity import people
from services.contracts.portals import configuration, inbox, portal_queue, published_items
from services.contracts.portals import own_changes as contract
from services.portals.own_changes import rules
from tests.support.at_once import at_once
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import ACCOUNTS, ANA, BEN, PortalDesk, a_person

DESIGNER = a_caller("portal.configure")
NURSE = a_caller(published_items.PUBLISH, "portal_queue.work")
WORKER = a_person(ANA, realm="employee")
LATEX = {"substance": "Latex", "reaction": "Hives"}


def let_edit(desk: PortalDesk, *sections: str, portal: str = "employee") -> None:
    version = desk(configuration.get_portal_content, DESIGNER, portal=portal)["version"]
    chosen = {"portal": portal, "editable_sections": list(sections)}
    desk(configuration.change_portal_content, DESIGNER, version=version, **chosen)


def publish(desk: PortalDesk, kind: str, person_id: str = ANA, **values: Any) -> str:
    request = {"person_id": person_id, "kind": kind, "values": values}
    return str(desk(published_items.publish_item, NURSE, **request)["id"])


def sections(desk: PortalDesk, caller: Any = WORKER) -> dict[str, Any]:
    answer = desk(contract.get_my_sections, caller, portal="employee")
    return {each["section"]: each for each in answer["items"]}


def ask(desk: PortalDesk, section: str = "allergies", caller: Any = WORKER, **more: Any) -> Any:
    return desk(contract.request_my_change, caller, portal="employee", section=section, **more)


def accept(desk: PortalDesk, asked: Any, caller: Any = NURSE) -> Any:
    item = desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])
    return desk(contract.accept_own_change, caller, item_id=item["id"], version=item["version"])


def substances(desk: PortalDesk) -> list[Any]:
    return [each["values"]["substance"] for each in sections(desk)["allergies"]["entries"]]


@pytest.mark.seed("S2-129")
def test_each_section_is_edited_or_only_seen_as_the_portal_says(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    vaccine = publish(desk, "immunisation", vaccine="Tetanus")
    publish(desk, "allergy", person_id=BEN, substance="Nuts")
    shown = sections(desk)
    assert {name: each["can_edit"] for name, each in shown.items()} == {
        "immunizations": False,
        "allergies": False,
        "medications": False,
    }
    assert [each["id"] for each in shown["immunizations"]["entries"]] == [vaccine]
    assert shown["allergies"]["entries"] == []
    given = {
        "immunizations": {"vaccine": "Flu"},
        "allergies": LATEX,
        "medications": {"name": "Ibuprofen"},
    }
    for chosen in given:
        let_edit(desk, chosen)
        for section, values in given.items():
            if section == chosen:
                assert ask(desk, section, values=values)["section"] == section
            else:
                refused = desk.refused(lambda s=section, v=values: ask(desk, s, values=v))
                assert refused == ("field_not_editable", "section")
        assert [name for name, each in sections(desk).items() if each["can_edit"]] == [chosen]
    assert len(desk.queue(type="change_of_my_information")) == 3
    patient = a_person(ANA)
    assert desk.refused(lambda: ask(desk, caller=patient, values=LATEX))[0] == "not_found"


@pytest.mark.seed("S2-129")
def test_a_change_holds_once_staff_accept_it_and_never_when_they_dismiss_it(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    let_edit(desk, "allergies")
    wrong = publish(desk, "allergy", substance="Nuts")
    asked = ask(desk, values=LATEX, replaces_id=wrong, note="I eat nuts every day")
    assert (substances(desk), sections(desk)["allergies"]["waiting"]) == (["Nuts"], 1)
    told = desk(contract.get_own_change, NURSE, item_id=asked["item_id"])
    assert (told["values"]["substance"], told["replaces"]["substance"]) == ("Latex", "Nuts")
    text = desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])["text"]
    assert text.splitlines()[-1] == "I eat nuts every day"
    assert "Add: Allergies: What you are allergic to: Latex; What happens: Hives" in text
    accepted = accept(desk, asked)
    assert (accepted["state"], substances(desk)) == ("completed", ["Latex"])
    assert desk.refused(lambda: accept(desk, asked))[0] == "item_archived"
    (thread,) = desk(inbox.list_my_threads, WORKER)["items"]
    assert thread["state"] == "change_accepted"
    (entry,) = sections(desk)["allergies"]["entries"]
    removal = ask(desk, replaces_id=entry["id"])
    item = desk(portal_queue.get_queue_item, NURSE, item_id=removal["item_id"])
    desk.change(portal_queue.dismiss_queue_item, item, NURSE, outcome="not_completed")
    assert substances(desk) == ["Latex"]
    assert desk.refused(lambda: accept(desk, removal))[0] == "item_archived"
    accept(desk, ask(desk, replaces_id=entry["id"]))
    assert substances(desk) == []


def test_nobody_changes_what_is_not_theirs(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    let_edit(desk, "allergies", "medications")
    foreign = publish(desk, "allergy", person_id=BEN, substance="Nuts")
    own = publish(desk, "allergy", substance="Dust")
    assert desk.refused(lambda: ask(desk, replaces_id=foreign)) == ("not_found", "replaces_id")
    assert desk.refused(lambda: ask(desk, "medications", replaces_id=own)) == ("not_found", "replaces_id")
    assert desk.refused(lambda: ask(desk)) == ("invalid_request", "values")
    assert desk.refused(lambda: ask(desk, values={"reaction": "x"})) == (
        "invalid_request",
        "values.substance",
    )
    asked = ask(desk, values=LATEX)
    assert desk.refused(lambda: accept(desk, asked, a_caller("portal_queue.work")))[0] == "forbidden"
    elsewhere = a_caller(published_items.PUBLISH, "portal_queue.work", organisation=BAYSIDE)
    for operation, version in ((contract.get_own_change, None), (contract.accept_own_change, 1)):
        request = {"item_id": asked["item_id"]} | ({"version": version} if version else {})
        assert desk.refused(lambda o=operation, r=request: desk(o, elsewhere, **r))[0] == "not_found"
    plain = desk.send()
    assert desk.refused(lambda: desk(contract.get_own_change, NURSE, item_id=plain["id"]))[0] == "not_found"
    nobody = a_caller(realm="employee")
    assert desk.refused(lambda: desk(contract.get_my_sections, nobody, portal="employee"))[0] == "not_found"


def test_what_a_role_does_not_see_is_neither_shown_nor_changed(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    let_edit(desk, "allergies", "medications")
    own = publish(desk, "allergy", substance="Dust")
    profile = {"person_id": ANA, "role": "patient", "permissions": ["profile.send_messages"]}
    blind = a_person(realm="employee", scope={"profiles": [profile]})
    assert desk(contract.get_my_sections, blind, portal="employee")["items"] == []
    nobody = a_person(realm="employee", scope={"profiles": []})
    assert desk.refused(lambda: desk(contract.get_my_sections, nobody, portal="employee")) == (
        "not_found",
        "person_id",
    )
    assert desk.refused(lambda: ask(desk, caller=blind, replaces_id=own)) == ("field_not_editable", "section")


def test_many_entries_of_one_section_push_none_of_another_out(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    publish(desk, "allergy", substance="Dust")
    for number in range(201):
        publish(desk, "immunisation", vaccine=f"Vaccine {number}")
    shown = {
        each["section"]: each["entries"]
        for each in desk(contract.get_my_sections, a_person(), portal="patient")["items"]
    }
    assert [each["values"]["substance"] for each in shown["allergies"]] == ["Dust"]


def test_an_entry_is_replaced_by_one_request_and_only_while_it_is_the_persons(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    let_edit(desk, "allergies")
    wrong = publish(desk, "allergy", substance="Nuts")
    told = at_once(*[lambda: ask(desk, values=LATEX, replaces_id=wrong)["section"]] * 3)
    assert sorted(told) == ["allergies", "conflict", "conflict"]
    assert desk.refused(lambda: ask(desk, replaces_id=wrong)) == ("conflict", "replaces_id")
    (item_id,) = desk.queue(type="change_of_my_information")
    # The source takes the entry back meanwhile.
    desk(published_items.withdraw_item, NURSE, item_id=wrong)
    assert desk.refused(lambda: accept(desk, {"item_id": item_id})) == ("conflict", "item_id")
    assert substances(desk) == []
    assert desk.queue(type="change_of_my_information") == [item_id]


def test_what_was_accepted_is_not_accepted_again_when_it_comes_back_from_the_archive(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    let_edit(desk, "allergies")
    asked = ask(desk, values=LATEX)
    done = accept(desk, asked)
    back = {"item_id": done["id"], "version": done["version"], "confirm": True}
    desk(portal_queue.unarchive_queue_item, NURSE, **back)
    assert desk.refused(lambda: accept(desk, asked)) == ("conflict", "item_id")
    assert substances(desk) == ["Latex"]


def test_who_has_looked_at_a_change_is_found_by_its_person(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    let_edit(desk, "allergies")
    asked = ask(desk, values=LATEX)
    desk(contract.get_own_change, NURSE, item_id=asked["item_id"])
    (row,) = [each for each in desk.portals.audit("queue_item.read") if each.object_id == asked["item_id"]]
    assert row.facts.get("person_id", row.person_id) == ANA


SEE = "profile.view_contact_details"
REGISTRAR = a_caller("person.manage", "portal_queue.work")
OF_ANA = {"person_id": ANA, "role": "self", "permissions": [SEE, "profile.send_messages"]}


class Details:
    """What identity keeps of Ana in this process."""

    def __init__(self, desk: PortalDesk, *, changes_are_requests: bool = True) -> None:
        self.kept: dict[str, Any] = dict.fromkeys(people.OWN_SETTINGS) | {"email": "ana@example.org"}
        self.allowed = {
            "changes_are_requests": changes_are_requests,
            "editable_fields": ["email", "home_phone", "preferred_language"],
            "sources": {},
        }
        self.accepted: list[Any] = []
        desk.portals.answers |= {
            people.describe_own_settings.address: lambda _: self.kept | self.allowed,
            people.accept_own_settings.address: self._accept,
        }

    def _accept(self, asked: Any) -> dict[str, Any]:
        self.accepted.append(asked)
        self.kept |= {name: value for name, value in asked.items() if name in self.kept}
        return {"person_id": asked["person_id"]}


def ana(realm: str = "employee", **more: Any) -> Any:
    return a_caller(
        SEE, realm=realm, id=ACCOUNTS[ANA], scope={"person_id": ANA, "profiles": [OF_ANA]}, **more
    )


def ask_details(desk: PortalDesk, caller: Any = None, **values: Any) -> Any:
    return desk(contract.request_my_details_change, caller or ana(), **values)


def accept_details(desk: PortalDesk, asked: Any, caller: Any = REGISTRAR) -> Any:
    item = desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])
    return desk(contract.accept_own_details, caller, item_id=item["id"], version=item["version"])


@pytest.mark.seed("S2-130")
def test_a_change_of_details_holds_once_staff_accept_it_and_never_when_they_dismiss_it(
    portal_desk: PortalDesk,
) -> None:
    desk, details = portal_desk, Details(portal_desk)
    asked = ask_details(desk, home_phone="555-0100", preferred_language=None)
    assert (asked["portal"], details.kept["home_phone"]) == ("employee", None)
    (waiting,) = desk(contract.list_my_details_changes, ana())["items"]
    assert waiting["values"] == {"home_phone": "555-0100"}, "only what differs is asked for"
    told = desk(contract.get_own_change, NURSE, item_id=asked["item_id"])
    assert (told["section"], told["values"], told["replaces"]) == (
        "details",
        {"home_phone": "555-0100"},
        {"home_phone": None},
    )
    text = desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])["text"]
    assert text == "Home phone: 555-0100 (now: nothing)"
    # A nurse who publishes does not change people's records, and a change of details is none of a section.
    assert desk.refused(lambda: accept_details(desk, asked, NURSE))[0] == "forbidden"
    assert desk.refused(lambda: accept(desk, asked))[0] == "not_found"
    let_edit(desk, "allergies")
    of_section = ask(desk, values=LATEX)
    assert desk.refused(lambda: accept_details(desk, of_section)) == ("not_found", "item_id")
    assert accept_details(desk, asked)["state"] == "completed"
    assert details.accepted == [{"person_id": ANA, "realm": "employee", "home_phone": "555-0100"}]
    assert desk.refused(lambda: accept_details(desk, asked))[0] == "item_archived"
    assert desk(contract.list_my_details_changes, ana())["items"] == []
    other = ask_details(desk, home_phone=None)
    item = desk(portal_queue.get_queue_item, NURSE, item_id=other["item_id"])
    desk.change(portal_queue.dismiss_queue_item, item, NURSE, outcome="not_completed")
    assert desk.refused(lambda: accept_details(desk, other))[0] == "item_archived"
    assert (details.kept["home_phone"], len(details.accepted)) == ("555-0100", 1)


@pytest.mark.seed("S2-130")
def test_details_are_asked_for_as_the_realm_says(portal_desk: PortalDesk) -> None:
    desk, details = portal_desk, Details(portal_desk)
    refused = desk.refused(lambda: ask_details(desk, mobile_phone="555-0100"))
    assert refused == ("field_not_editable", "mobile_phone")
    assert desk.refused(lambda: ask_details(desk, email="ana@example.org"))[0] == "invalid_request"
    assert desk.refused(lambda: ask_details(desk, email="other@example.org"))[0] == "proof_required"
    ask_details(desk, ana(proven_at=time.time()), email="other@example.org")
    assert desk.refused(lambda: ask_details(desk, ana("patient"), email=None)) == ("invalid_request", "email")
    details.allowed["changes_are_requests"] = False
    assert desk.refused(lambda: ask_details(desk, home_phone="555-0100"))[0] == "field_not_editable"
    unseen = ana()
    blind = dataclasses.replace(unseen, scope={"person_id": ANA, "profiles": [OF_ANA | {"permissions": []}]})
    assert desk.refused(lambda: ask_details(desk, blind, home_phone="555-0100"))[0] == "not_found"


def test_who_has_seen_an_older_request_accepts_nothing(portal_desk: PortalDesk) -> None:
    desk, details = portal_desk, Details(portal_desk)
    asked = ask_details(desk, home_phone="555-0100")
    item = desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])
    desk.change(portal_queue.change_queue_item, item, NURSE, priority="urgent")
    stale = {"item_id": item["id"], "version": item["version"]}
    refused = desk.refused(lambda: desk(contract.accept_own_details, REGISTRAR, **stale))
    assert refused[0] == "version_conflict"
    assert details.accepted == []
    elsewhere = a_caller("person.manage", organisation=BAYSIDE)
    assert desk.refused(lambda: desk(contract.accept_own_details, elsewhere, **stale))[0] == "not_found"


def test_who_repeats_a_request_about_details_gets_the_same_answer(portal_desk: PortalDesk) -> None:
    desk, details = portal_desk, Details(portal_desk)
    asked = ask_details(desk, key="a" * 32, home_phone="555-0100")
    item = desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])
    accepting = {"item_id": item["id"], "version": item["version"], "key": "b" * 32}
    accepted = desk(contract.accept_own_details, REGISTRAR, **accepting)
    details.kept["home_phone"] = "555-0199"  # somebody has corrected it since
    assert desk(contract.accept_own_details, REGISTRAR, **accepting) == accepted
    assert details.kept["home_phone"] == "555-0199"
    details.kept["home_phone"] = "555-0100"
    assert ask_details(desk, key="a" * 32, home_phone="555-0100") == asked


def test_what_identity_refuses_leaves_the_request_open(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    Details(desk)
    asked = ask_details(desk, home_phone="555-0100")
    refusals = ["already_merged", "login_taken"]

    def refuse(_: Any) -> Any:
        raise Refused(refusals[-1], "")

    desk.portals.answers[people.accept_own_settings.address] = refuse
    while refusals:
        assert desk.refused(lambda: accept_details(desk, asked))[0] == refusals.pop()
    assert desk.queue(type="change_of_my_information") == [asked["item_id"]]


def test_a_request_is_not_accepted_once_the_person_has_asked_for_something_else(
    portal_desk: PortalDesk,
) -> None:
    desk, details = portal_desk, Details(portal_desk)
    first = ask_details(desk, home_phone="555-0100")
    desk.clock.shift(60)
    language = ask_details(desk, preferred_language="es")
    second = ask_details(desk, home_phone="555-0101")
    assert desk.refused(lambda: accept_details(desk, first)) == ("conflict", "item_id")
    accept_details(desk, second)
    assert desk.refused(lambda: accept_details(desk, first)) == ("conflict", "item_id")
    accept_details(desk, language)
    assert (details.kept["home_phone"], details.kept["preferred_language"]) == ("555-0101", "es")
    desk.clock.shift(60)
    third = ask_details(desk, home_phone="555-0102")
    desk.clock.shift(60)
    dismissed = ask_details(desk, home_phone="555-0103")
    item = desk(portal_queue.get_queue_item, NURSE, item_id=dismissed["item_id"])
    desk.change(portal_queue.dismiss_queue_item, item, NURSE, outcome="not_completed")
    accept_details(desk, third)
    assert details.kept["home_phone"] == "555-0102"


def test_what_another_person_asks_for_later_is_in_nobodys_way(portal_desk: PortalDesk) -> None:
    desk, details = portal_desk, Details(portal_desk)
    asked = ask_details(desk, home_phone="555-0100")
    desk.clock.shift(60)
    of_ben = OF_ANA | {"person_id": BEN}
    ben = a_caller(SEE, realm="employee", id=ACCOUNTS[BEN], scope={"person_id": BEN, "profiles": [of_ben]})
    ask_details(desk, ben, home_phone="555-0199")
    accept_details(desk, asked)
    assert details.kept["home_phone"] == "555-0100"


def test_requests_about_details_count_as_messages(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    Details(desk)
    limits = {"most_characters": 200, "most_a_day": 1, "most_a_week": 5, "before_writing": None}
    desk(portal_queue.change_queue_settings, DESIGNER, version=1, reply_within_days=2, **limits)
    ask_details(desk, home_phone="555-0100")
    assert desk.refused(lambda: ask_details(desk, home_phone="555-0101"))[0] == "too_many_requests"


def outcomes(desk: PortalDesk) -> list[Any]:
    return [each["outcome"] for each in desk.events(contract.own_change_answered)]


def item_of(desk: PortalDesk, asked: Any) -> Any:
    return desk(portal_queue.get_queue_item, NURSE, item_id=asked["item_id"])


@pytest.mark.seed("S2-130")
def test_a_change_of_details_is_completed_by_accepting_it_only(portal_desk: PortalDesk) -> None:
    desk, details = portal_desk, Details(portal_desk)
    settings = desk(portal_queue.get_queue_settings, DESIGNER)
    usual = {"version": settings["version"], "usual_outcome": "completed"}
    desk(portal_queue.change_queue_settings, DESIGNER, **usual)
    asked = ask_details(desk, home_phone="555-0100")
    item = item_of(desk, asked)
    assert item["usual_outcome"] == "left_open"
    refused = ("conflict", "outcome")
    assert desk.refused(lambda: desk.dismiss(item, "completed")) == refused
    assert desk.refused(lambda: desk.answer(item, outcome="completed")) == refused
    assert outcomes(desk) == []
    assert len(item_of(desk, asked)["messages"]) == 1, "the answer that was refused is not sent"
    desk.answer(item, "Is it 0100 or 0101?", outcome=None)
    assert desk.queue(type="change_of_my_information") == [asked["item_id"]]
    done = accept_details(desk, asked)
    assert (done["state"], details.kept["home_phone"]) == ("completed", "555-0100")
    # It is completed already. One that comes back from the archive can be completed again.
    back = {"item_id": done["id"], "version": done["version"], "confirm": True}
    item = desk(portal_queue.unarchive_queue_item, NURSE, **back)
    assert item_of(desk, asked)["usual_outcome"] == "completed"
    assert desk.dismiss(item, "completed")["state"] == "completed"
    assert outcomes(desk) == ["accepted"]


@pytest.mark.seed("S2-130")
@pytest.mark.parametrize("is_accepted", [True, False])
def test_who_has_asked_is_told_and_reads_what_became_of_it(
    portal_desk: PortalDesk, is_accepted: bool
) -> None:
    desk = portal_desk
    Details(desk)
    asked = ask_details(desk, home_phone="555-0100", preferred_language="es")
    if is_accepted:
        accept_details(desk, asked)
    else:
        desk.dismiss(item_of(desk, asked), "not_completed")
    told = {
        "item_id": asked["item_id"],
        "thread_id": asked["thread_id"],
        "portal": "employee",
        "person_id": ANA,
        "account_id": ACCOUNTS[ANA],
        "outcome": "accepted" if is_accepted else "not_completed",
    }
    assert desk.events(contract.own_change_answered) == [told]
    state = "change_accepted" if is_accepted else "change_refused"
    (listed,) = desk(inbox.list_my_threads, ana())["items"]
    thread = desk(inbox.get_my_thread, ana(), thread_id=asked["thread_id"])
    assert (listed["state"], thread["state"]) == (state, state)
    (message,) = thread["messages"]
    assert message["change"] == {
        "section": "details",
        "values": {"home_phone": "555-0100", "preferred_language": "es"},
        "replaces": None,
        "note": None,
    }


def test_who_reads_an_answer_about_a_change_is_not_told_twice(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    Details(desk)
    asked = ask_details(desk, home_phone="555-0100")
    desk.answer(item_of(desk, asked), "We cannot reach you there.", outcome="not_completed")
    assert outcomes(desk) == []
    thread = desk(inbox.get_my_thread, ana(), thread_id=asked["thread_id"])
    assert thread["state"] == "change_refused"
    assert [each["change"] is None for each in thread["messages"]] == [False, True]


def test_a_change_of_a_section_is_told_of_and_shown_with_its_note(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    let_edit(desk, "allergies")
    wrong = publish(desk, "allergy", substance="Nuts")
    note = "I eat nuts every day.\n\nReally."
    asked = ask(desk, values=LATEX | {"reaction": "Hives,\nand more"}, replaces_id=wrong, note=note)
    (message,) = desk(inbox.get_my_thread, WORKER, thread_id=asked["thread_id"])["messages"]
    shown = message["change"]
    assert (shown["section"], shown["note"]) == ("allergies", note)
    assert (shown["values"]["substance"], shown["replaces"]["substance"]) == ("Latex", "Nuts")
    accept(desk, asked)
    # What the publishing system has brought in itself is completed without being accepted.
    second = ask(desk, values={"substance": "Dust"})
    desk.dismiss(item_of(desk, second), "completed")
    assert outcomes(desk) == ["accepted", "completed"]
    states = {each["id"]: each["state"] for each in desk(inbox.list_my_threads, WORKER)["items"]}
    assert states == {asked["thread_id"]: "change_accepted", second["thread_id"]: "completed"}


def test_a_message_keeps_what_it_said_when_the_entry_is_published_anew(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    let_edit(desk, "allergies")
    entry = {"person_id": ANA, "kind": "allergy", "source_reference": "allergy-1"}
    wrong = desk(published_items.publish_item, NURSE, **entry, values={"substance": "Nuts"})["id"]
    asked = ask(desk, values=LATEX, replaces_id=wrong)

    def shown() -> Any:
        (message,) = desk(inbox.get_my_thread, WORKER, thread_id=asked["thread_id"])["messages"]
        return message

    assert shown()["change"]["replaces"]["substance"] == "Nuts"
    desk.clock.shift(datetime.timedelta(minutes=1))
    desk(published_items.publish_item, NURSE, **entry, values={"substance": "Pollen"})
    assert shown()["change"] is None
    assert "Nuts" in shown()["text"]
    assert "Pollen" not in shown()["text"]


def test_an_ordinary_request_of_the_type_is_no_change(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    entered = {"person_id": ANA, "type": "change_of_my_information", "text": "A new name"}
    item = desk(portal_queue.enter_request, **entered)
    assert desk.dismiss(item, "completed")["state"] == "completed"
    assert outcomes(desk) == []


def test_a_request_says_it_in_the_words_of_the_page() -> None:
    words = (Path(gateway.__file__).parent / "web/templates/own_changes/parts.html").read_text()
    shown = dict(re.findall(r'"(\w+)": _\("([^"]+)"\)', words))
    assert shown == rules.SECTIONS | rules.MEMBERS | rules.LABELS
    assert rules.LABELS.keys() == people.OWN_SETTINGS.keys()
