"""The questionnaires of the demo can be published, and ask what they are meant to ask."""

from __future__ import annotations

from typing import Any

import pytest

from deploy import demo_questionnaires as demo
from services.portals.questionnaires import answering
from services.portals.questionnaires import form as forms
from tests.support.questionnaires import a_form


@pytest.mark.parametrize(
    ("title", "items", "settings"),
    [
        (demo.RESPIRATOR, demo.RESPIRATOR_ITEMS, demo.RESPIRATOR_SETTINGS),
        (demo.INJURY, demo.INJURY_ITEMS, demo.INJURY_SETTINGS),
    ],
)
def test_nothing_has_to_be_mended(title: str, items: Any, settings: Any) -> None:
    assert forms.problems(title, a_form(*items, **settings)) == []


@pytest.mark.seed("S2-25")
def test_each_state_asks_its_own() -> None:
    form = a_form(*demo.INJURY_ITEMS, **demo.INJURY_SETTINGS)
    asked = {
        state: {item["id"] for _, item in forms.walk(answering.asked(form, {}, state))}
        for state in ("us-ca", "us-wa", "other")
    }
    assert asked["us-ca"] - asked["other"] == {"state", "dwc-1", "interpreter"}
    assert asked["us-wa"] - asked["other"] == {"state", "physician", "county"}


def test_breath_that_is_bad_tells_the_department() -> None:
    form = a_form(*demo.RESPIRATOR_ITEMS, **demo.RESPIRATOR_SETTINGS)
    assert answering.departments(form, {"breath-scale": 6, "talk": False}) == []
    told = answering.departments(form, {"breath-scale": 7})
    assert told == [{"department": "occupational-health", "item": "breath-scale"}]
