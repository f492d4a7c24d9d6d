"""What an account finds of its notices in the application: also what it wanted no mail about, and nobody else's."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import update

import gateway
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import credentials, relationships
from services.contracts.notifications import my_notices as contract
from services.contracts.notifications import preferences
from services.contracts.signing import documents
from services.notifications.deliveries import acting, rules, sending
from services.notifications.deliveries.models import Delivery
from services.notifications.templates.product_words import KINDS
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications, body
from tests.integration.notifications.test_preferences import MINE, a_message_waits, choose, send_all
from tests.support.in_process import BAYSIDE, a_caller

BOTH = pytest.mark.parametrize("notifications", ["sqlite", "postgresql"], indirect=True)
HERS = a_caller(id=OLGA, realm="provider")


def notices(notifications: Notifications, caller: Any = MINE, **asked: Any) -> Any:
    return notifications.call(contract.list_my_notices, caller, **asked)


def unread(notifications: Notifications, caller: Any = MINE) -> int:
    return int(notifications.call(contract.count_my_notices, caller)["unread"])


@BOTH
def test_a_notice_is_there_at_once_and_marked_as_read_once(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    choose(notifications, switched_off=["messages"])
    a_message_waits(notifications, MARIA, OLGA)
    (notice,) = notices(notifications)["items"]
    assert (notice["kind"], notice["is_read"], notice["page"]) == ("message_waiting", False, "/portal")
    send_all(notifications)
    assert mails.recipients == ["olga@harbor.example"]  # Maria wanted no mail
    assert (unread(notifications), unread(notifications, HERS)) == (1, 1)
    for marked in (1, 0):
        answer = notifications.call(contract.read_my_notices, MINE, notice_id=notice["id"])
        assert answer == {"marked": marked}
    assert notices(notifications)["items"][0]["is_read"]
    assert (unread(notifications), unread(notifications, HERS)) == (0, 1)
    assert notices(notifications, is_read=False)["items"] == []
    assert len(notices(notifications, is_read=True)["items"]) == 1


def test_nobody_reads_or_marks_the_notices_of_somebody_else(notifications: Notifications) -> None:
    a_message_waits(notifications)
    (notice,) = notices(notifications)["items"]
    same_id = a_caller(id=MARIA, realm="employee", organisation=BAYSIDE)
    for stranger in (HERS, same_id):
        assert notices(notifications, stranger)["items"] == []
        assert unread(notifications, stranger) == 0
        with pytest.raises(Refused) as refused:
            notifications.call(contract.read_my_notices, stranger, notice_id=notice["id"])
        assert refused.value.code == "not_found"
        assert notifications.call(contract.read_my_notices, stranger) == {"marked": 0}
    assert unread(notifications) == 1


def test_all_are_marked_that_are_there_now(notifications: Notifications) -> None:
    for _ in range(3):
        a_message_waits(notifications)
    later = utc_now() + datetime.timedelta(days=3)
    last = notifications.rows()[-1].id
    statement = update(Delivery).where(Delivery.id == last).values(shown_at=later)
    notifications.database.write(None, lambda session: session.execute(statement))
    assert unread(notifications) == 2  # what is to be told later is not there yet
    assert notifications.call(contract.read_my_notices, MINE) == {"marked": 2}
    assert unread(notifications) == 0


@pytest.mark.parametrize(
    ("change", "is_there"),
    [
        ({"state": "cancelled", "reason": "cancelled_by_staff"}, False),
        ({"state": "suppressed", "reason": "outdated"}, False),
        ({"state": "suppressed", "reason": "address_unverified"}, True),
        ({"state": "permanent_failure", "reason": "message_refused"}, True),
    ],
)
def test_what_was_cancelled_or_is_out_of_date_is_no_notice(
    notifications: Notifications, change: dict[str, str], is_there: bool
) -> None:
    a_message_waits(notifications)
    statement = update(Delivery).values(**change)
    notifications.database.write(None, lambda session: session.execute(statement))
    assert len(notices(notifications)["items"]) == is_there
    assert unread(notifications) == is_there


def test_links_and_codes_are_no_notices(notifications: Notifications) -> None:
    data = {"invitation_id": "4" * 32, "account_id": MARIA, "purpose": "reset"}
    notifications.deliver(credentials.account_invited, data)
    assert len(notifications.rows()) == 1
    assert notices(notifications)["items"] == []


def test_pages_of_notices_follow_each_other(notifications: Notifications) -> None:
    for _ in range(5):
        a_message_waits(notifications)
    first = notices(notifications, limit=2)
    second = notices(notifications, limit=2, after=first["next"])
    third = notices(notifications, limit=2, after=second["next"])
    seen = [each["id"] for page in (first, second, third) for each in page["items"]]
    assert len(set(seen)) == 5
    assert third["next"] is None
    assert [each.id for each in reversed(notifications.rows())] == seen


def test_a_badge_counts_to_a_hundred(notifications: Notifications) -> None:
    a_message_waits(notifications)
    row = notifications.row()
    columns = [each.key for each in Delivery.__table__.columns]
    like = {name: getattr(row, name) for name in columns}
    more = [like | {"id": f"{n:032x}", "event_id": f"event-{n}"} for n in range(150)]
    notifications.database.write(None, lambda session: session.execute(Delivery.__table__.insert(), more))
    statements: list[str] = []
    engine = notifications.database.engine
    listener = lambda *given: statements.append(given[2])  # noqa: E731
    sqlalchemy_event.listen(engine, "before_cursor_execute", listener)
    assert unread(notifications) == contract.MOST_COUNTED
    sqlalchemy_event.remove(engine, "before_cursor_execute", listener)
    assert len(statements) == 1


def test_another_profile_is_told_of_and_the_first_is_not(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    data = {"account_id": MARIA, "resource_id": "6" * 32, "resource_kind": "profile"}
    for first in ({}, {"is_further": False}):
        notifications.deliver(relationships.access_granted, data | first)
    assert notifications.rows() == []
    notifications.deliver(relationships.access_granted, data | {"is_further": True})
    send_all(notifications)
    assert mails.taken[0]["Subject"] == "You can see another profile at Harbor"
    assert [each["kind"] for each in notices(notifications)["items"]] == ["profile_granted"]


def test_every_kind_of_notice_has_its_words_on_the_page() -> None:
    template = Path(gateway.__file__).parent / "web" / "templates" / "account" / "notice_words.html"
    said = set(re.findall(r'"(\w+)": _\(', template.read_text()))
    variants = ("_with_text", "_with_name", "_with_username", "_supervisor", "_management")
    within_mails = {subject.sentence for subject in acting.SUBJECTS.values()}
    shown = {kind for kind in KINDS if not kind.endswith(variants)} - rules.NOT_SHOWN - within_mails
    assert shown - said == {"appointment_released"}  # words of another kind, chosen when it is sent
    assert said - shown == set()


def test_every_kind_of_message_has_its_words_for_administrators() -> None:
    template = Path(gateway.__file__).parent / "web" / "templates" / "staff" / "administration" / "words.html"
    _, _, declared = template.read_text().partition("set topics = {")
    said = set(re.findall(r'"(\w+)": _\(', declared))
    topics = {kind.removesuffix("_supervisor").removesuffix("_management") for kind in KINDS.keys() - said}
    assert topics - said == set()


# The summary of the day


def a_document_is_signed(notifications: Notifications, sender: str) -> None:
    ids = {
        name: "a" * 32 for name, field in documents.document_signed.schema.fields.items() if field.required
    }
    notifications.deliver(documents.document_signed, ids | {"sender_account_id": sender})


def digest_at(notifications: Notifications, at: datetime.datetime, *groups: str) -> None:
    choose(notifications, digested=list(groups), digest_at=f"{at:%H:%M}")


@BOTH
def test_a_summary_counts_what_waits_and_says_no_more(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    due = (utc_now() + datetime.timedelta(hours=2)).replace(second=0, microsecond=0)
    digest_at(notifications, due, "messages")
    for _ in range(3):
        a_message_waits(notifications)
    send_all(notifications)
    assert mails.taken == []
    rows = {row.kind: row for row in notifications.rows()}
    assert {row.reason for row in notifications.rows() if row.kind == "message_waiting"} == {"in_digest"}
    assert (rows["daily_digest"].next_try_at, rows["daily_digest"].state) == (due, "created")
    assert unread(notifications) == 3  # in the application each is there at once
    notifications.let_time_pass()
    send_all(notifications)
    (mail,) = mails.taken
    assert mail["Subject"] == "Your summary of the day from Harbor"
    assert "New for you at Harbor: 3 messages." in body(mail)
    assert "/account/notices" in body(mail)
    send_all(notifications)
    assert len(mails.taken) == 1
    assert unread(notifications) == 3  # the summary itself is no notice


def test_a_summary_tells_an_unverified_address_what_it_would_be_told_at_once(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    """That a message waits is told to every address (decision 0019), also to those who want it once a day."""
    notifications.identity.unverified = {MARIA, OLGA}
    for account_id, told in ((MARIA, a_message_waits), (OLGA, a_document_is_signed)):
        caller = a_caller(id=account_id, realm="employee")
        choose(notifications, caller, digested=["messages", "documents"])
        told(notifications, account_id)
    a_document_is_signed(notifications, MARIA)
    send_all(notifications)
    notifications.let_time_pass()
    send_all(notifications)
    (mail,) = mails.taken
    assert "New for you at Harbor: 1 message." in body(mail)
    ends = {row.account_id: row.reason for row in notifications.rows() if row.kind == "daily_digest"}
    assert ends == {MARIA: None, OLGA: "address_unverified"}


def test_a_summary_leaves_out_what_was_switched_off_meanwhile(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    choose(notifications, a_caller(id=MARIA, realm="employee"), digested=["messages", "documents"])
    a_message_waits(notifications, MARIA)
    a_document_is_signed(notifications, MARIA)
    send_all(notifications)
    choose(
        notifications, a_caller(id=MARIA, realm="employee"), digested=["messages"], switched_off=["documents"]
    )
    notifications.let_time_pass()
    send_all(notifications)
    (mail,) = mails.taken
    assert "New for you at Harbor: 1 message." in body(mail)


def test_a_summary_speaks_the_language_of_its_reader(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    digest_at(notifications, utc_now() + datetime.timedelta(hours=2), "messages")
    notifications.identity.languages[MARIA] = "es"
    a_message_waits(notifications)
    send_all(notifications)
    notifications.let_time_pass()
    send_all(notifications)
    assert "1 mensaje." in body(mails.taken[0])


def test_what_comes_while_the_summary_is_on_its_way_is_in_the_next(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    due = (utc_now() + datetime.timedelta(hours=2)).replace(second=0, microsecond=0)
    digest_at(notifications, due, "messages")
    a_message_waits(notifications)
    send_all(notifications)
    notifications.let_time_pass()
    send_all(notifications)
    a_message_waits(notifications)
    send_all(notifications)
    digests = [row for row in notifications.rows() if row.kind == "daily_digest"]
    assert [(row.state, row.context["counts"]) for row in digests] == [
        ("sent", {"messages": 1}),
        ("created", {"messages": 1}),
    ]
    assert digests[1].next_try_at == due + datetime.timedelta(days=1)
    assert len(mails.taken) == 1


def test_only_chosen_groups_wait_and_nothing_urgent(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    digest_at(notifications, utc_now() + datetime.timedelta(hours=2), "documents")
    a_message_waits(notifications)
    send_all(notifications)
    assert len(mails.taken) == 1  # of another group
    digest_at(notifications, utc_now() + datetime.timedelta(hours=2), *preferences.GROUPS)
    notifications.deliver(credentials.password_set, {"account_id": MARIA, "is_changed": True})
    send_all(notifications)
    assert len(mails.taken) == 2  # of no group
    a_message_waits(notifications, OLGA)
    send_all(notifications)
    assert len(mails.taken) == 3  # of somebody else
    assert sending.rules.PAGES["daily_digest"] == "/account/notices"
