"""`python -m tests.support.fail_points <service>`: a service process that ends at an armed point, as by a power cut.

FAIL_POINTS names a folder. A file in it with the name of a point arms that point: whoever gets there deletes the file and ends
the process, without any clean-up. `toy` runs the toy service.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

BEFORE_COMMIT = "before_commit"
BEFORE_PUBLISH = "between_commit_and_publish"
BEFORE_MARK = "between_publish_and_mark"
BEFORE_ACKNOWLEDGEMENT = "between_commit_of_a_handler_and_acknowledgement"
BEFORE_OUTCOME = "between_a_mail_and_the_commit_of_its_outcome"
ENDED_AT_A_POINT = 70


def end_at(point: str) -> None:
    """End the process if this point is armed."""
    try:
        (Path(os.environ["FAIL_POINTS"]) / point).unlink()
    except FileNotFoundError:
        return
    os._exit(ENDED_AT_A_POINT)


def watch_transactions() -> None:
    """Those with events: their commit, and what follows from it."""
    from sqlalchemy import event
    from sqlalchemy.orm import Session

    from services.chassis import unit_of_work

    @event.listens_for(Session, "before_commit", insert=True)
    def note(session: Session) -> None:
        session.info["has_events"] = bool(session.info.get(unit_of_work._EVENTS))

    @event.listens_for(Session, "before_commit")
    def end_before(session: Session) -> None:
        if session.info["has_events"]:
            end_at(BEFORE_COMMIT)

    @event.listens_for(Session, "after_commit")
    def end_after(session: Session) -> None:
        if session.info.get("has_events"):
            end_at(BEFORE_PUBLISH)


def watch_messages() -> None:
    """Events that the broker has taken, and those that were handled."""
    from services.chassis.inbound import Inbound
    from services.chassis.publisher import Publisher

    send_all, acknowledge = Publisher.send_all, Inbound.acknowledge

    def send_and_end(self: Any, messages: Any, *arguments: Any) -> None:
        send_all(self, messages, *arguments)
        if any(each.exchange.endswith(".events") and each.outcome == "confirmed" for each in messages):
            end_at(BEFORE_MARK)

    def end_or_acknowledge(self: Any, message: Any) -> None:
        end_at(BEFORE_ACKNOWLEDGEMENT)
        acknowledge(self, message)

    Publisher.send_all = send_and_end  # type: ignore[method-assign]
    Inbound.acknowledge = end_or_acknowledge  # type: ignore[method-assign]


def watch_mails() -> None:
    """Mails that the mail server has taken."""
    from services.notifications.deliveries import outcomes, sending

    settled = sending._settled

    def end_or_settle(runtime: Any, delivery: Any, outcome: Any) -> bool:
        if outcome is outcomes.SENT:
            end_at(BEFORE_OUTCOME)
        return settled(runtime, delivery, outcome)

    sending._settled = end_or_settle


def main(service: str) -> int:
    """Run the service with its points."""
    from services.chassis import run  # patches the standard library before anything else is imported
    from tests.support import toy_process

    watch_transactions()
    watch_messages()
    if service == "toy":
        toy_process.become_a_service()
    if service == "notifications":
        watch_mails()
    return run.main(service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
