"""F15: a hundred events that a faulty handler could not take are parked. After the fix an operator sends them again."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from deploy import parked
from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, TRIES
from services.chassis.publisher import Outgoing, Publisher
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.toy_process import ServiceSystem, call, message_count, toy_system

pytestmark = [pytest.mark.full, pytest.mark.timeout(300), pytest.mark.fault("F15")]

MESSAGES = 100
OF_THE_HANDLER = "toy.on_thing_added"


def _add_things(system: ServiceSystem) -> None:
    """Things whose events the handler cannot take, which are at the end of their tries."""
    client = system.client()
    with contextlib.closing(system.connection()) as connection:
        channel = connection.channel()
        channel.queue_unbind(OF_THE_HANDLER, "toy.events", "thing_added.v1.*")
        for number in range(MESSAGES):
            call(client, toy.add_thing, system.passport("toy.add"), label=f"poison {number}")
        client.close()
        eventually(lambda: _assert_equal(_rows(system, "SELECT count(*) FROM outbox"), [(0,)]))
        last_try = {TRIES: len(RETRY_AFTER_S)}
        copies = []
        while (message := channel.basic_get("portico.feed", no_ack=True)) is not None:
            if message.delivery_info["routing_key"].startswith(toy.thing_added.name):
                body = message.body.encode() if isinstance(message.body, str) else message.body
                copies.append(
                    Outgoing("", OF_THE_HANDLER, body, wire.new_id(), wire.CLOUDEVENTS_JSON, dict(last_try))
                )
        publisher = Publisher(system.uri, "broker")
        publisher.start()
        publisher.send_all(copies)
        publisher.close()
        assert Counter(each.outcome for each in copies) == {"confirmed": MESSAGES}
        eventually(
            lambda: _assert_equal(message_count(connection, wire.PARKING_QUEUE), MESSAGES), timeout_s=60
        )


def _rows(system: ServiceSystem, statement: str) -> list[tuple[int, ...]]:
    engine = create_engine(system.database_url)
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def _assert_equal(actual: object, expected: object) -> None:
    assert actual == expected


def test_what_was_parked_is_handled_once_after_a_fix(
    vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URI", vhost)
    with toy_system(vhost, tmp_path) as system:
        _add_things(system)
        assert _rows(system, "SELECT DISTINCT echoes FROM things") == [(0,)]

        _rows(system, "UPDATE things SET label = 'cured' RETURNING 1")  # the fix
        parked.main(["again", "--all"])
        eventually(
            lambda: _assert_equal(_rows(system, "SELECT sum(echoes) FROM things"), [(MESSAGES,)]),
            timeout_s=60,
        )
        parked.main(["again", "--all"])
        echoes = Counter(count for (count,) in _rows(system, "SELECT echoes FROM things"))
        left = len(parked.listing(vhost))

    printed = capsys.readouterr().out.splitlines()
    found, twice = sum(echoes.values()) - echoes[0], sum(echoes.values()) - echoes[0] - echoes[1]
    print(
        f"F15: attempted {MESSAGES} acknowledged {MESSAGES} found {found} lost {echoes[0]} duplicated {twice} unexpected {left}"
    )
    assert echoes == {1: MESSAGES}
    assert left == 0
    assert [line for line in printed if line.endswith("sent again")] == [
        f"{MESSAGES} sent again",
        "0 sent again",
    ]
