"""The rights of the processes' broker users, as they follow from the declarations."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from deploy import broker_users
from deploy.broker_users import process_names, rights_in_feed, rights_of
from deploy.migrate import SERVICES
from deploy.topology import VHOST, internal
from services.contracts.feed import VIRTUAL_HOST


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_its_own_queues_and_publishes_its_own_events(service: str) -> None:
    plan, rights = internal([]), rights_of(service)
    own = {f"rpc-{service}", *(name for name in plan.queues if name.startswith(f"{service}.on_"))}
    assert {name for name in (*plan.queues, *plan.exchanges) if re.match(rights.read, name)} == own
    events = [name for name in plan.exchanges if name.endswith(".events") and re.match(rights.write, name)]
    assert events == [f"{service}.events"]
    assert not re.match(rights.configure, "anything")


def test_the_gateway_calls_and_nothing_else() -> None:
    plan, rights = internal([]), rights_of("gateway")
    assert [name for name in plan.exchanges if re.match(rights.write, name)] == ["nameko-rpc"]
    assert not [name for name in (*plan.queues, *plan.exchanges) if re.match(rights.read, name)]


def test_the_live_process_calls_and_reads_all_events_and_no_queue_of_a_service() -> None:
    plan, rights = internal([]), rights_of("live")
    assert {name for name in plan.exchanges if re.match(rights.write, name)} == {
        "nameko-rpc",
        "live.presence",
    }
    read = [name for name in (*plan.queues, *plan.exchanges) if re.match(rights.read, name)]
    assert set(read) == {"live.presence", *(f"{service}.events" for service in SERVICES)}
    assert not [name for name in plan.exchanges if re.match(rights.configure, name)]


def test_the_watch_reads_the_streams_and_neither_a_partners_queue_nor_a_services() -> None:
    plan, rights = internal([]), rights_of("watch")
    names = (*plan.queues, *plan.exchanges)
    assert not [name for name in names for right in vars(rights).values() if re.match(right, name)]
    in_feed = rights_in_feed("watch")
    assert in_feed is not None
    of_others = ["feed", "ext.harbor.mercy.events", "portico.feed"]
    assert [name for name in ["feed.harbor", *of_others] if re.match(in_feed.read, name)] == ["feed.harbor"]
    assert (in_feed.write, in_feed.configure) == ("^$", "^$")
    assert [name for name in process_names() if rights_in_feed(name) is not None] == ["watch", "topology"]


def test_definitions_hold_hashes_of_the_passwords_kept(tmp_path: Path) -> None:
    written = broker_users.definitions(tmp_path, VHOST, VIRTUAL_HOST)
    [identity] = [user for user in written["users"] if user["name"] == "portico_identity"]
    password = broker_users.password_of("identity", tmp_path)
    stored = base64.b64decode(identity["password_hash"])
    assert stored[4:] == hashlib.sha256(stored[:4] + password.encode()).digest()
    assert password not in str(written)
    assert written["vhosts"] == [{"name": VHOST}, {"name": VIRTUAL_HOST}]
    both = [each["vhost"] for each in written["permissions"] if each["user"] == "portico_topology"]
    assert both == [VHOST, VIRTUAL_HOST]
