"""Two live processes at one broker tell each other who has an item open, also after the broker's connection was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aio_pika
import pytest

from deploy import topology
from gateway.live import presence
from gateway.live.presence import Presence
from gateway.live.streams import Stream, Streams
from gateway.live.views import views_of
from gateway.web.protection import Protection


def a_page(account_id: str, name: str) -> Stream:
    return Stream(account_id, None, account_id, views_of("harbor", ["item:1"]), name)


async def comes_true(page: Stream, condition: Callable[[], bool]) -> None:
    """Wait until this holds at a page, which is woken by each piece of news."""
    async with asyncio.timeout(30):
        while not condition():
            await page.wake.wait()
            page.wake.clear()


def test_who_is_there_is_known_at_each_process_within_moments(vhost: str) -> None:
    topology.declare(vhost, topology.internal([]))
    asyncio.run(_meet(vhost))


async def _meet(uri: str) -> None:
    one, two = Streams(10), Streams(10)
    protection = Protection(b"k" * 32, None)
    sam, kim, late = a_page("a", "Sam F."), a_page("b", "Kim L."), a_page("c", "Lou T.")
    one.add(sam, "")
    sharing = [asyncio.create_task(Presence(streams, protection).share(uri)) for streams in (one, two)]
    two.add(kim, "")
    await comes_true(sam, lambda: one.others_at(sam) == ["Kim L."])
    await comes_true(kim, lambda: two.others_at(kim) == ["Sam F."])
    # A process that starts later asks who is there.
    three = Streams(10)
    three.add(late, "")
    sharing.append(asyncio.create_task(Presence(three, protection).share(uri)))
    await comes_true(late, lambda: three.others_at(late) == ["Kim L.", "Sam F."])
    two.remove(kim)
    await comes_true(sam, lambda: one.others_at(sam) == ["Lou T."])
    for each in sharing:
        each.cancel()
    await asyncio.gather(*sharing, return_exceptions=True)


def test_a_process_whose_connection_was_lost_while_it_spoke_connects_again(
    vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology.declare(vhost, topology.internal([]))
    monkeypatch.setattr(presence, "_AGAIN_AFTER_S", 0.1)
    asyncio.run(_lose_the_connection(vhost, monkeypatch))


async def _lose_the_connection(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, connect = [], aio_pika.connect

    async def noted(*given: Any, **more: Any) -> Any:
        opened.append(await connect(*given, **more))
        return opened[-1]

    monkeypatch.setattr(aio_pika, "connect", noted)
    one, two = Streams(10), Streams(10)
    protection = Protection(b"k" * 32, None)
    sam, kim, lou = a_page("a", "Sam F."), a_page("b", "Kim L."), a_page("c", "Lou T.")
    one.add(sam, "")
    two.add(kim, "")
    sharing = [asyncio.create_task(Presence(streams, protection).share(uri)) for streams in (one, two)]
    await comes_true(sam, lambda: one.others_at(sam) == ["Kim L."])
    await comes_true(kim, lambda: two.others_at(kim) == ["Sam F."])
    for each in tuple(opened):
        await each.close()
    one.add(lou, "")  # so there is something to say at once
    two.add(a_page("d", "Max O."), "")
    await comes_true(sam, lambda: "Max O." in one.others_at(sam))
    await comes_true(kim, lambda: "Lou T." in two.others_at(kim))
    for each in sharing:
        each.cancel()
    await asyncio.gather(*sharing, return_exceptions=True)
