"""The feed for partners: how its virtual host, its queues and streams are called, what they hold, and for how long.

A partner is a system of somebody else that reads an organisation's events. Nothing here is secret.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

VIRTUAL_HOST = "portico-feeds"
EXCHANGE = "feed"
# A partner's queue keeps so much and no more. It forgets its oldest events first.
QUEUE_DAYS, MOST_WAITING, MOST_WAITING_BYTES = 7, 100_000, 200_000_000
# An organisation's stream keeps so much and no more; whichever limit is reached first.
STREAM_DAYS, MOST_STREAM_BYTES = 90, 2_000_000_000
MOST_CONNECTIONS, MOST_CHANNELS, MOST_CONSUMERS = 5, 20, 50
USERS = "ext."
# The attributes of an event that are AMQP headers as well, named as in the CloudEvents AMQP binding, so that a reader of the
# stream need not parse every body.
HEADER = "cloudEvents:"
HEADERS = ("id", "source", "type", "subject", "time", "subjectversion", "organisationkey")
_TYPE = re.compile(r"portico\.[a-z]+\.([a-z_]+)\.(v[0-9]+)")


def event_types() -> tuple[str, ...]:
    """Every type of event there is, such as `portico.referrals.referral_assigned.v1`, in the order of the alphabet."""
    schemas = Path(__file__).resolve().parent / "schemas"
    return tuple(sorted(f"portico.{path.stem}" for path in schemas.glob("*.json")))


def user_of(organisation: str, name: str) -> str:
    """The broker user of a partner of this organisation (its key)."""
    return f"{USERS}{organisation}.{name}"


def queue_of(user: str) -> str:
    """The queue from which a partner reads."""
    return f"{user}.events"


def stream_of(organisation: str) -> str:
    """The stream with all events of an organisation, for reading again."""
    return f"feed.{organisation}"


def routing_keys(organisation: str, types: Sequence[str]) -> list[str]:
    """The keys with which a queue gets events of these types, or (without any) of every type, of one organisation."""
    if not types:
        return [f"*.*.{organisation}"]
    found = [_TYPE.fullmatch(each) for each in types]
    return sorted({f"{each[1]}.{each[2]}.{organisation}" for each in found if each is not None})
