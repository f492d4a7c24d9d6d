"""Whether an account wants a message, and when. What must be told is told whatever it has chosen."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from services.chassis.unit_of_work import utc_now
from services.notifications.deliveries import confirmation, digests, rules
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import InDigest, NoRecipient, NotNow
from services.notifications.preferences import choices
from services.notifications.preferences import rules as preference_rules


def require_wanted(session: Session, delivery: Delivery) -> Collection[str]:
    """Raise NoRecipient for what the account has confirmed or switched off, InDigest for its summary, NotNow in its quiet hours.

    The groups that the account has switched off since its summary counted them are returned: it tells of the others.
    None of them holds for what must be told. A text message is wanted while its group is chosen, whatever is chosen about e-mails.
    """
    confirmation.require_unconfirmed(session, delivery)
    is_text = delivery.channel == rules.TEXT
    kind = delivery.context["told"] if is_text else delivery.kind
    group = preference_rules.group_of(kind)
    if group is None and kind != digests.KIND:
        return ()
    chosen = choices.of_account(session, delivery.account_id)
    if chosen is None:
        return ()
    if kind == digests.KIND:
        if set(delivery.context["counts"]) <= set(chosen.switched_off):
            raise NoRecipient("switched_off")
        return list(chosen.switched_off)
    if group in chosen.switched_off if not is_text else group not in chosen.texted:
        raise NoRecipient("switched_off")
    is_test = delivery.client_kind == rules.TEST  # no summary counts it: nobody is told of it
    if not is_text and not is_test and group in chosen.digested and preference_rules.can_wait(kind):
        raise InDigest(preference_rules.digest_due(utc_now(), chosen.digest_at, chosen.time_zone))
    hours = chosen.quiet_from, chosen.quiet_until, chosen.time_zone
    until = preference_rules.quiet_end(utc_now(), *hours)
    if until is not None and preference_rules.can_wait(kind):
        raise NotNow(until)
    return ()
