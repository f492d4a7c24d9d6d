"""Entrypoints of offers."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import offers
from services.referrals.authors.names import with_name_of
from services.referrals.offers import handlers, queries


class OfferEntrypoints:
    """What `Service` offers about offers to several programs."""

    @serves(offers.create_offer)
    def create_offer(self, call: Call) -> Any:
        return with_name_of(call, call.commit(handlers.create_offer), "created_by")

    @serves(offers.get_offer)
    def get_offer(self, call: Call) -> Any:
        return with_name_of(call, call.read(queries.get_offer), "created_by")

    @serves(offers.list_offers)
    def list_offers(self, call: Call) -> Any:
        return with_name_of(call, call.read(queries.list_offers), "created_by")

    @serves(offers.withdraw_offer)
    def withdraw_offer(self, call: Call) -> Any:
        return with_name_of(call, call.commit(handlers.withdraw_offer), "created_by")
