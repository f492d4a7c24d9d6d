"""Text messages: a number is confirmed by a code before anything else goes to it, and no message says what it is about."""

from __future__ import annotations

import datetime
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import update

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.notifications import deliveries, preferences, templates
from services.contracts.notifications import text_numbers as contract
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.sending import SenderLoop, send_next
from services.notifications.preferences.models import TextNumber
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_preferences import a_message_waits
from tests.integration.notifications.test_reports import KEY, report
from tests.support.eventually import eventually
from tests.support.in_process import BAYSIDE, a_caller

MINE = a_caller(id=MARIA, realm="patient")
ENTERED, DIALLED = "(415) 555-2671", "+14155552671"
SHOWN = "+1 415-555-2671"


@pytest.fixture
def texting(notifications: Notifications, subscriber: Subscriber) -> Notifications:
    """Text messages go to a provider that reports."""
    settings = notifications.runtime.settings
    settings.text_provider_url, settings.text_provider_key = f"{subscriber.url}/texts", "text-key"
    settings.provider_reports_key = KEY
    return notifications


def send_all(notifications: Notifications) -> None:
    while send_next(notifications.runtime):
        continue


def enter(notifications: Notifications, number: str = ENTERED, caller: Any = MINE) -> Any:
    return notifications.call(contract.enter_my_text_number, caller, number=number)


def confirm(notifications: Notifications, code: str, caller: Any = MINE) -> Any:
    return notifications.call(contract.confirm_my_text_number, caller, code=code)


def texts(subscriber: Subscriber) -> list[dict[str, str]]:
    return [
        {name: each[0] for name, each in parse_qs(post.body.decode()).items()} for post in subscriber.posts
    ]


def code_in(text: str) -> str:
    (code,) = re.findall(r"\b\d{6}\b", text)
    return code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def with_number(notifications: Notifications, subscriber: Subscriber, caller: Any = MINE) -> None:
    enter(notifications, caller=caller)
    send_all(notifications)
    confirm(notifications, code_in(texts(subscriber)[-1]["text"]), caller)
    subscriber.posts.clear()


def choose(notifications: Notifications, **chosen: Any) -> Any:
    wanted = {"switched_off": [], "texted": ["messages"]} | chosen
    return notifications.call(preferences.set_my_message_preferences, MINE, **wanted)


def change_number(notifications: Notifications, **values: Any) -> None:
    def work(session: Any) -> None:
        row = session.query(TextNumber).filter_by(account_id=MARIA).one()
        for name, value in values.items():
            setattr(row, name, value)

    notifications.database.write(None, work)


def of_texts(notifications: Notifications) -> list[tuple[str, str, str | None]]:
    return [(row.kind, row.state, row.reason) for row in notifications.rows() if row.channel == "text"]


def test_a_number_is_used_once_the_code_that_went_to_it_came_back(
    texting: Notifications, subscriber: Subscriber
) -> None:
    before = texting.call(contract.get_my_text_number, MINE)
    assert before == {
        "is_offered": True,
        "number": None,
        "confirmed_at": None,
        "pending_number": None,
        "code_ends_at": None,
    }
    entered = enter(texting)
    assert (entered["number"], entered["pending_number"]) == (None, SHOWN)
    send_all(texting)
    ((post,), (text,)) = subscriber.posts, texts(subscriber)
    row = texting.row()
    assert (post.path, post.headers["Authorization"]) == ("/texts", "Bearer text-key")
    assert (text["number"], text["reference"], post.headers["Idempotency-Key"]) == (DIALLED, row.id, row.id)
    assert (
        text["text"]
        == f"Harbor · Portico: your code is {code_in(text['text'])}. It works for 15 minutes. Give it to nobody."
    )
    assert (row.channel, row.kind, row.state) == ("text", "text_code", "sent")
    # Nothing else goes to it before, and nothing that is kept holds the code.
    choose(texting)
    a_message_waits(texting)
    send_all(texting)
    assert len(subscriber.posts) == 1
    code = code_in(text["text"])
    assert code not in str([vars(each) for each in texting.rows()])

    with pytest.raises(Refused, match="text_code_refused"):
        confirm(texting, "四十二")
    in_arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    confirmed = confirm(texting, f" {in_arabic[:3]} {in_arabic[3:]}")
    assert (confirmed["number"], confirmed["pending_number"], confirmed["code_ends_at"]) == (
        SHOWN,
        None,
        None,
    )
    assert confirmed == texting.call(contract.get_my_text_number, MINE)
    with pytest.raises(Refused, match="text_code_refused"):
        confirm(texting, code)
    actions = [row.action for row in texting.audit() if row.action.startswith("text_number")]
    assert actions == ["text_number.entered", "text_number.confirmed"]


