"""An outside record system that helps with refill requests, with plain kombu and requests and no code of Portico.

    python deploy/examples/refill_note.py --uri amqp://… --url https://portico.example.org --client … --secret … \
        --records https://records.example.org

When staff press the helper button beside a refill request, Portico publishes `helper_action_started.v1` with the item's id. This
program reads the rest of the item over HTTP, writes an encounter note with the prescription (here: a file) and sends the link to
it. The host of the link has to be among those that the organisation allows. Delivery is at least once, so a note is named by the
item and the version of the event: the same event writes the same note.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import kombu
import requests

STARTED = "portico.portals.helper_action_started.v1"


def main() -> None:
    """Help for `--seconds`, or until `--count` notes are written."""
    arguments = _arguments()
    ends_at = time.monotonic() + arguments.seconds
    written: set[str] = set()

    def on_message(message: Any) -> None:
        event = json.loads(message.body)
        if event["type"] == STARTED and event["data"]["action"] == "prescription_note":
            written.add(_help(arguments, event["data"]))
        message.ack()

    with kombu.Connection(arguments.uri) as connection:
        channel = connection.channel()
        queue = kombu.Queue(f"{connection.userid}.events", channel=channel, no_declare=True)
        channel.basic_qos(0, 10, False)
        print("listening", file=sys.stderr, flush=True)
        with kombu.Consumer(channel, [queue], on_message=on_message, accept=None, auto_declare=False):
            while time.monotonic() < ends_at and len(written) < arguments.count:
                try:
                    connection.drain_events(timeout=0.2)
                except TimeoutError:
                    continue


def _help(arguments: argparse.Namespace, started: dict[str, Any]) -> str:
    """Write the note of an item and send the link to it; the note's name."""
    session = requests.Session()
    asked = {"client_id": arguments.client, "client_secret": arguments.secret}
    token = _answer(session.post(f"{arguments.url}/v1/api-sessions", json=asked, timeout=10))["token"]
    session.headers["Authorization"] = f"Bearer {token}"
    address = f"{arguments.url}/v1/portal-queue/{started['item_id']}"
    item = _answer(session.get(address, timeout=10))
    name = f"{started['item_id']}-{started['version']}"
    note = {"person_id": item["person_id"], "requested": item["text"], "prescription": "to be reviewed"}
    (arguments.notes / f"{name}.json").write_text(json.dumps(note))
    link = {"result_link": f"{arguments.records}/encounters/{name}"}
    key = {"Idempotency-Key": f"note-{name}"}
    _answer(session.put(f"{address}/result-link", json=link, headers=key, timeout=10))
    return name


def _answer(response: requests.Response) -> Any:
    response.raise_for_status()
    return response.json()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--uri", "--url", "--client", "--secret", "--records"):
        parser.add_argument(name, required=True)
    parser.add_argument("--notes", type=Path, default=Path())
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--count", type=float, default=1e9)
    return parser.parse_args()


if __name__ == "__main__":
    main()
