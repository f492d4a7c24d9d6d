"""Entrypoints of the directory in HSDS 3.1."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import hsds
from services.referrals.hsds import queries


class HsdsEntrypoints:
    """What `Service` offers to systems that speak HSDS."""

    @serves(hsds.list_hsds_services)
    def list_hsds_services(self, call: Call) -> Any:
        return call.read(queries.list_hsds_services)

    @serves(hsds.get_hsds_service)
    def get_hsds_service(self, call: Call) -> Any:
        return call.read(queries.get_hsds_service)

    @serves(hsds.list_hsds_organizations)
    def list_hsds_organizations(self, call: Call) -> Any:
        return call.read(queries.list_hsds_organizations)

    @serves(hsds.get_hsds_organization)
    def get_hsds_organization(self, call: Call) -> Any:
        return call.read(queries.get_hsds_organization)
