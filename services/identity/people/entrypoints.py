"""Entrypoints of people, contacts, relationships, realms and roles."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import UnitOfWork
from services.contracts import identity_people as contract
from services.identity.people import handlers, own_accounts, profiles, queries, relationships, settings


class PeopleEntrypoints:
    """What `Service` offers about people."""

    @serves(contract.list_realm_settings)
    def list_realm_settings(self, call: Call) -> Any:
        return call.read(settings.list_realm_settings)

    @serves(contract.set_realm_settings)
    def set_realm_settings(self, call: Call) -> Any:
        return call.commit(settings.set_realm_settings)

    @serves(contract.list_roles)
    def list_roles(self, call: Call) -> Any:
        return call.read(settings.list_roles)

    @serves(contract.create_role)
    def create_role(self, call: Call) -> Any:
        return call.commit(settings.create_role)

    @serves(contract.edit_role)
    def edit_role(self, call: Call) -> Any:
        return call.commit(settings.edit_role)

    @serves(contract.create_person)
    def create_person(self, call: Call) -> Any:
        return call.commit(handlers.create_person)

    @serves(contract.get_person)
    def get_person(self, call: Call) -> Any:
        answer = call.read(queries.get_person)
        call.transact(lambda unit: unit.audit("person.read", "person", answer["id"]))
        return answer

    @serves(contract.list_people)
    def list_people(self, call: Call) -> Any:
        return call.read(queries.list_people)

    @serves(contract.search_people)
    def search_people(self, call: Call) -> Any:
        return call.read(queries.search_people)

    @serves(contract.edit_person)
    def edit_person(self, call: Call) -> Any:
        return call.commit(handlers.edit_person)

    @serves(contract.start_person_kind)
    def start_person_kind(self, call: Call) -> Any:
        return call.commit(handlers.start_person_kind)

    @serves(contract.end_person_kind)
    def end_person_kind(self, call: Call) -> Any:
        return call.commit(handlers.end_person_kind)

    @serves(contract.disable_person)
    def disable_person(self, call: Call) -> Any:
        return call.commit(handlers.disable_person)

    @serves(contract.create_person_account)
    def create_person_account(self, call: Call) -> Any:
        return call.commit(own_accounts.create_person_account)

    @serves(contract.add_client_contact)
    def add_client_contact(self, call: Call) -> Any:
        return call.commit(handlers.add_client_contact)

    @serves(contract.list_client_contacts)
    def list_client_contacts(self, call: Call) -> Any:
        answer = call.read(queries.list_client_contacts)
        call.transact(lambda unit: unit.audit("contacts.read", "person", call.request["client_id"]))
        return answer

    @serves(contract.disable_client_contact)
    def disable_client_contact(self, call: Call) -> Any:
        return call.commit(handlers.disable_client_contact)

    @serves(contract.set_account_relationship)
    def set_account_relationship(self, call: Call) -> Any:
        return call.commit(relationships.set_relationship)

    @serves(contract.set_person_relationship)
    def set_person_relationship(self, call: Call) -> Any:
        return call.commit(relationships.set_relationship)

    @serves(contract.end_relationship)
    def end_relationship(self, call: Call) -> Any:
        return call.commit(relationships.end_relationship)

    @serves(contract.list_relationships)
    def list_relationships(self, call: Call) -> Any:
        return call.read(relationships.list_relationships)

    @serves(contract.get_my_profile)
    def get_my_profile(self, call: Call) -> Any:
        answer = call.read(queries.get_my_profile)

        def note(unit: UnitOfWork) -> None:
            profiles.note_use(unit, answer["person_id"])

        call.transact(note)
        return answer

    @serves(contract.describe_login_change)
    def describe_login_change(self, call: Call) -> Any:
        return call.read(queries.describe_login_change)
