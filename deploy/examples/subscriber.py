"""An outside system that reads one organisation's events with plain kombu and no code of Portico.

    python deploy/examples/subscriber.py --uri amqp://… --organisation harbor             live, from its queue
    python deploy/examples/subscriber.py --uri amqp://… --organisation harbor --replay    again, from the beginning

Prints one CloudEvent a line. Delivery is at least once, so an event whose id was seen is left out.
"""

import argparse
import json
import sys
import time
from typing import Any

import kombu


def main() -> None:
    """Read for `--seconds`, or until `--count` events have come."""
    arguments = _arguments()
    seen: set[str] = set()
    ends_at = time.monotonic() + arguments.seconds

    def on_message(message: Any) -> None:
        event = json.loads(message.body)
        if event["id"] not in seen:
            seen.add(event["id"])
            print(json.dumps(event), flush=True)
        message.ack()

    with kombu.Connection(arguments.uri) as connection:
        channel = connection.channel()
        if arguments.replay:
            # A stream keeps events that were read. The offset is where to begin: "first", "last", a number or a time.
            queue = kombu.Queue(f"feed.{arguments.organisation}", channel=channel, no_declare=True)
            queue.consumer_arguments = {"x-stream-offset": "first"}
        else:
            queue = kombu.Queue(f"{connection.userid}.events", channel=channel, no_declare=True)
        channel.basic_qos(0, 100, False)
        print("listening", file=sys.stderr, flush=True)
        with kombu.Consumer(channel, [queue], on_message=on_message, accept=None, auto_declare=False):
            while time.monotonic() < ends_at and len(seen) < arguments.count:
                try:
                    connection.drain_events(timeout=0.2)
                except TimeoutError:
                    continue


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--organisation", required=True)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--count", type=float, default=1e9)
    parser.add_argument("--replay", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
