"""How long an organisation keeps finished messages, by channel, within the limits of the installation (N-8)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.chassis.retention import Retention
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.notifications import channels as contract
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.retention import finished_deliveries
from tests.integration.notifications.conftest import Notifications
from tests.support.in_process import BAYSIDE, HARBOR, a_caller

MANAGER, THEIRS = a_caller("organisation.manage"), a_caller("organisation.manage", organisation=BAYSIDE)
USUAL = dict.fromkeys(("email", "fax", "text", "webhook"), 365)


def chosen(notifications: Notifications, caller: Any = MANAGER) -> Any:
    return notifications.call(contract.get_channel_settings, caller)


def choose(notifications: Notifications, caller: Any = MANAGER, **kept_days: int) -> Any:
    version = chosen(notifications, caller)["version"]
    return notifications.call(contract.set_channel_settings, caller, version=version, kept_days=kept_days)


def a_delivery(organisation: tuple[str, str], channel: str, days: int, state: str = "sent") -> Delivery:
    name = f"{organisation[1]}-{channel}-{days}-{state}"
    return Delivery(
        id=name,
        organisation_id=organisation[0],
        organisation_key=organisation[1],
        event_id=name,
        account_id="x",
        kind="x",
        channel=channel,
        template_version=1,
        context={},
        state=state,
        message_id="m",
        correlation_id="c",
        created_at=utc_now() - datetime.timedelta(days=days),
        next_try_at=None if state == "sent" else utc_now(),
    )


def test_each_channel_of_each_organisation_is_kept_as_it_has_chosen(notifications: Notifications) -> None:
    choose(notifications, text=30, email=90)
    choose(notifications, THEIRS, text=200)
    rows = [
        a_delivery(organisation, channel, days)
        for organisation in (HARBOR, BAYSIDE)
        for channel in ("email", "text", "fax")
        for days in (29, 31, 91, 366)
    ]
    rows.append(a_delivery(HARBOR, "text", 40, "temporary_failure"))
    notifications.database.write(None, lambda session: session.add_all(rows))
    Retention(
        "notifications", notifications.database, finished_deliveries(365, notifications.database)
    ).forget()
    left = {row.id for row in notifications.rows()}
    assert left == {
        "harbor-email-29-sent",
        "harbor-email-31-sent",
        "harbor-text-29-sent",
        "harbor-text-40-temporary_failure",
        *(f"harbor-fax-{days}-sent" for days in (29, 31, 91)),
        *(f"bayside-{channel}-{days}-sent" for channel in ("email", "text", "fax") for days in (29, 31, 91)),
    }


def test_the_choice_is_shown_with_its_limits_and_one_that_is_left_out_is_as_usual(
    notifications: Notifications,
) -> None:
    before = chosen(notifications)
    assert (before["version"], before["kept_days"]) == (1, USUAL)
    assert (before["least_days"], before["most_days"]) == (30, 365)
    after = choose(notifications, fax=45)
    assert (after["version"], after["kept_days"]) == (2, USUAL | {"fax": 45})
    assert chosen(notifications) == after
    assert chosen(notifications, THEIRS)["kept_days"] == USUAL
    notifications.runtime.settings.deliveries_kept_days = 40  # the operator keeps less by now
    assert chosen(notifications)["kept_days"] == dict.fromkeys(USUAL, 40)


@pytest.mark.parametrize(("days", "code"), [(29, "invalid_request"), (366, "kept_too_long")])
def test_nothing_is_kept_shorter_or_longer_than_the_limits(
    notifications: Notifications, days: int, code: str
) -> None:
    with pytest.raises(Refused, match=code):
        choose(notifications, email=days)
    assert chosen(notifications)["kept_days"] == USUAL


def test_of_two_who_choose_at_once_the_second_is_told(notifications: Notifications) -> None:
    choose(notifications, fax=45)
    with pytest.raises(Refused, match="version_conflict"):
        notifications.call(contract.set_channel_settings, MANAGER, version=1, kept_days={})
