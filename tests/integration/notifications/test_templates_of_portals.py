"""The e-mail that Show Sample renders: in the organisation's words, with the names of a draft (S2-47)."""

from __future__ import annotations

import pytest

from services.contracts.errors import Refused
from services.contracts.notifications import templates as contract
from tests.support.in_process import BAYSIDE, InProcess, a_caller

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
def test_a_sample_has_the_names_of_the_draft_and_the_words_of_the_language(notifications: InProcess) -> None:
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
    "caller", [a_caller("organisation.manage"), a_caller("portal.configure", realm="provider")]
)
def test_who_configures_no_portal_sees_no_sample(notifications: InProcess, caller: object) -> None:
    with pytest.raises(Refused) as refused:
        notifications.call(contract.sample_portal_mail, caller, **NAMES)
    assert refused.value.code == "forbidden"
