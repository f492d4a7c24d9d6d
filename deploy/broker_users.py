"""One broker user for each process, with the rights that its declarations make it need.

`python -m deploy.topology --users FOLDER --definitions` prints them as RabbitMQ definitions (virtual hosts, users, permissions) for
`rabbitmqctl import_definitions` or `load_definitions`; `make run` gives each process its user. A password is made once and kept in
`FOLDER/broker-<user>`; the definitions hold its salted hash (RabbitMQ's `rabbit_password_hashing_sha256`).

| User | May read (consume, bind from) | May write (publish) | May declare |
|---|---|---|---|
| `portico_<service>` | its calls and its events' queues | calls, answers, its events, delays of what it hears | nothing |
| `portico_gateway` | nothing | calls | nothing |
| `portico_live` | all events, `live.presence`, queues of its connections | calls, its queues, `live.presence` | its queues |
| `portico_topology` | all | all | all |
| `portico_watch` | the streams of the feed's virtual host; it asks for the lengths of queues | nothing | nothing |
| `portico_scaler` | nothing: it asks for the lengths of queues | nothing | nothing |

Gotchas
- Answers and parked messages go through the default exchange, for which RabbitMQ knows no finer right: a service that answers
  may also put a message into another queue. A forged call fails, as it has no passport; a forged event would not.
- A passive declaration, which tells a queue's length, needs no right.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy import secret_files
from deploy.migrate import SERVICES
from gateway.live.settings import PRESENCE_EXCHANGE
from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, Listens, queue_of, retry_exchange
from services.chassis.operations import Serves
from services.chassis.topology import entrypoints
from services.contracts import feed

DEFAULT_EXCHANGE = "amq.default"  # its name in permissions
NOTHING = "^$"
DEFINITIONS = "broker-users.json"
OWN_QUEUE = "amq\\.gen-.*"  # queues that the broker names


@dataclass(frozen=True)
class Rights:
    """RabbitMQ's regular expressions for what a user may do in a virtual host."""

    configure: str
    write: str
    read: str


def process_names() -> tuple[str, ...]:
    """Who has a user: services, `gateway`, `live`, `watch`, `topology`, which declares, and `scaler`, which starts more processes."""
    return (*SERVICES, "gateway", "live", "watch", "topology", "scaler")


def user_of(process: str) -> str:
    """The name of a process' broker user."""
    return f"portico_{process}"


def rights_of(process: str) -> Rights:
    """What the process needs in the services' virtual host, from what it serves and listens to."""
    if process == "gateway":
        return Rights(NOTHING, _only([wire.RPC_EXCHANGE]), NOTHING)
    if process == "live":
        return Rights(
            f"^{OWN_QUEUE}$",
            f"^({OWN_QUEUE}|{re.escape(wire.RPC_EXCHANGE)}|{re.escape(PRESENCE_EXCHANGE)})$",
            rf"^({OWN_QUEUE}|[a-z_]+\.events|{re.escape(PRESENCE_EXCHANGE)})$",
        )
    if process in ("scaler", "watch"):
        return Rights(NOTHING, NOTHING, NOTHING)
    if process == "topology":
        return Rights(".*", ".*", ".*")
    service_class = importlib.import_module(f"services.{process}.service").Service
    listened = [queue_of(process, handler) for handler in entrypoints(service_class, Listens)]
    served = [wire.rpc_queue(process)] if entrypoints(service_class, Serves) else []
    delays = [retry_exchange(seconds) for seconds in RETRY_AFTER_S] if listened else []
    written = [wire.RPC_EXCHANGE, DEFAULT_EXCHANGE, f"{process}.events", *delays]
    return Rights(NOTHING, _only(written), _only([*served, *listened]))


def rights_in_feed(process: str) -> Rights | None:
    """What the process needs in the feed's virtual host; None where it has no business there."""
    streams = f"^{re.escape(feed.stream_of(''))}.+$"
    return {"topology": Rights(".*", ".*", ".*"), "watch": Rights(NOTHING, NOTHING, streams)}.get(process)


def _only(names: Iterable[str]) -> str:
    return f"^({'|'.join(map(re.escape, names))})$"


def password_of(process: str, folder: Path) -> str:
    """The password of a process' user. The first time it is made and kept in the folder."""
    return secret_files.kept_secret(folder / f"broker-{user_of(process)}")


def definitions(folder: Path, vhost: str, feed_vhost: str) -> dict[str, Any]:
    """RabbitMQ definitions of the virtual hosts and users, with the passwords kept in `folder`."""
    users, permissions = [], []
    for process in process_names():
        user, rights = user_of(process), rights_of(process)
        users.append(
            {
                "name": user,
                "password_hash": hash_of(password_of(process, folder)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
                "limits": {},
            }
        )
        permissions.append({"user": user, "vhost": vhost, **vars(rights)})
        in_feed = rights_in_feed(process)
        if in_feed is not None:
            permissions.append({"user": user, "vhost": feed_vhost, **vars(in_feed)})
    vhosts = [{"name": vhost}, {"name": feed_vhost}]
    return {"vhosts": vhosts, "users": users, "permissions": permissions}


def hash_of(password: str) -> str:
    """The salted hash of a password as RabbitMQ stores it: base64 of 4 bytes of salt and SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def write(folder: Path, vhost: str, feed_vhost: str) -> None:
    """Write the definitions to `folder`/DEFINITIONS."""
    secret_files.write_private(folder / DEFINITIONS, json.dumps(definitions(folder, vhost, feed_vhost)))
