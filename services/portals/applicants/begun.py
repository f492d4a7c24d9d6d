"""What the queue of staff has of an application (S2-111): from when it is begun, where that is wanted, or once it is sent.

Until an application is sent there is no person: its item says the name that was entered and nothing else, and nobody can be
written to. What is wiped takes the name along; the item stays until staff dismiss it.
"""

from __future__ import annotations

from services.chassis.unit_of_work import UnitOfWork
from services.portals.applicants import rules
from services.portals.applicants.models import Application
from services.portals.people.asking import Addressee
from services.portals.portal_queue import items
from services.portals.portal_queue.queries import settings_of

_TYPE = _REFERENCE = "application"


def list_begun(unit: UnitOfWork, row: Application) -> None:
    """Put an application that was begun into the queue, where the organisation wants that."""
    if settings_of(unit.session)["lists_begun_applications"]:
        _add(unit, row, row.id, rules.begun_in_words(rules.number_of(row.id)))


def note_sent(unit: UnitOfWork, row: Application, person_id: str, questionnaires: int) -> None:
    """Let the open item of an application be about its person, or put one into the queue."""
    text = rules.in_words(rules.number_of(row.id), questionnaires)
    item = next((each for each in items.items_of(unit, _REFERENCE, [row.id]) if each.is_open), None)
    if item is None:
        _add(unit, row, person_id, text)
        return
    items.give_person(unit, item, Addressee(person_id, row.first_name, row.last_name), text)
    items.add_step(unit, item, "application_sent")
    items.tell_changed(unit, item)


def note_ended(unit: UnitOfWork, row: Application) -> None:
    """Take the name of an application that was not sent out of the queue and the archive."""
    number = rules.number_of(row.id)
    for item in items.items_of(unit, _REFERENCE, [row.id]):
        items.rewrite(unit, item, number, rules.ended_in_words(number))
        items.add_step(unit, item, "application_ended")
        if item.is_open:
            items.tell_changed(unit, item)


def _add(unit: UnitOfWork, row: Application, person_id: str, text: str) -> None:
    who = Addressee(person_id, row.first_name, row.last_name)
    items.add_item(unit, who, _TYPE, text, account_id=None, portal=row.portal, reference=(_REFERENCE, row.id))
