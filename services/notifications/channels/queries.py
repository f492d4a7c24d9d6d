"""Queries of channels."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.notifications.channels.configured import services_of, smtp_servers
from services.notifications.channels.email import SmtpSettings
from services.notifications.channels.http_provider import HttpProvider
from services.notifications.deliveries import rules
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.traffic import Traffic

NEWEST = 1000
LAST = datetime.timedelta(days=1)
_GROUP = {
    "created": "waiting",
    "sending": "waiting",
    "temporary_failure": "waiting",
    "sent": "sent",
    "delivered": "sent",
    "permanent_failure": "failed",
    "technical_failure": "failed",
}


def list_channels(session: Session, _caller: Caller, settings: Any, traffic: Traffic) -> dict[str, Any]:
    """The channels, with figures of the newest messages of the last day."""
    newest = (
        select(Delivery.channel, Delivery.state, Delivery.next_try_at, Delivery.sent_at)
        .where(Delivery.created_at > utc_now() - LAST)
        .order_by(Delivery.created_at.desc(), Delivery.id.desc())
        .limit(NEWEST)
    )
    counts: Counter[tuple[str, str]] = Counter()
    last: dict[str, datetime.datetime] = {}
    for channel, state, next_try_at, sent_at in session.execute(newest):
        is_lost = state == "temporary_failure" and next_try_at is None
        counts[channel, "failed" if is_lost else _GROUP.get(state, state)] += 1
        if sent_at is not None:
            last[channel] = max(sent_at, last.get(channel, sent_at))
    resting = traffic.resting(rules.CHANNELS)
    providers = _providers(settings)
    return {
        "items": [
            {
                "channel": channel,
                "is_set_up": is_encrypted is not None,
                "is_encrypted": is_encrypted,
                "is_resting": channel in resting,
                "last_sent_at": last.get(channel),
                "providers": _shares(traffic, channel, providers.get(channel, ())),
                **{group: counts[channel, group] for group in ("waiting", "sent", "failed")},
            }
            for channel, is_encrypted in _ways(settings).items()
        ]
    }


def _ways(settings: Any) -> dict[str, bool | None]:
    """For each channel, whether what leaves is encrypted; None where it is not set up."""
    is_mail_encrypted = all(each.is_encrypted for each in smtp_servers(settings))

    providers = _providers(settings)

    def of_provider(channel: str, mail_domain: str | None) -> bool | None:
        if providers[channel]:
            return all(each.is_encrypted for each in providers[channel])
        return is_mail_encrypted if mail_domain is not None else None

    return {
        rules.EMAIL: is_mail_encrypted,
        rules.FAX: of_provider(rules.FAX, settings.fax_mail_domain),
        rules.TEXT: of_provider(rules.TEXT, settings.text_mail_domain),
        rules.WEBHOOK: True,
    }


def _providers(settings: Any) -> dict[str, Sequence[HttpProvider | SmtpSettings]]:
    """The providers of the channels that have any, in the order of the settings."""
    return {
        rules.EMAIL: smtp_servers(settings),
        rules.FAX: services_of(settings, rules.FAX),
        rules.TEXT: services_of(settings, rules.TEXT),
    }


def _shares(
    traffic: Traffic, channel: str, providers: Sequence[HttpProvider | SmtpSettings]
) -> list[dict[str, Any]]:
    """Which share of the messages each of several providers gets, as this process has it; nothing of a single one."""
    if len(providers) < 2:
        return []
    names = [each.name for each in providers]
    shares = traffic.providers.shares(channel, names)
    return [{"name": name, "share": share} for name, share in zip(names, shares, strict=True)]
