"""The notifications service: its entrypoints and its sender loops."""

from __future__ import annotations

from typing import Any

from services.chassis.audit_search import ids_asked, serves_audit
from services.chassis.loop import Loop
from services.chassis.personal_data import serves_personal_data
from services.chassis.runtime import Runtime
from services.contracts.identity.merging import describe_person
from services.contracts.identity.personal_data import describe_personal_data_job
from services.contracts.notifications.audit import trail
from services.contracts.notifications.personal_data import answered
from services.notifications.channels.entrypoints import ChannelEntrypoints
from services.notifications.deliveries import backlog, retention, sending
from services.notifications.deliveries.entrypoints import DeliveryEntrypoints
from services.notifications.deliveries.rules import CHANNELS
from services.notifications.models import Base
from services.notifications.my_notices.entrypoints import MyNoticeEntrypoints
from services.notifications.notices.entrypoints import NoticeEntrypoints
from services.notifications.personal_data.kept import KEPT
from services.notifications.preferences.entrypoints import PreferenceEntrypoints
from services.notifications.reports.entrypoints import ReportEntrypoints
from services.notifications.reports.workflows import OverdueLoop
from services.notifications.settings import mail_domain
from services.notifications.suppressed_addresses.entrypoints import SuppressedAddressEntrypoints
from services.notifications.templates.entrypoints import TemplateEntrypoints
from services.notifications.text_numbers.entrypoints import TextNumberEntrypoints
from services.notifications.unsubscribe_links.entrypoints import UnsubscribeLinkEntrypoints
from services.notifications.webhooks.entrypoints import WebhookEntrypoints


def start_runtime(settings: Any) -> Runtime:
    """A runtime with the sender loops."""
    settings.mail_domain = mail_domain(settings.mail_from)
    sending.signer_of(settings)  # a key that cannot be read is found at the start
    runtime = Runtime("notifications", settings, Base)
    runtime.retention.add(retention.finished_deliveries(settings.deliveries_kept_days, runtime.database))
    runtime.retention.add(retention.counts_of_days())
    runtime.retention.add(retention.suppressed_addresses(settings.deliveries_kept_days))
    sending.take_over(runtime)
    # A channel has senders of its own, so that one whose provider is slow holds up no other.
    for channel in CHANNELS:
        runtime.loops.extend(sending.SenderLoop(runtime, (channel,)) for _ in range(settings.senders))
    runtime.loops.append(OverdueLoop(runtime))
    runtime.loops.append(Loop("backlog", lambda: backlog.measure(runtime.database), backlog.EVERY_S))
    return runtime


@serves_personal_data(answered, describe_personal_data_job, Base, KEPT)
@serves_audit(trail, ids_asked(describe_person))
class Service(
    ChannelEntrypoints,
    DeliveryEntrypoints,
    MyNoticeEntrypoints,
    NoticeEntrypoints,
    PreferenceEntrypoints,
    TemplateEntrypoints,
    ReportEntrypoints,
    SuppressedAddressEntrypoints,
    TextNumberEntrypoints,
    UnsubscribeLinkEntrypoints,
    WebhookEntrypoints,
):
    """Entrypoints of notifications."""

    name = "notifications"
