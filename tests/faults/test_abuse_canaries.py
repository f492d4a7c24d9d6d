"""A15: a token of its own in each personal member of many referrals; none appears where others can read it.

The everyday form is the journey (`tests/system/test_journey.py`), which looks for the words of one referral.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from collections import Counter
from typing import Any

import kombu
import pytest
import requests

from services.contracts.catalogue import SERVICES
from services.contracts.referrals.assignments import referral_assigned
from services.contracts.referrals.records import contact_record_created
from services.contracts.referrals.status_changes import referral_status_changed
from tests.support.eventually import eventually
from tests.support.load import Load, Write
from tests.support.stack import HARBOR, RunningStack

REFERRALS, MOVED = 5000, 500
# A text with the number of its referral, and the digits of a telephone. Ids are hexadecimal, so digits alone could be one.
CANARY = re.compile(
    rb"zq(first|last|place|mail|street|form|note|moved|wrong|asked)[0-9]{5}|(?<![0-9a-f.])918.{0,2}7[0-9]{2}-?[0-9]{4}(?![0-9a-f])",
    re.IGNORECASE,
)


def a_record(number: int) -> dict[str, Any]:
    """The personal members of a contact record, each with its own token."""
    return {
        "first_name": f"Zqfirst{number:05}",
        "last_name": f"Zqlast{number:05}",
        "postal_code": f"zqplace{number:05}",
        "phone": f"+1 918 7{number:06}",
        "email": f"zqmail{number:05}@example.org",
        "sections": {"Home": {"Street": f"Zqstreet{number:05} 7"}, "Need": {"Told": f"zqform{number:05}"}},
    }


def found_in(where: str, content: bytes) -> list[str]:
    """The places of the tokens in a sink."""
    return [f"{where}: {each[0].decode()}" for each in itertools.islice(CANARY.finditer(content), 5)]


def events_of(uri: str, queue: str, wanted: Counter[str], arguments: dict[str, Any] | None) -> bytes:
    """Headers and bodies as an outside system gets them, until so many events of each wanted type have come."""
    seen: Counter[str] = Counter()
    parts: list[bytes] = []
    with kombu.Connection(uri) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 200, False)

        def take(message: Any) -> None:
            parts.append(repr((message.headers, message.properties, message.body)).encode())
            seen[json.loads(message.body)["type"]] += 1
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(queue, callback=take, arguments=arguments)
        ends_at = time.monotonic() + 300
        while wanted - seen and time.monotonic() < ends_at:
            with contextlib.suppress(TimeoutError):
                connection.drain_events(timeout=1)
    assert not wanted - seen, wanted - seen
    return b"\n".join(parts)


def refused_bodies(portico: RunningStack, referral_id: str) -> bytes:
    """The answers to requests that are wrong, each with a token in the member that is wrong or beside it."""
    wrong = "zqwrong00001"
    record, token = a_record(1), {"Authorization": f"Bearer {portico.staff.token}"}
    bodies: list[dict[str, Any]] = [
        {**record, member: value}
        for member in record
        for value in (f"{wrong} {'x' * 9000}", {wrong: wrong}, [wrong], 7)
    ]
    asked = [("/v1/contact-records", each) for each in bodies]
    asked += [
        ("/v1/referrals", {"contact_record_id": wrong, "queue_id": wrong, "note": wrong}),
        ("/v1/accounts", {"email": wrong, "first_name": wrong, "last_name": wrong}),
        ("/v1/sessions", {"organisation": HARBOR, "login": f"{wrong}@example.org", "password": wrong}),
        ("/v1/people", {"first_name": wrong, "last_name": wrong, "kinds": [wrong], "email": wrong}),
    ]
    answers = [
        requests.post(portico.url + path, json=body, headers=token, timeout=30) for path, body in asked
    ]
    broken = b'{"first_name": "zqwrong00001", '
    answers += [
        requests.post(f"{portico.url}/v1/contact-records", data=broken, headers=token, timeout=30),
        requests.put(
            f"{portico.url}/v1/referrals/{referral_id}/status",
            json={"status": "enrolled", "note": wrong},
            headers={**token, "If-Match": '"999"'},
            timeout=30,
        ),
        requests.get(f"{portico.url}/v1/directory/resources", params={"q": wrong}, headers=token, timeout=30),
        requests.get(
            f"{portico.url}/v1/contact-records/zqasked00001", params={"x": wrong}, headers=token, timeout=30
        ),
    ]
    assert {each.status_code for each in answers} <= {200, 400, 401, 403, 404, 409, 412, 422}
    return b"\n".join(each.content + repr(dict(each.headers)).encode() for each in answers)


def metrics_of(portico: RunningStack) -> bytes:
    """The metrics of every process."""
    ports = portico.stack.ports
    every = [ports.metrics, ports.live_metrics, ports.watch, *(ports.health(service) for service in SERVICES)]
    return b"\n".join(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).content for port in every)


@pytest.mark.full
@pytest.mark.timeout(2400)
@pytest.mark.fault("A15")
def test_no_token_of_five_thousand_referrals_is_where_others_read(portico: RunningStack) -> None:
    journey = portico.journey()
    program = journey.find_program("Community Pantry")
    journey.create_queue([program])
    email = "reader.of.canaries@example.org"
    _, provider = portico.create_provider(email, [program["id"]])
    subscriber = portico.subscribe("canary-hospital", HARBOR)
    token = str(portico.staff.token)

    entered = Load(
        portico.url, token, lambda number: Write("/v1/contact-records", json=a_record(number)), 50, REFERRALS
    ).run()

    def assignment(number: int) -> Write:
        place = {"queue_id": journey.found["queue"]["id"], "program_id": program["id"]}
        named = {"contact_record_id": entered[number].answer["id"], "note": f"Zqnote{number:05}"}
        return Write("/v1/referrals", json={**place, **named})

    assigned = Load(portico.url, token, assignment, 50, REFERRALS).run()

    def move(number: int) -> Write:
        referral = assigned[number].answer
        body = {"status": "enrolled", "note": f"Zqmoved{number:05}"}
        path = f"/v1/referrals/{referral['id']}/status"
        return Write(path, "PUT", json=body, headers={"If-Match": f'"{referral["version"]}"'})

    Load(portico.url, str(provider.token), move, 40, MOVED).run()
    numbers = {each.answer["limited"]["contact_record_number"] for each in assigned}

    def all_are_mailed() -> list[dict[str, Any]]:
        mails = journey.mails_to(email)
        told = {number for mail in mails for number in re.findall(r"[A-Z]+-[0-9]{8}", mail["text"])}
        assert numbers <= told
        return mails

    mails = eventually(all_are_mailed, timeout_s=600, every_s=5)
    wanted = Counter(
        {
            contact_record_created.type: REFERRALS,
            referral_assigned.type: REFERRALS,
            referral_status_changed.type: MOVED,
        }
    )
    stream = {"x-stream-offset": "first"}
    user = subscriber.split("//")[1].partition(":")[0]
    sinks = {
        "stream": events_of(portico.stack.feed_amqp_uri, f"feed.{HARBOR}", wanted, stream),
        "queue of a partner": events_of(
            subscriber, f"{user}.events", Counter({referral_assigned.type: MOVED}), None
        ),
        "logs": portico.logs().encode(),
        "refusals": refused_bodies(portico, assigned[0].answer["id"]),
        "mails": json.dumps(mails).encode(),
        "mails as they came": b"".join(
            path.read_bytes() for path in (portico.stack.folder / "mail").glob("*.eml")
        ),
        "metrics": metrics_of(portico),
    }
    sinks["logs"] += portico.logs().encode()  # with what the refusals left
    found = {where: found_in(where, content) for where, content in sinks.items()}
    sizes = ", ".join(f"{where} {len(content) >> 10} KiB" for where, content in sinks.items())
    count = sum(map(len, found.values()))
    print(
        f"A15: attempted {2 * REFERRALS + MOVED} acknowledged {2 * REFERRALS + MOVED} looked at {sizes}; {count} tokens found"
    )
    # The tokens are there where they belong, so what is looked for is what was sent.
    view = portico.staff.get(f"/v1/contact-records/{entered[7].answer['id']}")
    assert len(found_in("the record", json.dumps(view).encode())) == 5
    assert {where: each for where, each in found.items() if each} == {}
