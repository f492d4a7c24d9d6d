"""Streams to open pages: who is told what, what is told after an interruption, and how many there may be."""

from __future__ import annotations

import pytest

from gateway.live.streams import MOST_OF_SESSION, MOST_SHOWN, Stream, Streams
from gateway.live.views import View, account_concerned, made_stale, views_of

REFERRAL = {
    "type": "portico.referrals.referral_status_changed.v1",
    "organisationkey": "harbor",
    "data": {"referral_id": "r1", "queue_id": "q1", "program_id": None, "to_status": "enrolled"},
}


def a_stream(*views: str, token: str = "t", account_id: str = "a", organisation: str = "harbor") -> Stream:
    return Stream(token, None, account_id, views_of(organisation, views))


def test_an_event_makes_stale_what_its_ids_name_and_any_of_their_kind() -> None:
    assert made_stale(REFERRAL) == {
        ("harbor", "referral:r1"),
        ("harbor", "referral:*"),
        ("harbor", "queue:q1"),
        ("harbor", "queue:*"),
    }


@pytest.mark.parametrize(
    "event", [{}, {"organisationkey": 3, "data": {"a_id": "1"}}, {"organisationkey": "harbor", "data": []}]
)
def test_what_is_no_event_of_ours_makes_nothing_stale(event: dict[str, object]) -> None:
    assert made_stale(event) == set()


def test_only_identity_tells_of_accounts() -> None:
    event = {"type": "portico.identity.session_ended.v1", "data": {"account_id": "a"}}
    assert account_concerned(event) == "a"
    assert account_concerned(event | {"type": "portico.signing.document_signed.v1"}) is None
    assert account_concerned(event | {"data": {"person_id": "p"}}) is None
    assert account_concerned(event | {"data": None}) is None


def test_a_page_is_told_of_its_own_views_and_its_own_organisation_only() -> None:
    streams = Streams(10)
    mine, other_view, elsewhere = (
        a_stream("referral:r1"),
        a_stream("referral:r2", account_id="b"),
        a_stream("referral:r1", organisation="bayside", account_id="c"),
    )
    for each in (mine, other_view, elsewhere):
        assert streams.add(each, "")
    streams.tell(made_stale(REFERRAL))
    assert (mine.pending, other_view.pending, elsewhere.pending) == ({"referral:r1"}, set(), set())
    assert mine.wake.is_set()
    streams.remove(mine)
    mine.pending = set()
    streams.tell(made_stale(REFERRAL))
    assert not mine.pending
    assert len(streams) == 2


def told(*views: str) -> set[View]:
    return {("harbor", view) for view in views}


def test_a_page_that_comes_back_is_told_what_it_has_missed() -> None:
    streams = Streams(10)
    streams.tell(told("referral:*"))
    last = streams.last_id
    back = a_stream("referral:*", "document:*")
    assert streams.add(back, last)
    assert back.pending == set()
    streams.remove(back)
    streams.tell(told("document:*"))
    back = a_stream("referral:*", "document:*")
    assert streams.add(back, last)
    assert back.pending == {"document:*"}


@pytest.mark.parametrize("last", ["", "gone-1", "x", "{boot}-99", "{boot}-", "{boot}-" + "9" * 40])
def test_a_page_with_an_unknown_last_event_is_told_everything_unless_it_is_new(last: str) -> None:
    streams = Streams(10)
    streams.tell(told("referral:*"))
    stream = a_stream("referral:*", "document:*")
    assert streams.add(stream, last.replace("{boot}", streams.last_id.partition("-")[0]))
    assert stream.pending == ({"referral:*", "document:*"} if last else set())


def test_what_is_no_longer_remembered_counts_as_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.live.streams.REMEMBERED", 2)
    streams = Streams(10)
    streams.tell(told("referral:*"))
    kept = streams.last_id
    for _ in range(2):
        streams.tell(told("queue:*"))
    known, lost = a_stream("document:*"), a_stream("document:*")
    streams.add(known, kept)
    assert known.pending == set()
    streams.tell(told("queue:*"))
    streams.add(lost, kept)
    assert lost.pending == {"document:*"}


def test_after_an_outage_of_the_broker_everything_may_be_stale() -> None:
    streams = Streams(10)
    before = streams.last_id
    stream = a_stream("referral:*")
    streams.add(stream, "")
    streams.tell_all()
    assert stream.pending == {"referral:*"}
    back = a_stream("document:*")
    streams.add(back, before)
    assert back.pending == {"document:*"}


def test_the_streams_of_all_and_of_one_session_are_limited() -> None:
    streams = Streams(MOST_OF_SESSION + 1)
    mine = [a_stream("referral:*") for _ in range(MOST_OF_SESSION)]
    assert all(streams.add(each, "") for each in mine)
    assert not streams.add(a_stream("referral:*"), "")
    assert streams.add(a_stream("referral:*", token="another"), "")
    assert not streams.add(a_stream("referral:*", token="third", account_id="b"), "")
    streams.remove(mine[0])
    assert streams.add(a_stream("referral:*"), "")


def test_the_streams_of_an_account_can_be_found_and_ended() -> None:
    streams = Streams(10)
    first, second = a_stream("referral:*"), a_stream("referral:*", account_id="b")
    streams.add(first, "")
    streams.add(second, "")
    assert streams.of_account("a") == [first]
    assert streams.of_account("nobody") == []
    assert set(streams.every()) == {first, second}
    first.end()
    assert first.has_ended
    assert first.wake.is_set()
    assert not second.has_ended


def test_a_page_watches_a_bounded_number_of_views() -> None:
    assert len(views_of("harbor", [f"referral:{number}" for number in range(500)])) == 50


def test_who_has_the_same_item_open_is_told_to_the_others() -> None:
    streams = Streams(10)
    sam = Stream("s", None, "a", views_of("harbor", ["item:1"]), "Sam F.")
    kim = Stream("k", None, "b", views_of("harbor", ["item:1"]), "Kim L.")
    again = Stream("k2", None, "b", views_of("harbor", ["item:1"]), "Kim L.")
    elsewhere = Stream("e", None, "c", views_of("harbor", ["item:2", "item:*"]), "Eve Q.")
    foreign = Stream("f", None, "d", views_of("bayside", ["item:1"]), "Fay R.")
    for each in (sam, elsewhere, foreign):
        streams.add(each, "")
        each.has_news_of_others = False
    for each in (kim, again):
        streams.add(each, "")
    assert (streams.others_at(sam), streams.others_at(kim)) == (["Kim L."], ["Sam F."])
    assert (sam.has_news_of_others, elsewhere.has_news_of_others, foreign.has_news_of_others) == (
        True,
        False,
        False,
    )
    assert (streams.others_at(elsewhere), streams.others_at(foreign)) == ([], [])
    sam.has_news_of_others = False
    streams.remove(kim)
    assert streams.others_at(sam) == ["Kim L."]  # in another tab
    streams.remove(again)
    assert (streams.others_at(sam), sam.has_news_of_others) == ([], True)
    for number in range(MOST_SHOWN + 1):
        streams.add(Stream("x", None, str(number), views_of("harbor", ["item:1"]), f"N {number}"), "")
    assert len(streams.others_at(sam)) == MOST_SHOWN


def test_an_account_is_told_of_a_message_to_it() -> None:
    event = {"organisationkey": "harbor", "data": {"message_id": "m", "account_ids": ["a", "b"]}}
    assert made_stale(event) == told("message:m", "message:*", "account:a", "account:b", "account:*")
    for wrong in (None, "a", 3):
        assert made_stale({"organisationkey": "harbor", "data": {"account_ids": wrong}}) == set()
