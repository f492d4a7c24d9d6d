"""What messages call the portal of their recipient, and the product (S2-38, S2-47): the organisation's own words, from portals.

They are kept for a moment, so that a wave of messages asks once. While portals does not answer, the last ones hold, or the usual
ones: no message waits for a name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from services.chassis.runtime import Runtime
from services.contracts.errors import Refused
from services.contracts.portals import configuration
from services.notifications.deliveries.asking import ask
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient

PRODUCT = "Portico"
USUAL = {
    "provider": "Provider Portal",
    "family": "Family Portal",
    "patient": "Patient Portal",
    "employee": "Employee Portal",
    "applicant": "Applicant Portal",
}
KEPT_S = 60.0
_MOST = 10_000

Key = tuple[str, str, str | None]
"""Organisation, realm and language."""


class PortalNames:
    """The names that this process has asked for lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Key, tuple[float, dict[str, str]]] = {}

    def of(self, key: Key, ask: Callable[[], Any]) -> dict[str, str]:
        """`portal_name` and `product_name`. Without a realm that has portals: the product's."""
        realm = key[1]
        if realm not in USUAL:
            return {"portal_name": PRODUCT, "product_name": PRODUCT}
        until, names = self._kept.get(key, (0.0, {"portal_name": USUAL[realm], "product_name": PRODUCT}))
        if self._clock() < until:
            return names
        try:
            answer = ask()
            names = {"portal_name": answer["name"], "product_name": answer["product_name"]}
        except (Refused, NoRecipient):
            pass  # the last ones hold
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = (self._clock() + KEPT_S, names)
        return names


def names_for(runtime: Runtime, delivery: Delivery, realm: str, language: str | None) -> dict[str, str]:
    """What the organisation calls its portal of this realm, and the product, for a message in this language."""
    asked = {"realm": realm, "languages": [language] if language else []}
    return runtime.parts.get(PortalNames, PortalNames).of(
        (delivery.organisation_id, realm, language),
        lambda: ask(runtime, delivery, configuration.describe_portal_names, asked),
    )
