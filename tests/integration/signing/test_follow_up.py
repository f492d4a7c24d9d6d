"""Plans of care and other documents are followed up until they come back (S4-22)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine

from services.contracts.errors import Refused
from services.contracts.notifications.deliveries import fax_failed, fax_sent
from services.contracts.signing import documents as contract
from services.contracts.signing import follow_up
from services.signing.follow_up.reminders import remind
from tests.support.in_process import a_caller

# Soon: the keys of the tests have just been made, and are not valid before.
START = datetime.datetime.now(datetime.UTC).replace(
    hour=15, minute=0, second=0, microsecond=0
) + datetime.timedelta(days=1)
DAY = datetime.timedelta(days=1)


@contextmanager
def refused(code: str, field: str | None = None) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert (caught.value.code, caught.value.field) == (code, field)


def at(days: float) -> Any:
    return time_machine.travel(START + days * DAY, tick=False)


def day(days: int) -> str:
    """The day that is this many days after the start."""
    return (START.date() + days * DAY).isoformat()


def plan(office: Any, **changed: Any) -> Any:
    return office.send(**({"kind": "plan_of_care", "care_began_on": day(-3)} | changed))


def shown(office: Any, document: Any) -> Any:
    return office.call(contract.get_document, office.staff, document_id=document["id"])


def again(office: Any, document: Any, **changed: Any) -> Any:
    caller = changed.pop("caller", office.staff)
    version = changed.pop("version", shown(office, document)["version"])
    return office.call(follow_up.remind_signer, caller, version=version, document_id=document["id"])


@pytest.mark.seed("S4-22")
def test_the_list_of_plans_of_care_tells_when_and_how_each_was_sent_and_the_days_left(office: Any) -> None:
    # Now: a signing key that is made in the time to come would not be valid for the tests after this one.
    signed = office.sign(plan(office, title="Signed"))
    with at(0):
        mailed = plan(office, title="Mailed", respond_by=day(7))
        faxed = office.fax(title="Faxed", kind="plan_of_care", care_began_on=day(-29))
        office.send(title="No plan")
    with at(8):
        listed = office.call(contract.list_documents, office.staff, report="plans_of_care")["items"]
        facts = {
            each["title"]: (each["channel"], each["state"], each["days_left"], each["is_overdue"])
            for each in listed
        }
        assert facts == {
            "Signed": ("email", "signed", None, False),
            "Faxed": ("fax", "sent", -7, False),  # 37 days after care began
            "Mailed": ("email", "sent", 19, True),  # wanted back the day before
        }
        assert {each["id"]: each["sent_at"][:10] for each in listed}[mailed["id"]] == day(0)
        office.give_back(signed)
        assert sorted(office.titles(report="plans_of_care")) == ["Faxed", "Mailed"]
        assert faxed["id"] in [each["id"] for each in listed]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "plan_of_care"}, "care_began_on"),
        ({"care_began_on": day(-3)}, "care_began_on"),
        ({"kind": "plan_of_care", "care_began_on": day(2)}, "care_began_on"),
        ({"respond_by": day(-2)}, "respond_by"),
    ],
)
def test_days_that_cannot_be_are_refused(office: Any, changed: Any, field: str) -> None:
    with at(0), refused("invalid_request", field):
        office.send(**changed)


@pytest.mark.seed("S4-22")
def test_signers_are_reminded_by_themselves_until_they_decide_and_never_after_thirty_days(
    office: Any,
) -> None:
    with at(0):
        waiting, decided = plan(office), plan(office)
        office.send_on_paper()  # nobody can be reminded of paper
    reminded: list[tuple[int, str]] = []
    for number in range(60):
        with at(number + 0.01):
            assert remind(office.process.runtime)
            new = office.process.events(follow_up.signature_reminded)[len(reminded) :]
            reminded += [(number, each["data"]["document_id"]) for each in new]
            if number == 8:
                office.decline(shown(office, decided))
    assert [number for number, each in reminded if each == waiting["id"]] == [3, 7, 14, 21, 28]
    assert [number for number, each in reminded if each == decided["id"]] == [3, 7]
    assert {each for _, each in reminded} == {waiting["id"], decided["id"]}
    assert shown(office, waiting)["reminders"] == 5


def test_a_long_outage_is_followed_by_one_reminder_and_not_by_all_that_were_missed(office: Any) -> None:
    with at(0):
        sent = plan(office)
    with at(22):
        remind(office.process.runtime)
        remind(office.process.runtime)
    assert (shown(office, sent)["reminders"], len(office.process.events(follow_up.signature_reminded))) == (
        1,
        1,
    )


@pytest.mark.seed("S4-22")
def test_staff_send_the_mail_or_the_fax_again(office: Any) -> None:
    with at(0):
        mailed, faxed = plan(office), office.fax()
    with at(1):
        answer = again(office, mailed)
        assert (answer["reminders"], answer["reminded_at"][:10]) == (1, day(1))
        assert again(office, faxed)["fax_state"] == "waiting"
    told = office.process.events(follow_up.signature_reminded)
    assert [each["data"]["document_id"] for each in told] == [mailed["id"]]
    assert [each["data"]["document_id"] for each in office.process.events(contract.fax_requested)] == [
        faxed["id"]
    ] * 2


def test_a_signer_is_not_reminded_twice_within_an_hour(office: Any) -> None:
    with at(0):
        sent = office.send()
        with refused("reminded_lately"):
            again(office, sent)
    with at(0.05):
        again(office, sent)
        with refused("reminded_lately"):
            again(office, sent)
    with at(0.1):
        assert again(office, sent)["reminders"] == 2


def test_what_is_decided_or_on_paper_is_not_sent_again(office: Any) -> None:
    with at(0):
        on_paper, declined = office.send_on_paper(), office.decline(office.send())
    with at(1):
        with refused("on_paper"):
            again(office, on_paper)
        with refused("already_decided"):
            again(office, declined)
        with refused("version_conflict", "If-Match"):
            again(office, office.send(), version=7)


def test_only_staff_remind(office: Any) -> None:
    with at(0):
        sent = office.send()
    sender_at_the_provider = a_caller("document.send", "document.read", id=office.ana.id, realm="provider")
    with at(1), refused("forbidden"):
        again(office, sent, caller=sender_at_the_provider)


@pytest.mark.seed("S4-19")
def test_the_documents_about_a_person_are_listed_with_their_state(office: Any) -> None:
    rosalind, other = "5" * 32, "6" * 32
    for person, title in ((rosalind, "Hers"), (other, "Another's")):
        office.process.answers["referrals.describe_contact_record"] = lambda _, person=person: {
            "person_id": person,
            "named_person_id": person,
        }
        sent = office.send(title=title, contact_record_id="9" * 32)
        if title == "Hers":
            office.give_back(office.sign(sent))
    listed = office.call(contract.list_documents, office.staff, person_id=rosalind)["items"]
    assert [(each["title"], each["standing"]) for each in listed] == [("Hers", "returned")]


@pytest.mark.parametrize(("event", "outcome"), [(fax_sent, "sent"), (fax_failed, "failed")])
def test_the_late_outcome_of_an_earlier_fax_leaves_the_newer_one_waiting(
    office: Any, event: Any, outcome: str
) -> None:
    with at(0):
        sent = office.fax()
    with at(1):
        assert again(office, sent)["fax_state"] == "waiting"
    reason = {"reason": "no_fax_service"} if event is fax_failed else {}
    for repetition, expected in ((0, "waiting"), (1, outcome)):
        told = {"document_id": sent["id"], "delivery_id": "1" * 32, "repetition": repetition, **reason}
        office.process.deliver(event, told)
        assert shown(office, sent)["fax_state"] == expected
