"""A person is erased: documents that somebody has decided stay with their files, the others go with theirs."""

from __future__ import annotations

from services.contracts.identity import personal_data
from services.contracts.signing.personal_data import answered
from tests.integration.signing.conftest import SigningOffice, a_pdf
from tests.support.in_process import HARBOR

PERSON, JOB, RECORD = "1" * 32, "6" * 32, "5" * 32


def test_files_go_with_undecided_documents_at_once_and_stay_with_signed_ones(office: SigningOffice) -> None:
    process = office.process
    process.answers["identity.describe_personal_data_job"] = lambda _: {
        "kind": "erasure",
        "person_ids": [PERSON],
        "account_ids": [],
    }
    process.answers["referrals.describe_contact_record"] = lambda request: {
        **request,
        "number": "CR-00000042",
        "person_id": PERSON,
        "named_person_id": PERSON,
    }
    shared = a_pdf("Shared")
    signed = office.send(a_pdf("Signed"), contact_record_id=RECORD, title="Plan of Kim")
    office.sign(signed)
    office.send(a_pdf("Undecided"), contact_record_id=RECORD, title="Letter of Kim")
    office.send(shared, contact_record_id=RECORD, title="Leaflet for Kim")
    office.send(shared, title="Leaflet")
    before = len(process.files())
    order = {"job_id": JOB, "person_id": PERSON, "is_erasure": True}
    process.deliver(personal_data.personal_data_ordered, order, event_id="f" * 32)
    process.deliver(personal_data.personal_data_ordered, order, event_id="f" * 32)
    assert sorted(office.titles()) == ["Erased", "Leaflet"]
    # One file: what nobody has decided. The leaflet's is in use elsewhere.
    assert before - len(process.files()) == 1
    assert office.file(signed)
    [answer] = process.events(answered)
    assert answer["data"]["kept_signed"] == 2  # the document and its recipient
    assert answer["data"]["rows"] == 4  # two documents with a recipient each
    assert answer["organisation"] == HARBOR[0]
    [row] = process.audit("person.erased")
    assert (row.object_id, row.facts) == (PERSON, {"job_id": JOB, "rows": 4})
