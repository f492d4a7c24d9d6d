"""Entrypoints of people, contacts, relationships, realms and roles."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import credentials, family, people, realms
from services.contracts.identity import relationships as relationships_contract
from services.identity.people import handlers, own_accounts, profiles, queries, relationships, settings


class PeopleEntrypoints:
    """What `Service` offers about people."""

    @serves(realms.list_realm_settings)
    def list_realm_settings(self, call: Call) -> Any:
        return call.read(settings.list_realm_settings)

    @serves(realms.set_realm_settings)
    def set_realm_settings(self, call: Call) -> Any:
        return call.commit(settings.set_realm_settings)

    @serves(realms.list_roles)
    def list_roles(self, call: Call) -> Any:
        return call.read(settings.list_roles)

    @serves(realms.create_role)
    def create_role(self, call: Call) -> Any:
        return call.commit(settings.create_role)

    @serves(realms.edit_role)
    def edit_role(self, call: Call) -> Any:
        return call.commit(settings.edit_role)

    @serves(people.create_person)
    def create_person(self, call: Call) -> Any:
        return call.commit(handlers.create_person)

    @serves(people.get_person)
    def get_person(self, call: Call) -> Any:
        answer = call.read(queries.get_person)
        call.transact(lambda unit: unit.audit("person.read", "person", answer["id"]))
        return answer

    @serves(people.list_people)
    def list_people(self, call: Call) -> Any:
        return call.read(queries.list_people)

    @serves(people.search_people)
    def search_people(self, call: Call) -> Any:
        return call.read(queries.search_people)

    @serves(people.edit_person)
    def edit_person(self, call: Call) -> Any:
        return call.commit(handlers.edit_person)

    @serves(people.start_person_kind)
    def start_person_kind(self, call: Call) -> Any:
        return call.commit(handlers.start_person_kind)

    @serves(people.end_person_kind)
    def end_person_kind(self, call: Call) -> Any:
        return call.commit(handlers.end_person_kind)

    @serves(people.disable_person)
    def disable_person(self, call: Call) -> Any:
        return call.commit(handlers.disable_person)

    @serves(people.create_person_account)
    def create_person_account(self, call: Call) -> Any:
        return call.commit(own_accounts.create_person_account)

    @serves(family.add_client_contact)
    def add_client_contact(self, call: Call) -> Any:
        return call.commit(handlers.add_client_contact)

    @serves(family.list_client_contacts)
    def list_client_contacts(self, call: Call) -> Any:
        answer = call.read(queries.list_client_contacts)
        call.transact(lambda unit: unit.audit("contacts.read", "person", call.request["client_id"]))
        return answer

    @serves(family.disable_client_contact)
    def disable_client_contact(self, call: Call) -> Any:
        return call.commit(handlers.disable_client_contact)

    @serves(relationships_contract.set_account_relationship)
    def set_account_relationship(self, call: Call) -> Any:
        return call.commit(relationships.set_relationship)

    @serves(relationships_contract.set_person_relationship)
    def set_person_relationship(self, call: Call) -> Any:
        return call.commit(relationships.set_relationship)

    @serves(relationships_contract.end_relationship)
    def end_relationship(self, call: Call) -> Any:
        return call.commit(relationships.end_relationship)

    @serves(relationships_contract.list_relationships)
    def list_relationships(self, call: Call) -> Any:
        return call.read(relationships.list_relationships)

    @serves(people.get_my_profile)
    def get_my_profile(self, call: Call) -> Any:
        answer = call.read(queries.get_my_profile)

        def note(unit: UnitOfWork) -> None:
            profiles.note_use(unit, answer["person_id"])

        call.transact(note)
        return answer

    @serves(credentials.describe_login_change)
    def describe_login_change(self, call: Call) -> Any:
        return call.read(queries.describe_login_change)
