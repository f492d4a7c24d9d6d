"""A page whose address has a number: it reaches the service as a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.web.pages import PAGES as PAGES_OF_ALL
from gateway.web.states import NORMAL
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.notifications import templates
from tests.support.shown_pages import ShownPages

PAGES = ShownPages()
(VERSION,) = (
    page for page in PAGES_OF_ALL if page.address == "/staff/message-texts/{kind}/versions/{number}"
)


def test_the_number_of_an_address_reaches_the_service_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    call = PAGES.services.call

    def noted(operation: Operation, arguments: Mapping[str, Any], context: CallContext) -> Any:
        if operation is templates.compare_message_template_version:
            asked.append(arguments["number"])
        return call(operation, arguments, context)

    monkeypatch.setattr(PAGES.services, "call", noted)
    PAGES._play(VERSION, NORMAL)
    PAGES._http(VERSION, NORMAL, {}).get("/staff/message-texts/message_waiting/versions/3")
    assert asked == [3]
