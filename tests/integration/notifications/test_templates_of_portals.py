"""The e-mail that Show Sample renders: in the organisation's words, with the names of a draft (S2-47)."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.notifications import templates as contract
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import FakeMailServer, Notifications, body
from tests.integration.notifications.test_deliveries_to_families import invite
from tests.support.in_process import BAYSIDE, a_caller

KIND = "account_invited_with_password"
_NEEDED = "{{ username }} {{ temporary_password }} {{ portal_link }}"
_SIGNED = "{{ organisation_name }} · {{ portal_name }}"
ADMIN = a_caller("organisation.manage")
DESIGNER = a_caller("portal.configure", id="d" * 32)
NAMES = {"organisation_name": "Harbor House", "portal_name": "My Harbor", "product_name": "HarborCare"}
OWN = {
    "kind": "message_waiting",
    "language": "es",
    "subject": "Un mensaje de {{ organisation_name }}",
    "text": "{{ product_name }}: {{ portal_link }}",
}


@pytest.mark.seed("S2-38", "S2-47")
def test_a_sample_has_the_names_of_the_draft_and_the_words_of_the_language(
    notifications: Notifications,
) -> None:
    shown = notifications.call(contract.sample_portal_mail, DESIGNER, **NAMES)
    assert shown["subject"] == "A message from Harbor House is waiting for you"
    assert "Harbor House · My Harbor" in shown["text"]
    notifications.call(contract.save_message_template, ADMIN, version=1, **OWN)
    spanish = notifications.call(contract.sample_portal_mail, DESIGNER, language="es", **NAMES)
    assert spanish["subject"] == "Un mensaje de Harbor House"
    assert spanish["text"].startswith("HarborCare: https://")
    assert notifications.call(contract.sample_portal_mail, DESIGNER, language="en", **NAMES) == shown
    # The words of another organisation are not shown.
    elsewhere = a_caller("portal.configure", organisation=BAYSIDE)
    assert notifications.call(contract.sample_portal_mail, elsewhere, language="es", **NAMES) == shown


@pytest.mark.parametrize(
    ("answer", "signed"),
    [
        ({"name": "My Harbor", "product_name": "HarborCare"}, "HarborCare · Harbor · My Harbor"),
        (None, "Portico · Harbor · Family Portal"),
    ],
)
def test_a_message_has_the_names_that_the_portal_has_now_and_waits_for_none(
    notifications: Notifications, mails: FakeMailServer, answer: dict[str, str] | None, signed: str
) -> None:
    asked: list[Any] = []

    def describe_portal_names(request: Any) -> Any:
        asked.append(request)
        if answer is None:
            raise Refused("not_found", "No portal of this realm is enabled.")
        return answer

    notifications.answers["portals.describe_portal_names"] = describe_portal_names
    words = {"kind": KIND, "subject": "Come in", "text": f"{_NEEDED} {{{{ product_name }}}} · {_SIGNED}"}
    notifications.call(contract.save_message_template, ADMIN, version=1, html=None, **words)
    invite(notifications)
    assert sending.send_next(notifications.runtime)
    assert signed in body(mails.taken[-1])
    assert asked == [{"realm": "family", "languages": []}]


@pytest.mark.parametrize(
    "caller", [a_caller("organisation.manage"), a_caller("portal.configure", realm="provider")]
)
def test_who_configures_no_portal_sees_no_sample(notifications: Notifications, caller: object) -> None:
    with pytest.raises(Refused) as refused:
        notifications.call(contract.sample_portal_mail, caller, **NAMES)
    assert refused.value.code == "forbidden"
