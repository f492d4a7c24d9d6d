"""Documents about a person with two records, and the list of who has opened them."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.signing import documents
from services.contracts.signing.audit import trail
from services.signing.documents.models import Document
from tests.support.in_process import a_caller
from tests.support.merged_people import MERGE, MergedPeople, tell_merged, tell_unmerged

KEPT, MERGED, LATER = "7" * 32, "8" * 32, "9" * 32
RECORD = "5" * 32


@pytest.fixture
def people(office: Any) -> MergedPeople:
    people = MergedPeople()
    office.process.answers["identity.describe_person"] = people.describe
    return people


def about(office: Any, person_id: str, named: str | None = None, **more: Any) -> Any:
    """A document that was sent about this person."""
    office.process.answers["referrals.describe_contact_record"] = lambda request: {
        **request,
        "number": "CR-00000042",
        "person_id": person_id,
        "named_person_id": named or person_id,
    }
    return office.send(contact_record_id=RECORD, **more)


def concerned(office: Any, document: Any) -> str | None:
    with office.process.database.reading(None) as session:
        return session.get(Document, document["id"]).person_id


def opened(office: Any, person_id: str) -> list[str]:
    """The documents whose openings this person sees."""
    me = a_caller(realm="patient", id="6" * 32, scope={"person_id": person_id})
    return [each["object_id"] for each in office.call(trail.openings, me)["items"]]


def read(office: Any, document: Any) -> None:
    office.call(documents.get_document, office.staff, document_id=document["id"])


def test_documents_follow_a_merge_and_its_undoing(office: Any, people: MergedPeople) -> None:
    theirs, own = about(office, MERGED), about(office, KEPT)
    people.merge(KEPT, MERGED)
    tell_merged(office.process, KEPT, MERGED)
    assert [concerned(office, each) for each in (theirs, own)] == [KEPT, KEPT]
    people.undo(MERGED)
    tell_unmerged(office.process, KEPT, MERGED)
    assert [concerned(office, each) for each in (theirs, own)] == [MERGED, KEPT]
    rows = office.process.audit("document.person_changed")
    assert [(row.object_id, row.person_id, row.facts["before"], row.facts["merge_id"]) for row in rows] == [
        (theirs["id"], KEPT, MERGED, MERGE),
        (theirs["id"], MERGED, KEPT, MERGE),
    ]


def test_a_document_sent_while_two_people_are_one_goes_back_with_its_contact_record(
    office: Any, people: MergedPeople
) -> None:
    people.merge(KEPT, MERGED)
    document = about(office, KEPT, named=MERGED)
    people.undo(MERGED)
    tell_unmerged(office.process, KEPT, MERGED)
    assert concerned(office, document) == MERGED


def test_it_does_not_matter_in_which_order_or_how_often_a_merge_is_heard_of(
    office: Any, people: MergedPeople
) -> None:
    document = about(office, MERGED)
    people.merge(KEPT, MERGED)
    people.merge(LATER, KEPT)
    tell_merged(office.process, LATER, KEPT)
    assert concerned(office, document) == LATER
    people.undo(KEPT)
    tell_unmerged(office.process, LATER, KEPT)
    people.undo(MERGED)
    tell_unmerged(office.process, KEPT, MERGED)
    for _ in range(2):
        tell_merged(office.process, KEPT, MERGED)  # the event of a merge that was taken back meanwhile
    assert concerned(office, document) == MERGED


def test_openings_under_the_old_id_are_shown_to_the_person_that_lives_on(
    office: Any, people: MergedPeople
) -> None:
    theirs, own = about(office, MERGED), about(office, KEPT)
    for document in (own, theirs):
        read(office, document)
    assert (opened(office, KEPT), opened(office, MERGED)) == ([own["id"]], [theirs["id"]])
    people.merge(KEPT, MERGED)
    tell_merged(office.process, KEPT, MERGED)
    assert opened(office, KEPT) == [theirs["id"], own["id"]]
    assert opened(office, MERGED) == [theirs["id"]]
    people.undo(MERGED)
    tell_unmerged(office.process, KEPT, MERGED)
    assert (opened(office, KEPT), opened(office, MERGED)) == ([own["id"]], [theirs["id"]])


def test_openings_are_refused_rather_than_shown_in_part_while_identity_is_away(office: Any) -> None:
    with pytest.raises(Refused) as refused:
        opened(office, KEPT)
    assert refused.value.code == "service_unavailable"
