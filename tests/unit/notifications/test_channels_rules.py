"""Which of several providers gets a message: shares fall with slow answers and outages, and drift back to the middle (N-7)."""

from __future__ import annotations

import pytest

from services.notifications.channels import rules
from services.notifications.channels.http_provider import failure_of, providers_of
from services.notifications.deliveries.breakers import FAILURES, FIRST_REST_S
from services.notifications.deliveries.providers import Providers
from tests.unit.notifications.test_deliveries_traffic import Clock

BOTH = ["a", "b"]


@pytest.mark.parametrize(
    ("took_s", "is_outage", "weight"),
    [(0.1, False, 50.0), (rules.SLOW_S, False, 50.0), (rules.SLOW_S + 0.1, False, 40.0), (0.1, True, 25.0)],
)
def test_the_weight_of_a_slow_or_failing_provider_falls(
    took_s: float, is_outage: bool, weight: float
) -> None:
    assert rules.after(rules.MIDDLE, took_s, is_outage=is_outage) == weight


def test_a_weight_never_falls_to_nothing_and_drifts_back_to_the_middle() -> None:
    assert rules.after(rules.LEAST, 9.0, is_outage=True) == rules.LEAST
    assert rules.drifted(30.0, 0.0) == 30.0
    assert rules.drifted(30.0, rules.HALF_BACK_S) == 40.0
    assert rules.drifted(30.0, 20 * rules.HALF_BACK_S) == pytest.approx(rules.MIDDLE, abs=0.01)
    assert rules.drifted(30.0, -5.0) == 30.0  # the clock of another machine


@pytest.mark.parametrize(("draw", "place"), [(0.0, 0), (0.19, 0), (0.21, 1), (0.99, 1)])
def test_a_message_goes_to_each_by_its_share(draw: float, place: int) -> None:
    assert rules.chosen([10.0, 40.0], draw) == place
    assert rules.shares([10.0, 40.0]) == [20, 80]


def test_a_failing_provider_gets_less_then_nothing_and_then_its_share_again() -> None:
    clock = Clock()
    providers = Providers(clock, draw=lambda: 0.0)
    for expected in (33, 20, 11, 6):
        providers.end("fax", "a", 0.1, is_outage=True)
        assert providers.shares("fax", BOTH)[0] == expected
    for _ in range(FAILURES - 4):
        providers.end("fax", "a", 0.1, is_outage=True)
    assert (providers.rests("fax", "a"), providers.choose("fax", BOTH)) == (True, "b")
    assert providers.choose("text", BOTH) == "a"  # another channel of the same name
    clock.now += FIRST_REST_S + 1
    assert providers.choose("fax", BOTH) == "a"
    providers.begin("fax", "a")
    assert providers.choose("fax", BOTH) == "b"  # a single message tries it
    providers.end("fax", "a", 0.1, is_outage=False)
    clock.now += 30 * rules.HALF_BACK_S
    assert providers.shares("fax", BOTH) == [50, 50]


def test_where_all_are_left_alone_there_is_none() -> None:
    providers = Providers(Clock())
    for name in BOTH:
        for _ in range(FAILURES):
            providers.end("fax", name, 0.1, is_outage=True)
    assert (providers.choose("fax", BOTH), providers.shares("fax", BOTH)) == (None, [0, 0])


def test_settings_name_providers_in_order_each_with_its_key() -> None:
    found = providers_of("https://a.example/x, https://b.example:8443/y", "one,two")
    assert [(each.name, each.key) for each in found] == [("a.example", "one"), ("b.example:8443", "two")]
    assert [each.key for each in providers_of("https://a.example/x", "a,key")] == ["a,key"]
    assert [each.key for each in providers_of("https://a.example,https://b.example", None)] == [None, None]
    assert providers_of(None, "key") == ()
    with pytest.raises(ValueError, match="shorter"):
        providers_of("https://a.example,https://b.example", "one")


@pytest.mark.parametrize(
    ("status", "is_untaken"),
    [(401, True), (429, True), (503, True), (500, False), (502, False), (504, False)],
)
def test_only_some_answers_say_that_a_message_was_not_taken(status: int, is_untaken: bool) -> None:
    failure = failure_of(status)
    assert failure is not None
    assert failure.is_untaken is is_untaken
