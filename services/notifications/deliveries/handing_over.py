"""Hand a composed message to one of its channel's providers, so that no switch between them makes a second copy."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import utc_now
from services.notifications.channels import email
from services.notifications.channels.configured import names_of_providers
from services.notifications.channels.failures import DeliveryFailed, Temporary
from services.notifications.channels.http_provider import HttpProvider
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import PROVIDER_RESTS, NotNow, TakenOver
from services.notifications.deliveries.providers import Providers
from services.notifications.deliveries.traffic import traffic_of

# A message whose provider is left alone looks again after this time.
LOOKS_AGAIN_AFTER = datetime.timedelta(seconds=10)
P = TypeVar("P", HttpProvider, email.SmtpSettings)


def require_provider(runtime: Runtime, delivery: Delivery) -> None:
    """Raise NotNow while all providers of a message are left alone, or the one that may have it, and Temporary(provider_gone).

    Asked first of all: composing makes links and codes, which end those that the person has.
    """
    names, pinned = names_of_providers(runtime.settings, delivery.channel), delivery.provider
    if len(names) <= 1:
        return
    if pinned is not None and pinned not in names:
        raise Temporary("provider_gone")
    resting = traffic_of(runtime).providers.resting(delivery.channel)
    if resting.issuperset(names if pinned is None else [pinned]):
        raise NotNow(utc_now() + LOOKS_AGAIN_AFTER, PROVIDER_RESTS)


def hand_over(
    runtime: Runtime,
    delivery: Delivery,
    providers: Sequence[P],
    hand_to: Callable[[P], None],
) -> None:
    """Give a message to one of several providers, and to the next where one certainly has not taken it.

    One that may have taken it keeps it. The message is composed, so it is handed over even if a rest has begun meanwhile.
    Raises TakenOver, and what `hand_to` raises.
    """
    if len(providers) == 1:
        hand_to(providers[0])
        return
    channel, standing = delivery.channel, traffic_of(runtime).providers
    left, names = {each.name: each for each in providers}, [each.name for each in providers]
    name = delivery.provider or standing.choose(channel, names) or standing.first_back(channel, names)
    while True:
        provider = left.pop(name)
        _note_provider(runtime, delivery, name)
        failure = _given(standing, channel, provider, hand_to)
        if failure is None:
            return
        if failure.is_untaken:
            delivery.provider = None
        is_for_next = failure.is_outage and failure.is_untaken
        following = standing.choose(channel, _in_time(delivery, left.values())) if is_for_next else None
        if following is None:
            # The channel itself goes on: the others may be well.
            failure.is_outage = False
            raise failure
        name = following


def _in_time(delivery: Delivery, providers: Iterable[HttpProvider | email.SmtpSettings]) -> list[str]:
    """The names of those that answer or time out before the lease ends."""
    lease_ends = delivery.next_try_at or utc_now()
    rest_s = (lease_ends - utc_now()).total_seconds()
    return [each.name for each in providers if each.timeout_s <= rest_s]


def _given(
    standing: Providers, channel: str, provider: P, hand_to: Callable[[P], None]
) -> DeliveryFailed | None:
    """Give a message to a provider, and note how that did. Returns the failure, if it is one."""
    standing.begin(channel, provider.name)
    started, failure = time.monotonic(), None
    try:
        hand_to(provider)
    except DeliveryFailed as failed:
        failure = failed
    finally:
        is_outage = failure is not None and failure.is_outage
        standing.end(channel, provider.name, time.monotonic() - started, is_outage=is_outage)
    return failure


def _note_provider(runtime: Runtime, delivery: Delivery, name: str) -> None:
    """Note who may have a message before it is given it, so that a process that dies then makes no second copy elsewhere.

    Raises TakenOver where the lease has ended and another sender has the message, and Refused when the database is busy.
    """
    if delivery.provider == name:
        return
    noted = update(Delivery).where(
        Delivery.id == delivery.id, Delivery.state == "sending", Delivery.tries == delivery.tries
    )

    def note(session: Session) -> int:
        done = session.connection().execute(noted.values(provider=name))
        return done.rowcount

    if not runtime.database.write(delivery.organisation_id, note):
        raise TakenOver
    delivery.provider = name
