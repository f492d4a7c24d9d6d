"""Notices to three audiences: employees, their supervisors and the management group, each with words of their own."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.declare import Event
from services.contracts.errors import Refused
from services.contracts.identity import recipients
from services.contracts.notifications import notices as contract
from services.contracts.notifications import templates
from services.contracts.portals import published_items, responses
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    BEN,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)
from tests.support.in_process import BAYSIDE, a_caller

STAFF = a_caller("organisation.manage")
ROLE, PERSON, RESPONSE = "e" * 32, "d" * 32, "f" * 32
WHO = {
    ADDRESSES[MARIA]: contract.PERSON,
    ADDRESSES[OLGA]: contract.SUPERVISOR,
    ADDRESSES[BEN]: contract.MANAGEMENT,
}
COMPLETED = {
    "response_id": RESPONSE,
    "questionnaire_id": "c" * 32,
    "questionnaire_version": 1,
    "person_id": PERSON,
}
WORK_STATUS = {"person_id": PERSON, "kind": "work_status", "revision": 1}


@pytest.fixture
def told(notifications: Notifications) -> Notifications:
    """Maria is the employee, Olga supervises her, Ben holds the management's role."""
    notifications.answers[recipients.list_person_recipients.address] = lambda _: {
        "persons": [{"account_id": MARIA, "email_is_verified": True}],
        "supervisors": [{"account_id": OLGA, "email_is_verified": True}],
    }

    def holders(request: Any) -> Any:
        if request["role_id"] != ROLE:
            raise Refused("not_found", "")
        return {"recipients": [{"account_id": BEN, "email_is_verified": True}]}

    notifications.answers[recipients.list_role_recipients.address] = holders
    return notifications


def choose(notifications: Notifications, version: int, told: dict[str, list[str]], **changes: Any) -> Any:
    """Choose who is told, with the management's role."""
    choices = {"told": told, "management_role_id": ROLE, "reminder_days": [7], "reminder_hours": 24} | changes
    return notifications.call(contract.set_notice_settings, STAFF, version=version, **choices)


def mailed(
    notifications: Notifications, mails: FakeMailServer, event: Event, data: dict[str, Any]
) -> dict[str, str]:
    """The texts that an event sends, by audience."""
    before = len(mails.taken)
    notifications.deliver(event, data)
    while sending.send_next(notifications.runtime):
        continue
    texts = [body(message) for message in mails.taken[before:]]
    return {WHO[address]: text for address, text in zip(mails.recipients[before:], texts, strict=True)}


@pytest.mark.seed("S2-8")
@pytest.mark.parametrize(
    ("topic", "event", "data"),
    [
        ("work_status_published", published_items.item_published, WORK_STATUS),
        ("questionnaire_completed", responses.questionnaire_completed, COMPLETED),
        ("review_requested", responses.review_requested, COMPLETED),
        (
            "response_reviewed",
            responses.response_reviewed,
            {"response_id": RESPONSE, "account_id": OLGA, "person_id": PERSON},
        ),
    ],
    ids=["work status", "answers", "review", "reviewed"],
)
def test_each_audience_is_told_in_its_own_words_as_the_organisation_has_chosen(
    told: Notifications, mails: FakeMailServer, topic: str, event: Event, data: dict[str, Any]
) -> None:
    # As usual: what contracts say. Nobody is the management yet.
    assert set(mailed(told, mails, event, data)) == set(contract.TOPICS[topic])
    # Each audience by itself, then all of them, then nobody.
    for version, audience in enumerate(contract.AUDIENCES, start=1):
        choose(told, version, {topic: [audience]})
        assert set(mailed(told, mails, event, data)) == {audience}
    choose(told, 4, {topic: list(contract.AUDIENCES)})
    texts = mailed(told, mails, event, data)
    assert set(texts) == set(contract.AUDIENCES)
    assert len(set(texts.values())) == 3
    assert "because you supervise somebody" in texts["supervisor"]
    assert "because you belong to the management group" in texts["management"]
    # An audience has templates of its own.
    kind = f"{topic}_management"
    words = {"subject": "Of the board", "text": "See {{ portal_link }}", "html": None}
    told.call(templates.save_message_template, STAFF, version=1, kind=kind, **words)
    assert mailed(told, mails, event, data)["management"].startswith("See https://")
    # None of them says whom it is about, or what.
    for message in mails.taken:
        assert not {"Maria", "Quill", PERSON, RESPONSE[:8]} & set(body(message).replace("/", " ").split())
    choose(told, 5, {topic: []})
    assert mailed(told, mails, event, data) == {}
    # Without a role nobody is the management.
    choose(told, 6, {topic: ["management"]}, management_role_id=None)
    assert mailed(told, mails, event, data) == {}


def test_other_published_items_are_no_work_status(told: Notifications) -> None:
    told.deliver(published_items.item_published, WORK_STATUS | {"kind": "result"})
    assert told.rows() == []


def test_a_review_of_an_event_without_person_is_told_to_nobody(told: Notifications) -> None:
    told.deliver(responses.response_reviewed, {"response_id": RESPONSE, "account_id": OLGA})
    assert told.rows() == []


def test_choices_hold_for_one_organisation_and_for_whoever_has_seen_the_last_ones(
    told: Notifications,
) -> None:
    assert told.call(contract.get_notice_settings, STAFF)["version"] == 1
    saved = choose(told, 1, {"review_requested": ["person"]}, reminder_days=[60, 7, 60])
    assert saved == told.call(contract.get_notice_settings, STAFF)
    assert (saved["version"], saved["reminder_days"], saved["management_role_id"]) == (2, [7, 60], ROLE)
    assert (saved["told"]["review_requested"], saved["told"]["response_reviewed"]) == (["person"], ["person"])
    with pytest.raises(Refused, match="version_conflict"):
        choose(told, 1, {})
    other = told.call(contract.get_notice_settings, a_caller("organisation.manage", organisation=BAYSIDE))
    assert other["told"]["review_requested"] == ["supervisor"]
    with pytest.raises(Refused, match="not_found") as refusal:
        choose(told, 2, {}, management_role_id=PERSON)
    assert refusal.value.field == "management_role_id"
    for wrong in ({"told": {"nothing": []}}, {"reminder_days": [8]}, {"reminder_hours": 73}):
        with pytest.raises(Refused, match="invalid_request"):
            told.call(
                contract.set_notice_settings, STAFF, version=2, **{"told": {}, "reminder_days": [], **wrong}
            )


def test_a_management_role_that_is_gone_has_no_holders(told: Notifications) -> None:
    choose(told, 1, {"review_requested": ["management", "supervisor"]})

    def gone(_request: Any) -> Any:
        raise Refused("not_found", "")

    told.answers[recipients.list_role_recipients.address] = gone
    told.deliver(responses.review_requested, COMPLETED)
    assert [row.account_id for row in told.rows()] == [OLGA]


def test_nobody_is_left_out_while_identity_does_not_answer(told: Notifications) -> None:
    """The event is tried again, and nothing was made of it before."""
    choose(told, 1, {"review_requested": ["management"]})

    def away(_request: Any) -> Any:
        raise Refused("service_unavailable", "")

    told.answers[recipients.list_role_recipients.address] = away
    with pytest.raises(Refused, match="service_unavailable"):
        told.deliver(responses.review_requested, COMPLETED)
    with pytest.raises(Refused, match="service_unavailable"):
        choose(told, 2, {})
    assert told.rows() == []
