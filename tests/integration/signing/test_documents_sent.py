"""Documents are sent, found and opened by those who may."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
import time_machine
from pyhanko.sign.fields import MDPPerm

from services.contracts.errors import Refused
from services.contracts.signing import documents
from services.contracts.signing.audit import trail
from services.signing.documents.queries import find_document
from tests.support.in_process import BAYSIDE, HARBOR, a_caller
from tests.support.merged_people import MergedPeople
from tests.support.odd_documents import PLAIN, certified, signed_outside, written

ANA, BEN = "d" * 32, "e" * 32
RECORD = "9" * 32


@pytest.mark.seed("S4-1")
def test_a_sent_document_awaits_the_signature_of_its_recipient(office: Any, pdf: Any) -> None:
    sent = office.send(pdf(pages=3), title="Plan of care")

    assert (sent["state"], sent["standing"]) == ("sent", "awaiting signature")
    assert (sent["pages"], sent["is_signed"], sent["viewed_at"]) == (3, False, None)
    events = office.process.events(documents.signature_requested)
    assert [event["data"] for event in events] == [
        {"document_id": sent["id"], "recipient_account_id": "d" * 32, "sender_account_id": "c" * 32}
    ]
    assert [row.object_id for row in office.process.audit("document.sent")] == [sent["id"]]


@pytest.mark.seed("S4-5")
def test_nothing_is_sent_while_electronic_signature_is_switched_off(office: Any) -> None:
    office.accounts.features = []
    with pytest.raises(Refused) as refused:
        office.send()
    assert refused.value.code == "feature_is_off"
    assert office.titles() == []


def test_a_disabled_account_receives_nothing(office: Any) -> None:
    office.accounts.known[BEN]["state"] = "disabled"
    with pytest.raises(Refused) as refused:
        office.send(recipient_account_id=BEN)
    assert (refused.value.code, refused.value.field) == ("recipient_refused", "recipient_account_id")


@pytest.mark.parametrize("realm", ["family", "patient", "employee", "applicant"])
def test_an_account_of_a_realm_that_cannot_sign_receives_nothing(office: Any, realm: str) -> None:
    office.accounts.known[BEN]["realm"] = realm
    with pytest.raises(Refused) as refused:
        office.send(recipient_account_id=BEN)
    assert (refused.value.code, refused.value.field) == ("recipient_refused", "recipient_account_id")
    assert "send it to a provider's account" in refused.value.detail
    assert office.titles() == []


def test_an_account_whose_role_does_not_sign_receives_nothing(office: Any) -> None:
    office.accounts.known[BEN]["can_sign"] = False
    with pytest.raises(Refused) as refused:
        office.send(recipient_account_id=BEN)
    assert (refused.value.code, refused.value.field) == ("recipient_refused", "recipient_account_id")
    assert "role does not include signing" in refused.value.detail
    assert office.titles() == []


def test_an_unknown_account_receives_nothing(office: Any) -> None:
    with pytest.raises(Refused) as refused:
        office.send(recipient_account_id="0" * 32)
    assert (refused.value.code, refused.value.field) == ("recipient_refused", "recipient_account_id")


@pytest.mark.seed("S4-15")
def test_an_invited_recipient_finds_what_was_sent_before_the_first_login(office: Any) -> None:
    office.send(recipient_account_id=BEN, title="Sent early")
    office.accounts.known[BEN]["state"] = "active"
    assert office.titles(office.ben) == ["Sent early"]


def test_a_document_about_an_unknown_contact_record_is_refused(office: Any) -> None:
    def unknown(_request: Any) -> Any:
        raise Refused("not_found", "There is no such contact record.")

    office.process.answers["referrals.describe_contact_record"] = unknown
    with pytest.raises(Refused) as refused:
        office.send(contact_record_id=RECORD)
    assert (refused.value.code, refused.value.field) == ("not_found", "contact_record_id")


def test_a_document_keeps_the_contact_record_it_is_about(office: Any) -> None:
    office.process.answers["referrals.describe_contact_record"] = lambda request: {
        **request,
        "number": "CR-00000042",
    }
    assert office.send(contact_record_id=RECORD)["contact_record_id"] == RECORD


def test_the_person_whom_a_document_concerns_sees_who_has_opened_it(office: Any) -> None:
    person_id = "7" * 32
    office.process.answers["referrals.describe_contact_record"] = lambda request: {
        **request,
        "number": "CR-00000042",
        "person_id": person_id,
    }
    about_me, about_nobody = office.send(contact_record_id=RECORD), office.send(title="Another")
    for document in (about_me, about_nobody):
        office.call(documents.get_document, office.staff, document_id=document["id"])
        office.call(documents.open_document_file, office.ana, document_id=document["id"])
    office.sign(about_me)

    office.process.answers["identity.describe_person"] = MergedPeople().describe
    me = a_caller(realm="patient", id="8" * 32, scope={"person_id": person_id})
    opened = office.call(trail.openings, me)["items"]
    assert [(each["action"], each["object_id"], each["actor_id"]) for each in opened] == [
        ("document.opened", about_me["id"], office.ana.id),
        ("document.read", about_me["id"], office.staff.id),
    ]
    by_action = {
        row.action: row.person_id for row in office.process.audit() if row.object_id == about_me["id"]
    }
    assert set(by_action.values()) == {person_id}
    other = a_caller(realm="patient", id="8" * 32, scope={"person_id": "6" * 32})
    assert office.call(trail.openings, other)["items"] == []


def _with_script() -> bytes:
    document, output = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    document.save(output)
    return output.getvalue()


def _encrypted() -> bytes:
    document, output = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    document.save(output, encryption=pikepdf.Encryption(owner="o", user="u"))
    return output.getvalue()


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("document_not_pdf", lambda _pdf: b"<html></html>"),
        ("document_active_content", lambda _pdf: _with_script()),
        ("document_encrypted", lambda _pdf: _encrypted()),
        ("document_too_many_pages", lambda pdf: pdf(pages=21)),
        ("document_too_large", lambda _pdf: b"%PDF-1.7\n" + b"0" * 1_000_001),
        ("document_unreadable", lambda pdf: pdf()[:200]),
        ("document_certified", lambda _pdf: certified(MDPPerm.NO_CHANGES)),
    ],
)
@pytest.mark.fault("A18")
def test_a_hostile_or_broken_file_is_refused(office: Any, pdf: Any, code: str, content: Any) -> None:
    with pytest.raises(Refused) as refused:
        office.send(content(pdf))
    assert refused.value.code == code
    assert office.titles() == []


def test_there_is_room_for_all_who_have_to_sign(office: Any) -> None:
    signed_elsewhere = signed_outside(written(PLAIN), ["theirs"])
    for number in range(5):
        office.accounts.known[f"{number:032x}"] = office.accounts.known[ANA]
    signers = [{"account_id": f"{number:032x}"} for number in range(4)]
    reader = {"account_id": f"{4:032x}", "role": "copy"}

    with pytest.raises(Refused) as refused:
        office.send(signed_elsewhere, recipient_account_id=None, recipients=[*signers, reader])
    assert (refused.value.code, refused.value.field) == ("document_signatures_full", "document")
    assert refused.value.detail == "The document has room for 3 signatures, and has 4 signers."

    sent = office.send(signed_elsewhere, recipient_account_id=None, recipients=[*signers[1:], reader])
    assert sent["state"] == "sent"


def test_what_allows_no_signature_may_go_out_on_paper(office: Any) -> None:
    assert office.send_on_paper(certified(MDPPerm.NO_CHANGES))["state"] == "sent"


def test_a_file_that_was_never_uploaded_is_not_found(office: Any) -> None:
    with pytest.raises(Refused) as refused:
        office.send(document={"sha256": "0" * 64, "size": 10})
    assert (refused.value.code, refused.value.field) == ("not_found", "document")


def test_the_file_of_another_organisation_is_not_found(office: Any, pdf: Any) -> None:
    elsewhere = office.upload(pdf("Bayside's secret"), BAYSIDE[0])
    with pytest.raises(Refused) as refused:
        office.send(document=elsewhere)
    assert refused.value.code == "not_found"


def test_the_same_key_sends_once_and_does_not_screen_again(office: Any, pdf: Any) -> None:
    request = {"document": office.upload(pdf()), "title": "Once", "recipient_account_id": "d" * 32}
    first = office.call(documents.send_document, office.staff, key="key-1", **request)
    office.accounts.known.clear()  # another call to identity would be refused now
    assert office.call(documents.send_document, office.staff, key="key-1", **request) == first
    assert office.titles() == ["Once"]


def test_the_same_key_for_another_document_is_refused(office: Any, pdf: Any) -> None:
    office.send(key="key-1", title="One")
    with pytest.raises(Refused) as refused:
        office.send(key="key-1", title="Two")
    assert refused.value.code == "idempotency_key_reused"


@pytest.mark.seed("S4-12")
@pytest.mark.seed("S4-14")
def test_a_provider_sees_pending_and_past_documents_and_only_the_own(office: Any) -> None:
    office.sign(office.send(title="Signed"))
    office.decline(office.send(title="Past"))
    office.send(title="Pending")
    office.send(title="Ben's", recipient_account_id=BEN)

    assert office.titles(office.ana) == ["Pending", "Past", "Signed"]
    assert office.titles(office.ana, state="sent") == ["Pending"]
    assert office.titles(office.ana, state="declined") == ["Past"]
    assert office.titles(office.ana, state="signed") == ["Signed"]
    assert office.titles(office.ben) == ["Ben's"]
    assert office.titles(office.staff) == ["Ben's", "Pending", "Past", "Signed"]


@pytest.mark.parametrize("operation", [documents.get_document, documents.open_document_file])
def test_another_providers_document_is_not_found(office: Any, operation: Any) -> None:
    sent = office.send()
    with pytest.raises(Refused) as refused:
        office.call(operation, office.ben, document_id=sent["id"])
    assert refused.value.code == "not_found"


@pytest.mark.parametrize("operation", [documents.get_document, documents.open_document_file])
def test_another_organisations_document_is_not_found(office: Any, operation: Any) -> None:
    sent = office.send()
    stranger = a_caller("document.read", organisation=BAYSIDE)
    with pytest.raises(Refused) as refused:
        office.call(operation, stranger, document_id=sent["id"])
    assert refused.value.code == "not_found"
    assert office.titles(stranger) == []


@pytest.mark.parametrize("realm", ["patient", "family", None])
def test_any_other_realm_sees_no_document_even_its_recipient(office: Any, realm: str | None) -> None:
    sent = office.send()
    recipient = a_caller("document.read", id="d" * 32, realm=realm)
    assert office.titles(recipient) == []
    with pytest.raises(Refused) as refused:
        office.call(documents.get_document, recipient, document_id=sent["id"])
    assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    ("permissions", "seen"),
    [(("document.read",), True), (("document.send",), True), (("document.sign", "referral.read"), False)],
)
def test_a_system_sees_documents_with_a_permission_for_them(
    office: Any, permissions: tuple[str, ...], *, seen: bool
) -> None:
    sent = office.send()
    system = a_caller(*permissions, id="8" * 32, realm="api")

    with office.process.database.reading(HARBOR[0]) as session:
        found = find_document(session, system, sent["id"])

    assert (found is not None) is seen


def test_the_list_is_read_page_by_page_without_gap_or_repetition(office: Any, pdf: Any) -> None:
    document = office.upload(pdf())
    for number in range(5):
        office.send(document=document, title=f"Document {number}")
    read, after = [], None
    for _ in range(3):
        page = office.call(documents.list_documents, office.staff, limit=2, after=after)
        read += [item["title"] for item in page["items"]]
        after = page["next"]
    assert read == [f"Document {number}" for number in (4, 3, 2, 1, 0)]
    assert after is None


def test_documents_of_one_moment_are_each_on_one_page(office: Any, pdf: Any) -> None:
    document = office.upload(pdf())
    with time_machine.travel(datetime.datetime.now(datetime.UTC), tick=False):
        sent = {office.send(document=document)["id"] for _ in range(3)}
    listed, after = [], None
    for _ in range(3):
        page = office.call(documents.list_documents, office.staff, limit=1, after=after)
        listed += [item["id"] for item in page["items"]]
        after = page["next"]

    assert listed == sorted(sent, reverse=True)
    assert after is None


def test_a_cursor_that_is_not_of_the_callers_list_is_refused(office: Any) -> None:
    sent = office.send()
    with pytest.raises(Refused) as refused:
        office.titles(office.ben, after=sent["id"])
    assert (refused.value.code, refused.value.field) == ("invalid_request", "after")


def test_reading_a_document_is_recorded(office: Any) -> None:
    sent = office.send()
    shown = office.call(documents.get_document, office.ana, document_id=sent["id"])
    assert sent.items() <= shown.items()
    assert [(row.actor_id, row.object_id) for row in office.process.audit("document.read")] == [
        ("d" * 32, sent["id"])
    ]


@pytest.mark.seed("S4-18")
def test_the_recipients_first_opening_is_the_time_of_viewing(office: Any) -> None:
    sent = office.send()

    def opened_by(caller: Any) -> Any:
        office.call(documents.open_document_file, caller, document_id=sent["id"])
        return office.call(documents.get_document, office.staff, document_id=sent["id"])["viewed_at"]

    assert opened_by(office.staff) is None
    first = opened_by(office.ana)
    assert first is not None
    assert opened_by(office.ana) == first
    facts = [row.facts["by_recipient"] for row in office.process.audit("document.opened")]
    assert facts == [False, True, True]


@pytest.mark.seed("S4-18")
def test_what_was_read_before_opening_the_file_may_still_be_signed(office: Any) -> None:
    sent = office.send()
    office.call(documents.open_document_file, office.ana, document_id=sent["id"])
    assert office.sign(sent)["state"] == "signed"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Plan of care", "Plan of care.pdf"),
        ("../../etc/passwd", "etc_passwd.pdf"),
        ("...", "document.pdf"),
        ('a"b\nc', "a_b_c.pdf"),
        ("Überweisung", "Überweisung.pdf"),
    ],
)
def test_the_files_name_is_safe_to_save_under(office: Any, title: str, name: str) -> None:
    sent = office.send(title=title)
    opened = office.call(documents.open_document_file, office.ana, document_id=sent["id"])
    assert opened == {"sha256": sent["sha256"], "file_name": name, "media_type": "application/pdf"}


def test_a_signer_that_fails_leaves_no_half_sent_document(open_office: Callable[..., Any], pdf: Any) -> None:
    office = open_office()
    office.process.answers["identity.describe_account"] = lambda _request: (_ for _ in ()).throw(
        Refused("service_unavailable", "There is no identity service.")
    )
    with pytest.raises(Refused) as refused:
        office.send(pdf())
    assert refused.value.code == "service_unavailable"
    assert (office.titles(), office.process.events()) == ([], [])
