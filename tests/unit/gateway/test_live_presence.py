"""Who has the same item open at another live process: said, heard, forgotten, and readable for live processes alone."""

from __future__ import annotations

from gateway.live.presence import Presence
from gateway.live.streams import Stream, Streams
from gateway.live.views import views_of
from gateway.web.protection import Protection

KEY = b"k" * 32
ITEM = ("harbor", "item:1")


class Process:
    """A live process without a broker."""

    def __init__(self, key: bytes = KEY) -> None:
        self.streams = Streams(10)
        self.presence = Presence(self.streams, Protection(key, None))

    def opens(self, account_id: str, name: str, *views: str, organisation: str = "harbor") -> Stream:
        stream = Stream(account_id, None, account_id, views_of(organisation, views or ["item:1"]), name)
        assert self.streams.add(stream, "")
        stream.has_news_of_others = False
        return stream

    def tells(self, other: Process) -> bool:
        """Say what has moved since, to another process; whether that is asked for its own."""
        moved, self.streams.moved = self.streams.moved, set()
        return other.presence.heard(self.presence.said(moved))


def test_pages_of_two_processes_see_each_other_come_and_go() -> None:
    one, two = Process(), Process()
    sam, kim = one.opens("a", "Sam F."), two.opens("b", "Kim L.")
    foreign = one.opens("c", "Fay R.", organisation="bayside")
    one.tells(two)
    two.tells(one)
    assert (one.streams.others_at(sam), two.streams.others_at(kim)) == (["Kim L."], ["Sam F."])
    assert (sam.has_news_of_others, kim.has_news_of_others, foreign.has_news_of_others) == (True, True, False)
    assert one.streams.others_at(foreign) == []
    sam.has_news_of_others = False
    again = two.opens("a", "Sam F.")  # the same person at another process
    two.tells(one)
    assert one.streams.others_at(sam) == ["Kim L."]
    assert sam.has_news_of_others
    two.streams.remove(again)
    two.streams.remove(kim)
    sam.has_news_of_others = False
    two.tells(one)
    assert (one.streams.others_at(sam), sam.has_news_of_others) == ([], True)


def test_what_is_said_again_is_no_news() -> None:
    one, two = Process(), Process()
    sam = one.opens("a", "Sam F.")
    two.opens("b", "Kim L.")
    for is_news in (True, False):
        sam.has_news_of_others = False
        one.presence.heard(two.presence.said([ITEM]))
        assert sam.has_news_of_others == is_news


def test_a_process_that_says_nothing_any_more_is_forgotten() -> None:
    one = Process()
    sam = one.opens("a", "Sam F.")
    for process, account_id, name in (("x", "b", "Kim L."), ("y", "c", "Eve Q.")):
        one.streams.note_elsewhere(process, ITEM, {account_id: name}, until=10.0)
    one.streams.note_elsewhere("y", ITEM, {"c": "Eve Q."}, until=20.0)
    sam.has_news_of_others = False
    one.streams.forget_elsewhere(9.9)
    assert (one.streams.others_at(sam), sam.has_news_of_others) == (["Eve Q.", "Kim L."], False)
    one.streams.forget_elsewhere(10.0)
    assert (one.streams.others_at(sam), sam.has_news_of_others) == (["Eve Q."], True)
    one.presence.forget()  # by the clock of now
    assert one.streams.others_at(sam) == []


def test_only_items_are_told_and_one_that_asks_is_answered() -> None:
    one, two = Process(), Process()
    one.opens("a", "Sam F.", "item:1", "item:*", "person:7")
    assert one.streams.open_ones() == [ITEM]
    assert one.streams.moved == {ITEM}
    assert two.presence.heard(one.presence.said([], asks=True))
    assert not two.presence.heard(one.presence.said([ITEM]))


def test_what_is_said_holds_no_name_and_only_live_processes_say_it() -> None:
    one, two, strange = Process(), Process(), Process(b"x" * 32)
    kim = two.opens("b", "Kim L.")
    one.opens("a", "Sam F.")
    said = one.presence.said([ITEM])
    assert not [each for each in (b"Sam", b"item", b"harbor") if each in said]
    for body in (strange.presence.said([ITEM]), b"", b"\xff", b"nonsense"):
        assert not two.presence.heard(body)
    assert not one.presence.heard(one.presence.said([ITEM], asks=True)), "its own words are none of others"
    assert two.streams.others_at(kim) == []