def test_a_code_is_refused_that_is_wrong_old_or_was_tried_too_often(
    texting: Notifications, subscriber: Subscriber
) -> None:
    with pytest.raises(Refused, match="text_code_refused") as refused:
        confirm(texting, "000000")  # none was made
    assert refused.value.field == "code"
    enter(texting)
    send_all(texting)
    code = code_in(texts(subscriber)[0]["text"])
    for _ in range(contract.MOST_TRIES - 1):
        with pytest.raises(Refused, match="text_code_refused"):
            confirm(texting, wrong(code))
    change_number(texting, code_ends_at=utc_now())
    with pytest.raises(Refused, match="text_code_refused"):
        confirm(texting, code)  # as many as may be: that one was too late
    change_number(
        texting, code_ends_at=utc_now() + datetime.timedelta(minutes=1), code_tries=contract.MOST_TRIES
    )
    with pytest.raises(Refused, match="text_code_refused"):
        confirm(texting, code)
    change_number(texting, code_tries=contract.MOST_TRIES - 1)
    assert confirm(texting, code)["number"] == SHOWN


def test_an_earlier_code_is_void_and_the_number_before_stays_until_the_new_one_is_confirmed(
    texting: Notifications, subscriber: Subscriber
) -> None:
    with_number(texting, subscriber)
    enter(texting, "+49 30 901820")
    enter(texting, "+49 30 901821")
    send_all(texting)
    assert of_texts(texting)[1:] == [("text_code", "suppressed", "outdated"), ("text_code", "sent", None)]
    (text,) = texts(subscriber)
    assert text["number"] == "+4930901821"
    assert texting.call(contract.get_my_text_number, MINE)["number"] == SHOWN
    assert confirm(texting, code_in(text["text"]))["number"] == "+49 30 901821"


def test_codes_are_few_for_an_account_and_for_a_number(texting: Notifications) -> None:
    for at in range(contract.MOST_CODES_A_DAY):
        enter(texting, f"+49 30 90182{at}")
    with pytest.raises(Refused, match="too_many_requests") as refused:
        enter(texting)
    assert (refused.value.field, refused.value.more["retry_after_s"]) == ("number", 3600)
    change_number(texting, codes_since=utc_now() - datetime.timedelta(days=1))
    enter(texting)  # another day begins
    # To one number, whoever enters it; another organisation and another day do not count.
    for at in range(contract.MOST_CODES_A_DAY - 1):
        one_of_many = a_caller(id=str(at) * 32, realm="patient")
        enter(texting, caller=one_of_many)
        texting.call(contract.remove_my_text_number, one_of_many)
    other = a_caller(id=OLGA, realm="patient")
    with pytest.raises(Refused, match="too_many_requests"):
        enter(texting, caller=other)
    enter(texting, caller=a_caller(id=OLGA, realm="patient", organisation=BAYSIDE))
    enter(texting, "+49 30 901829", caller=other)
    a_day_ago = update(Delivery).values(created_at=utc_now() - datetime.timedelta(days=1))
    texting.database.write(None, lambda session: session.execute(a_day_ago))
    enter(texting, caller=other)


def test_a_code_that_has_become_too_old_is_not_sent(texting: Notifications, subscriber: Subscriber) -> None:
    enter(texting)
    change_number(texting, code_ends_at=utc_now())
    send_all(texting)
    assert (of_texts(texting), subscriber.posts) == ([("text_code", "suppressed", "outdated")], [])


@pytest.mark.parametrize("number", ["12", "+1 415-555-2671 ext. 5", "call me"])
def test_a_number_that_no_message_reaches_is_refused(texting: Notifications, number: str) -> None:
    with pytest.raises(Refused, match="invalid_request") as refused:
        enter(texting, number)
    assert refused.value.field == "number"
    assert texting.rows() == []


def test_without_a_service_none_is_offered_and_what_waits_fails(
    texting: Notifications, subscriber: Subscriber
) -> None:
    with_number(texting, subscriber)
    choose(texting)
    a_message_waits(texting)
    texting.runtime.settings.text_provider_url = None
    assert texting.call(contract.get_my_text_number, MINE)["is_offered"] is False
    with pytest.raises(Refused, match="text_messages_not_offered"):
        enter(texting)
    send_all(texting)
    assert of_texts(texting)[1:] == [("text_notice", "permanent_failure", "no_text_service")]


