"""The notifications service: its entrypoints and its sender loops."""

from __future__ import annotations

from typing import Any

from services.chassis.audit_search import ids_asked, serves_audit
from services.chassis.runtime import Runtime
from services.contracts.identity.merging import describe_person
from services.contracts.notifications.audit import trail
from services.notifications.deliveries import sending
from services.notifications.deliveries.entrypoints import DeliveryEntrypoints
from services.notifications.models import Base
from services.notifications.notices.entrypoints import NoticeEntrypoints
from services.notifications.preferences.entrypoints import PreferenceEntrypoints
from services.notifications.settings import mail_domain
from services.notifications.templates.entrypoints import TemplateEntrypoints


def start_runtime(settings: Any) -> Runtime:
    """A runtime with the sender loops."""
    settings.mail_domain = mail_domain(settings.mail_from)
    runtime = Runtime("notifications", settings, Base)
    sending.take_over(runtime)
    runtime.loops.extend(sending.SenderLoop(runtime) for _ in range(settings.senders))
    return runtime


@serves_audit(trail, ids_asked(describe_person))
class Service(
    DeliveryEntrypoints,
    NoticeEntrypoints,
    PreferenceEntrypoints,
    TemplateEntrypoints,
):
    """Entrypoints of notifications."""

    name = "notifications"
