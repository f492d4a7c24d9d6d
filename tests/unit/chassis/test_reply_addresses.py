"""A service answers only to addresses at which the broker does not hang up."""

from __future__ import annotations

import base64

import pytest

from services.chassis.reply_addresses import KEPT, MOST_TRIALS, PREFIX, WITHIN_S, ReplyAddresses

_WRONG_LENGTH = base64.b64encode(b"\x83Xw\x0ereply@118675972" + bytes(12)).decode()


class FakeBroker:
    """Knows one node. Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_away = False

    def is_known(self, address: str) -> bool:
        if self.is_away:
            raise ConnectionRefusedError
        self.asked.append(address)
        return b"reply@118675972" in base64.b64decode(address.removeprefix(PREFIX).partition(".")[0])


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def addresses(broker: FakeBroker) -> ReplyAddresses:
    return ReplyAddresses(broker.is_known)


def direct(
    node: bytes = b"reply@118675972",
    begin: bytes = b"\x83Xw",
    end: bytes = bytes(range(12)),
    key: str = "a+/=",
) -> str:
    """An address of direct reply-to, by default as RabbitMQ makes it."""
    return f"{PREFIX}{base64.b64encode(begin + bytes((len(node),)) + node + end).decode()}.{key}"


def test_an_address_of_the_broker_is_accepted_and_its_node_asked_about_once(
    broker: FakeBroker, addresses: ReplyAddresses
):
    first, second = direct(), direct(end=bytes(range(1, 13)))

    assert addresses.accept(first)
    assert addresses.accept(first)
    assert addresses.accept(second)

    assert broker.asked == [direct(end=bytes(12), key="AAAA")]
    assert addresses.accepted == {first, second}


def test_an_address_as_rabbitmq_writes_it_is_accepted(addresses: ReplyAddresses):
    written = f"{PREFIX}g1h2AA9yZXBseUAxMTg2NzU5NzIAAAknAAAAAGsLBz0=.zoR3NqvIzqv10haeI1p+kw=="

    assert addresses.accept(written)


def test_an_address_at_a_node_that_the_broker_does_not_know_is_refused_without_asking_again(
    broker: FakeBroker, addresses: ReplyAddresses
):
    assert not addresses.accept(direct(b"reply@12"))
    assert not addresses.accept(direct(b"reply@12", end=bytes(range(1, 13))))

    assert len(broker.asked) == 1
    assert addresses.accepted == set()


@pytest.mark.parametrize(
    "address",
    [
        "",
        PREFIX,
        f"{PREFIX}x.y",
        f"{PREFIX}YWJjZGVm.k",
        direct() + ".more",
        direct(key=""),
        direct(key="\udcff"),
        direct(b"other@118675972"),
        direct(b"reply@host"),
        direct(b"reply@12345678901"),
        direct(begin=b"\x83P\xff"),
        direct(begin=b"\x83Xz"),
        direct(end=bytes(9)),
        direct(begin=b"\x83gw"),
        direct(end=bytes(11)),
        direct(end=bytes(13)),
        direct(begin=b"\x83Xw\x10"),
        direct(begin=b"\x83Xv\x01"),
        f"{PREFIX}{_WRONG_LENGTH}.AAAA",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_address_of_the_broker_is_refused_without_asking(
    broker: FakeBroker, addresses: ReplyAddresses, address: str
):
    assert not addresses.accept(address)
    assert broker.asked == []


@pytest.mark.parametrize("address", ["rpc.reply-toy-1", "amq.gen-Xa2", "amq.rabbitmq.reply-to", "toy.\udcff"])
def test_a_reply_queue_is_accepted(broker: FakeBroker, addresses: ReplyAddresses, address: str):
    assert addresses.accept(address)
    assert broker.asked == []


def test_nothing_is_decided_while_the_broker_is_away(broker: FakeBroker, addresses: ReplyAddresses):
    broker.is_away = True
    with pytest.raises(ConnectionRefusedError):
        addresses.accept(direct())

    broker.is_away = False
    assert addresses.accept(direct())


def test_strangers_cannot_fill_the_memory_with_addresses(addresses: ReplyAddresses):
    for number in range(KEPT + 5):
        addresses.accept(f"rpc.reply-{number}")

    assert len(addresses.accepted) <= KEPT


def test_made_up_nodes_are_asked_about_so_often_a_minute(broker: FakeBroker):
    seconds = [0.0]
    addresses = ReplyAddresses(broker.is_known, lambda: seconds[0])
    for number in range(MOST_TRIALS + 5):
        assert not addresses.accept(direct(f"reply@{number}".encode()))
    assert len(broker.asked) == MOST_TRIALS

    seconds[0] += WITHIN_S
    assert addresses.accept(direct())
    assert len(broker.asked) == MOST_TRIALS + 1


def test_a_known_node_is_answered_while_others_are_made_up(broker: FakeBroker, addresses: ReplyAddresses):
    assert addresses.accept(direct())
    for number in range(MOST_TRIALS + 5):
        addresses.accept(direct(f"reply@{number}".encode()))

    assert addresses.accept(direct(end=bytes(range(1, 13))))
