"""A provider that fails is left alone for a while; no organisation holds all senders of a channel."""

from __future__ import annotations

from services.notifications.deliveries.breakers import FAILURES, FIRST_REST_S, LONGEST_REST_S
from services.notifications.deliveries.traffic import Traffic

HARBOR, BAYSIDE = "a" * 32, "b" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(traffic: Traffic, channel: str = "email", subscriber: str | None = None) -> None:
    traffic.begin(channel, HARBOR, subscriber)
    traffic.end(channel, HARBOR, subscriber, is_outage=True)


def rests(traffic: Traffic, channel: str = "email") -> bool:
    return traffic.resting(("email", "fax")) == (channel,)


def test_after_some_outages_in_a_row_a_provider_rests_and_the_others_go_on() -> None:
    traffic = Traffic(4, Clock())
    for _ in range(FAILURES - 1):
        fail(traffic)
    assert not rests(traffic)
    fail(traffic)
    assert rests(traffic)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    traffic = Traffic(4, Clock())
    for _ in range(FAILURES - 1):
        fail(traffic)
    traffic.begin("email", HARBOR, None)
    traffic.end("email", HARBOR, None, is_outage=False)
    fail(traffic)
    assert not rests(traffic)


def test_a_single_message_tries_a_provider_that_has_rested() -> None:
    clock = Clock()
    traffic = Traffic(4, clock)
    for _ in range(FAILURES):
        fail(traffic)
    clock.now += FIRST_REST_S
    assert not rests(traffic)
    traffic.begin("email", HARBOR, None)
    assert rests(traffic)  # until that one has ended
    traffic.end("email", HARBOR, None, is_outage=False)
    assert not rests(traffic)


def test_the_rest_doubles_up_to_the_longest() -> None:
    clock = Clock()
    traffic = Traffic(4, clock)
    for _ in range(FAILURES):
        fail(traffic)
    rest_s = FIRST_REST_S
    for _ in range(8):
        clock.now += rest_s - 0.1
        assert rests(traffic)
        clock.now += 0.1
        assert not rests(traffic)
        fail(traffic)
        rest_s = min(rest_s * 2, LONGEST_REST_S)


def test_of_several_senders_one_is_left_to_other_organisations() -> None:
    traffic = Traffic(3, Clock())
    for _ in range(2):
        assert traffic.held_back("email") == ([], [])
        traffic.begin("email", HARBOR, None)
    assert traffic.held_back("email") == ([HARBOR], [])
    assert traffic.held_back("fax") == ([], [])
    traffic.end("email", HARBOR, None, is_outage=False)
    assert traffic.held_back("email") == ([], [])


def test_a_single_sender_serves_everybody() -> None:
    traffic = Traffic(1, Clock())
    assert traffic.held_back("email") == ([], [])
    traffic.begin("email", BAYSIDE, None)
    assert traffic.held_back("email") == ([BAYSIDE], [])


def test_a_subscriber_gets_one_message_at_a_time_and_rests_apart_from_others() -> None:
    traffic = Traffic(4, Clock())
    traffic.begin("webhook", HARBOR, "w1")
    assert traffic.held_back("webhook")[1] == ["w1"]
    traffic.end("webhook", HARBOR, "w1", is_outage=False)
    assert traffic.held_back("webhook")[1] == []
    for _ in range(FAILURES):
        fail(traffic, "webhook", "w1")
    assert traffic.held_back("webhook")[1] == ["w1"]
    assert traffic.resting(("webhook",)) == ()
