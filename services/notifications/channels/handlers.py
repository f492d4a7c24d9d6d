"""Commands about channels."""

from __future__ import annotations

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.notifications.deliveries.handlers import create_test_mail
from services.notifications.deliveries.models import Delivery

TEST_MAIL = "test_message"


def send_test_mail(unit: UnitOfWork, mail_domain: str) -> dict[str, str]:
    """Make a mail to the caller's own address. Raises Refused(too_many_requests) while one is on its way."""
    on_its_way = select(Delivery.id).where(
        Delivery.account_id == unit.actor_id, Delivery.kind == TEST_MAIL, Delivery.next_try_at.is_not(None)
    )
    if unit.session.scalars(on_its_way.limit(1)).first() is not None:
        raise Refused("too_many_requests", "A test mail to you is on its way. Wait until it was sent.")
    return {"delivery_id": create_test_mail(unit, TEST_MAIL, mail_domain)}
