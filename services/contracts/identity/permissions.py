"""Permissions that operations of several subjects ask for."""

from __future__ import annotations

from services.contracts.declare import STAFF, permission

MANAGE_ORGANISATION = permission("organisation.manage")
MANAGE_PEOPLE = permission("person.manage")
MANAGE_CONSENTS = permission("consent.manage", realms=STAFF)
MANAGE_QUESTIONNAIRES = permission("questionnaire.manage", realms=STAFF)
READ_ANSWERS = permission("questionnaire.read_answers", realms=STAFF)
READ_OBSERVATIONS = permission("observation.read", realms=STAFF)
READ_PEOPLE = permission("person.read")
MANAGE_APPOINTMENTS = permission("appointment.manage", realms=STAFF)
