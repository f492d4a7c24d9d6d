"""Permissions that operations of several subjects ask for."""

from __future__ import annotations

from services.contracts.declare import permission

MANAGE_ORGANISATION = permission("organisation.manage")
MANAGE_PEOPLE = permission("person.manage")
READ_PEOPLE = permission("person.read")
