"""What API clients may cause (N-10): whom their messages reach, how many there are in a day, and what becomes of simulated ones.

Gotchas
- The kind holds for what a client's request causes. A reminder that the product makes days later is caused by nobody's request.
- Senders of several processes may go over the limit of a day by as many messages as they send at once.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import insert_into
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.identity import accounts
from services.notifications.channels.failures import Permanent, Temporary
from services.notifications.channels.models import ClientMessages
from services.notifications.deliveries import rules
from services.notifications.deliveries.asking import ask
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient, NotNow, Simulated
from services.notifications.deliveries.simulation import simulated_result
from services.notifications.preferences.rules import is_critical


def require_allowed(runtime: Runtime, delivery: Delivery) -> None:
    """Raise NoRecipient for a message that its API client may not cause: to somebody else than staff; NotNow over the limit of a day.

    What must be told waits for no limit.
    """
    if delivery.client_kind == rules.TEAM and not _is_to_staff(runtime, delivery):
        raise NoRecipient("team_only")
    if delivery.client_kind in (rules.NORMAL, rules.TEAM) and not is_critical(delivery.kind):
        now = utc_now()
        today = select(ClientMessages.made).where(
            ClientMessages.organisation_id == delivery.organisation_id,
            ClientMessages.on_day == now.date(),
        )
        with runtime.database.reading(delivery.organisation_id) as session:
            made = session.scalar(today) or 0
        if made >= runtime.settings.client_messages_a_day:
            raise NotNow(rules.next_day(now), "daily_limit")


def count(unit: UnitOfWork, delivery: Delivery) -> None:
    """Count a message that was sent for an API client."""
    if delivery.client_kind not in (rules.NORMAL, rules.TEAM):
        return
    connection, table = unit.session.connection(), ClientMessages.__table__
    fresh = insert_into(connection.dialect.name, table)
    row = {
        "id": wire.new_id(),
        "organisation_id": delivery.organisation_id,
        "on_day": unit.now.date(),
        "made": 1,
    }
    once_more = {"made": table.c.made + 1}
    connection.execute(
        fresh.on_conflict_do_update(index_elements=["organisation_id", "on_day"], set_=once_more), row
    )


def divert(delivery: Delivery, address: str) -> None:
    """Keep a message from being handed over whose address is simulated, or that a test client has caused.

    Raises Simulated, or the failure that is simulated.
    """
    result = simulated_result(address)
    if result is None and delivery.client_kind == rules.TEST:
        result = "delivered"
    if result == "temporary_failure":
        raise Temporary("simulated")
    if result == "permanent_failure":
        raise Permanent("simulated")
    if result is not None:
        raise Simulated(result)


def divert_webhook(delivery: Delivery, url: str) -> None:
    """As `divert`, for a webhook: `https://simulate.example/delivered` and its like."""
    parts = urlsplit(url)
    divert(delivery, f"{parts.path.strip('/')}@{parts.hostname}")


def _is_to_staff(runtime: Runtime, delivery: Delivery) -> bool:
    if delivery.kind in rules.WITHOUT_ACCOUNT:
        return False
    account = ask(runtime, delivery, accounts.describe_account, {"account_id": delivery.account_id})
    return bool(account["realm"] == "staff")
