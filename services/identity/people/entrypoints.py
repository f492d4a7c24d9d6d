"""Entrypoints of people."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import people as contract
from services.identity.people import handlers, own_accounts, own_settings, queries
from services.identity.relationships import profiles


class PeopleEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_settings)
    def get_my_settings(self, call: Call) -> Any:
        return call.read(own_settings.get_mine)

    @serves(contract.edit_my_settings)
    def edit_my_settings(self, call: Call) -> Any:
        return call.commit(own_settings.edit_mine)

    @serves(contract.describe_own_settings)
    def describe_own_settings(self, call: Call) -> Any:
        return call.read(own_settings.describe_own_settings)

    @serves(contract.accept_own_settings)
    def accept_own_settings(self, call: Call) -> Any:
        return call.commit(own_settings.accept_own_settings)

    @serves(contract.create_person)
    def create_person(self, call: Call) -> Any:
        return call.commit(handlers.create_person)

    @serves(contract.get_person)
    def get_person(self, call: Call) -> Any:
        answer = call.read(queries.get_person)
        call.note_reading("person.read", "person", answer["id"])
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

    @serves(contract.enable_person)
    def enable_person(self, call: Call) -> Any:
        return call.commit(handlers.enable_person)

    @serves(contract.create_person_account)
    def create_person_account(self, call: Call) -> Any:
        return call.commit(own_accounts.create_person_account)

    @serves(contract.list_person_accounts)
    def list_person_accounts(self, call: Call) -> Any:
        return call.read(own_accounts.list_person_accounts)

    @serves(contract.list_my_profiles)
    def list_my_profiles(self, call: Call) -> Any:
        return call.read(queries.list_my_profiles)

    @serves(contract.get_my_profile)
    def get_my_profile(self, call: Call) -> Any:
        answer = call.read(queries.get_my_profile)

        def note(unit: UnitOfWork) -> None:
            profiles.note_use(unit, answer["person_id"])

        call.transact(note)
        return answer

    @serves(contract.describe_people)
    def describe_people(self, call: Call) -> Any:
        return call.read(queries.describe_people)
