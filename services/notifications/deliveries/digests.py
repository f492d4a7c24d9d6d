"""The summary of the day: one mail that says how many notices of each group there are, and not what they say.

A message that an account wants to read about in its summary ends as `suppressed`, reason `in_digest`, in the transaction that
counts it there. So each is counted once, also where the process dies between.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.notifications.unsubscribe_links import DAILY_DIGEST
from services.notifications.deliveries import rules
from services.notifications.deliveries.models import Delivery
from services.notifications.preferences.rules import group_of
from services.notifications.templates import product_words
from services.notifications.templates.rules import chain

KIND = DAILY_DIGEST
# One and several of each group, by language.
_WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        "messages": ("%s message", "%s messages"),
        "appointments": ("%s notice about appointments", "%s notices about appointments"),
        "questionnaires": ("%s notice about questionnaires", "%s notices about questionnaires"),
        "work_status": ("%s notice about your work status", "%s notices about your work status"),
        "supervision": (
            "%s notice about people whom you supervise",
            "%s notices about people whom you supervise",
        ),
        "management": ("%s notice for the management", "%s notices for the management"),
        "documents": ("%s notice about documents", "%s notices about documents"),
    },
    "es": {
        "messages": ("%s mensaje", "%s mensajes"),
        "appointments": ("%s aviso sobre citas", "%s avisos sobre citas"),
        "questionnaires": ("%s aviso sobre cuestionarios", "%s avisos sobre cuestionarios"),
        "work_status": ("%s aviso sobre su situación laboral", "%s avisos sobre su situación laboral"),
        "supervision": ("%s aviso sobre personas a su cargo", "%s avisos sobre personas a su cargo"),
        "management": ("%s aviso para la dirección", "%s avisos para la dirección"),
        "documents": ("%s aviso sobre documentos", "%s avisos sobre documentos"),
    },
}


def add(unit: UnitOfWork, message: Delivery, due_at: datetime.datetime) -> None:
    """Count a message in the summary that is due then; in that of the day after where that one is on its way already."""
    summary = _held(unit, message, due_at)
    if summary.state != "created":
        summary = _held(unit, message, due_at + datetime.timedelta(days=1))
    group = group_of(message.kind) or message.kind
    counts = dict(summary.context["counts"])
    summary.context = {"counts": counts | {group: counts.get(group, 0) + 1}}


def counts_of(message: Delivery, unwanted: Collection[str], *, is_verified: bool) -> dict[str, int]:
    """What a summary tells, by group; nothing of unwanted groups, and nothing for any other message.

    An address that is not verified is told of what it would be told of at once (`rules.ALSO_UNVERIFIED`), and of no more.
    """
    counts: Mapping[str, int] = message.context["counts"] if message.kind == KIND else {}
    open_to_all = {group_of(kind) for kind in rules.ALSO_UNVERIFIED}
    told = [group for group in counts if group not in unwanted and (is_verified or group in open_to_all)]
    return {group: counts[group] for group in told}


def counted(counts: Mapping[str, int], language: str | None) -> str:
    """The counts as words: "2 messages, 1 notice about appointments"."""
    words = next(_WORDS[tag] for tag in chain(language) if tag in _WORDS)
    return ", ".join(words[group][number != 1] % number for group, number in sorted(counts.items()))


def _held(unit: UnitOfWork, message: Delivery, due_at: datetime.datetime) -> Delivery:
    """The account's summary that is due then, locked; it is made where there is none."""
    key = {"event_id": f"digest-{due_at:%Y-%m-%dT%H:%M}", "account_id": message.account_id, "kind": KIND}
    summary_id = wire.new_id()
    domain = message.message_id.rpartition("@")[2]
    fresh = {
        "id": summary_id,
        "organisation_id": message.organisation_id,
        "organisation_key": message.organisation_key,
        "template_version": product_words.VERSION,
        "channel": message.channel,
        "context": {"counts": {}},
        "state": "created",
        "tries": 0,
        "next_try_at": due_at,
        "message_id": f"{summary_id}@{domain}",
        "correlation_id": unit.context.correlation_id,
        "created_at": unit.now,
    }
    summary = held_or_made(unit.session, Delivery, key, fresh)
    if summary.id == summary_id:
        unit.audit("delivery.created", "delivery", summary_id, kind=KIND, reason=None)
    return summary