def test_a_text_message_says_only_that_something_waits_and_comes_beside_the_mail(
    texting: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    with_number(texting, subscriber)
    a_message_waits(texting)
    send_all(texting)
    assert subscriber.posts == []  # a number alone wants nothing
    assert choose(texting)["texted"] == ["messages"]
    a_message_waits(texting, MARIA, OLGA)
    send_all(texting)
    (text,) = texts(subscriber)
    assert text["number"] == DIALLED
    assert re.fullmatch(
        r"Harbor · Portico: something new waits for you\. Sign in: https://portico\.example/at/\S+",
        text["text"],
    )
    assert len(mails.taken) == 3
    (told,) = [
        each for each in texting.events(deliveries.delivery_sent) if each["data"]["kind"] == "text_notice"
    ]
    assert (told["data"]["account_id"], told["data"]["channel"]) == (MARIA, "text")
    # The mail can be switched off, and the text message still comes.
    choose(texting, switched_off=["messages"])
    a_message_waits(texting)
    send_all(texting)
    assert (len(mails.taken), len(subscriber.posts)) == (3, 2)


def test_what_is_wanted_is_asked_again_when_a_text_message_is_sent(
    texting: Notifications, subscriber: Subscriber
) -> None:
    with_number(texting, subscriber)
    choose(texting)
    a_message_waits(texting)
    choose(texting, texted=[])
    send_all(texting)
    choose(texting)
    a_message_waits(texting)
    texting.call(contract.remove_my_text_number, MINE)
    send_all(texting)
    assert of_texts(texting)[1:] == [
        ("text_notice", "suppressed", "switched_off"),
        ("text_notice", "suppressed", "no_number"),
    ]
    assert subscriber.posts == []
    a_message_waits(texting)
    assert len(of_texts(texting)) == 3  # without a number none is made


def test_a_disabled_account_gets_no_text_message(texting: Notifications, subscriber: Subscriber) -> None:
    with_number(texting, subscriber)
    choose(texting)
    a_message_waits(texting)
    texting.identity.states[MARIA] = "disabled"
    send_all(texting)
    assert of_texts(texting)[1:] == [("text_notice", "suppressed", "account_disabled")]


def test_a_text_message_waits_until_the_quiet_hours_are_over(
    texting: Notifications, subscriber: Subscriber
) -> None:
    with_number(texting, subscriber)
    now = utc_now()
    hours = {
        "quiet_from": now - datetime.timedelta(hours=1),
        "quiet_until": now + datetime.timedelta(hours=2),
    }
    choose(texting, **{name: f"{at:%H:%M}" for name, at in hours.items()})
    a_message_waits(texting)
    send_all(texting)
    assert of_texts(texting)[1:] == [("text_notice", "created", "quiet_hours")]
    assert subscriber.posts == []


def test_a_report_settles_a_text_message(texting: Notifications, subscriber: Subscriber) -> None:
    enter(texting)
    send_all(texting)
    assert texting.row().report_due_at is not None
    assert report(texting, "delivered")
    assert texting.row().state == "delivered"


def test_a_text_message_goes_by_a_mail_to_text_service(texting: Notifications, mails: FakeMailServer) -> None:
    settings = texting.runtime.settings
    settings.text_provider_url, settings.text_mail_domain = None, "text.example.org"
    enter(texting)
    send_all(texting)
    assert mails.recipients == ["14155552671@text.example.org"]
    assert "your code is" in mails.taken[0].get_content()


def test_own_words_of_a_text_message_are_short_and_have_no_html(texting: Notifications) -> None:
    manager = a_caller("organisation.manage")

    def save(text: str, html: str | None = None, version: int = 1) -> Any:
        return texting.call(
            templates.save_message_template,
            manager,
            kind="text_code",
            language="de",
            subject="Code",
            text=text,
            html=html,
            version=version,
        )

    for words, field in (
        ({"text": "{{ confirmation_code }}" + "x" * 300}, "text"),
        ({"text": "Ihr Code"}, "text"),
        ({"text": "{{ confirmation_code }}", "html": "<p>{{ confirmation_code }}</p>"}, "html"),
    ):
        with pytest.raises(Refused, match="template_") as refused:
            save(**words)
        assert refused.value.field == field
    assert save("Ihr Code: {{ confirmation_code }}")["text"] == "Ihr Code: {{ confirmation_code }}"


def test_a_provider_has_no_number(texting: Notifications) -> None:
    with pytest.raises(Refused, match="forbidden"):
        enter(texting, caller=a_caller(id=MARIA, realm="provider"))


def test_a_provider_of_text_messages_that_hangs_holds_up_no_mail(
    texting: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    with_number(texting, subscriber)
    choose(texting)
    subscriber.hanging = {"/texts"}
    waiting = texting.runtime.settings.senders + 2  # more than there are senders
    for _ in range(waiting):
        a_message_waits(texting)
    loops = [SenderLoop(texting.runtime, (channel,)) for channel in ("email", "text", "text")]
    texting.runtime.loops.extend(loops)
    for loop in loops:
        loop.start()
    try:

        def mails_flow() -> None:
            assert (len(mails.taken), len(subscriber.posts)) == (waiting, 2)
            assert {state for _, state, _ in of_texts(texting)[1:]} == {"sending", "created"}

        eventually(mails_flow)
    finally:
        subscriber.hanging = set()
        subscriber.let_go.set()
        for loop in loops:
            loop.stop()


def test_only_codes_count_as_codes(texting: Notifications, subscriber: Subscriber) -> None:
    with_number(texting, subscriber)
    choose(texting)
    for _ in range(contract.MOST_CODES_A_DAY):
        a_message_waits(texting)
    send_all(texting)
    assert len(subscriber.posts) == contract.MOST_CODES_A_DAY
    enter(texting)  # to the same number
    assert of_texts(texting)[-1][0] == "text_code"
