"""Entrypoints of the directory in HSDS 3.1."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import hsds
from services.referrals.hsds import at_locations, queries, taxonomies


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

    @serves(hsds.list_hsds_service_at_locations)
    def list_hsds_service_at_locations(self, call: Call) -> Any:
        return call.read(at_locations.list_hsds_service_at_locations)

    @serves(hsds.get_hsds_service_at_location)
    def get_hsds_service_at_location(self, call: Call) -> Any:
        return call.read(at_locations.get_hsds_service_at_location)

    @serves(hsds.list_hsds_taxonomies)
    def list_hsds_taxonomies(self, call: Call) -> Any:
        return call.read(taxonomies.list_hsds_taxonomies)

    @serves(hsds.get_hsds_taxonomy)
    def get_hsds_taxonomy(self, call: Call) -> Any:
        return call.read(taxonomies.get_hsds_taxonomy)

    @serves(hsds.list_hsds_taxonomy_terms)
    def list_hsds_taxonomy_terms(self, call: Call) -> Any:
        return call.read(taxonomies.list_hsds_taxonomy_terms)

    @serves(hsds.get_hsds_taxonomy_term)
    def get_hsds_taxonomy_term(self, call: Call) -> Any:
        return call.read(taxonomies.get_hsds_taxonomy_term)
