"""A document goes to several recipients: together or in order, by account or by address, and is done when all have signed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine

from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.contracts.signing import follow_up
from services.signing.follow_up.reminders import expire, remind
from services.signing.pdf.validity import verify
from tests.support.in_process import a_caller

ANA, BEN, CYD, DOT = "d" * 32, "e" * 32, "c1" * 16, "d2" * 16
START = datetime.datetime.now(datetime.UTC).replace(hour=12) + datetime.timedelta(days=1)


@contextmanager
def refused(code: str, field: str | None = None) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code
    if field is not None:
        assert field in (caught.value.field or "")


@pytest.fixture
def office(office: Any) -> Any:
    """With Cyd and Dot, and identity that knows or makes accounts of addresses."""
    addresses = {"ben@clinic.example": BEN}

    def find_or_invite(request: Mapping[str, Any]) -> dict[str, Any]:
        items = []
        for each in request["people"]:
            account_id = addresses.setdefault(each["email"].casefold(), f"{len(addresses):032x}")
            unknown = {"email": each["email"], "state": "invited", "first_name": None, "last_name": None}
            office.accounts.known.setdefault(account_id, unknown)
            items.append({"email": each["email"], "account_id": account_id})
        return {"items": items}

    office.process.answers["identity.find_or_invite_signers"] = find_or_invite
    for account_id, name in ((CYD, "Cyd"), (DOT, "Dot")):
        office.accounts.known[account_id] = {
            "first_name": name, "last_name": "Vale", "email": f"{name}@clinic.example", "state": "active",
        }  # fmt: skip
    office.cyd = provider(CYD)
    office.dot = provider(DOT)
    return office


def day(number: int) -> str:
    """A day so many days after the start."""
    return (START + datetime.timedelta(days=number)).date().isoformat()


def provider(account_id: str) -> Any:
    return a_caller("document.read", "document.sign", id=account_id, realm="provider")


def send(office: Any, *recipients: dict[str, Any], **changed: Any) -> Any:
    return office.send(recipient_account_id=None, recipients=list(recipients), **changed)


def get(office: Any, document: Any, caller: Any = None) -> Any:
    return office.call(contract.get_document, caller or office.staff, document_id=document["id"])


def states(office: Any, document: Any) -> list[str]:
    return [each["state"] for each in get(office, document)["recipients"]]


def asked(office: Any) -> list[str]:
    return [
        each["data"]["recipient_account_id"] for each in office.process.events(contract.signature_requested)
    ]


def by(office: Any, document: Any, caller: Any, **changed: Any) -> Any:
    return office.sign(get(office, document, caller), caller=caller, **changed)


def delegate(office: Any, document: Any, caller: Any, email: str = "new@clinic.example") -> Any:
    version = get(office, document, caller)["version"]
    return office.call(
        contract.delegate_document, caller, version=version, document_id=document["id"], email=email
    )


def test_in_parallel_all_are_asked_at_once_and_it_is_signed_when_the_last_has_signed(office: Any) -> None:
    sent = send(office, {"account_id": ANA}, {"email": "Ben@Clinic.example"})
    assert asked(office) == [ANA, BEN]
    assert (sent["signatures_wanted"], sent["signatures_done"], sent["recipient_account_id"]) == (2, 0, ANA)
    first = by(office, sent, office.ben)
    assert (first["state"], first["signatures_done"]) == ("sent", 1)
    assert not office.process.events(contract.document_signed)
    assert office.titles(state="sent") == ["Plan of care"]
    assert office.titles(office.ben, is_decided=False) == []
    assert office.titles(office.ben, is_decided=True) == ["Plan of care"]
    with refused("already_decided"):
        by(office, sent, office.ben)
    last = by(office, sent, office.ana)
    assert (last["state"], last["standing"], last["signatures_done"]) == ("signed", "signed, to return", 2)
    assert [e["data"]["recipient_account_id"] for e in office.process.events(contract.document_signed)] == [
        ANA
    ]
    checked = verify(office.file(last), trust_roots=[office.authority().certificate])
    assert checked.is_valid
    assert [each.field_name for each in checked.signatures] == [
        f"Signature-{each['id']}" for each in reversed(get(office, last)["recipients"])
    ]
    assert office.file(sent) == office.file(last)[: len(office.file(sent))]


def test_in_order_the_next_is_asked_and_sees_it_only_after_those_before_have_signed(office: Any) -> None:
    sent = send(
        office,
        {"account_id": BEN, "turn": 7, "role": "approver"},
        {"account_id": ANA, "turn": 2},
        {"account_id": CYD, "turn": 7, "role": "viewer"},
        {"account_id": DOT, "turn": 1, "role": "copy"},
    )
    assert asked(office) == [ANA]
    assert states(office, sent) == ["waiting", "asked", "waiting", "waiting"]
    for caller in (office.ben, office.cyd, office.dot):
        with refused("not_found"):
            get(office, sent, caller)
        assert office.titles(caller) == []
    by(office, sent, office.ana)
    assert asked(office) == [ANA, BEN]
    shared = lambda: [e["data"]["account_ids"] for e in office.process.events(contract.document_shared)]  # noqa: E731
    assert shared() == [[CYD]]
    assert get(office, sent, office.cyd)["actions"] == []
    with refused("forbidden"):
        by(office, sent, office.cyd)
    with refused("invalid_request", "meaning"):
        by(office, sent, office.ben, meaning="review")
    assert by(office, sent, office.ben)["state"] == "signed"
    assert shared() == [[CYD], [DOT]]
    assert get(office, sent, office.dot)["own_role"] == "copy"
    assert states(office, sent) == ["signed", "signed", "told", "told"]


def test_a_decline_ends_it_and_is_told_to_the_sender_and_to_those_who_have_signed(office: Any) -> None:
    sent = send(office, {"account_id": ANA}, {"account_id": BEN}, {"account_id": CYD}, {"account_id": DOT, "turn": 2})  # fmt: skip
    by(office, sent, office.ana)
    declined = office.decline(get(office, sent, office.ben), "Wrong dose.", caller=office.ben)
    assert (declined["state"], declined["note"]) == ("declined", "Wrong dose.")
    (told,) = office.process.events(contract.document_declined)
    assert (told["data"]["recipient_account_id"], told["data"]["sender_account_id"]) == (BEN, "c" * 32)
    (others,) = office.process.events(contract.signed_document_declined)
    assert others["data"] == {"document_id": sent["id"], "account_ids": [ANA]}
    assert states(office, sent) == ["signed", "declined", "ended", "ended"]
    with refused("already_decided"):
        by(office, sent, office.cyd)
    with refused("not_found"):
        get(office, sent, office.dot)
    assert office.titles(report="unsigned") == ["Plan of care"]
    assert get(office, sent)["actions"] == ["replace"]


def test_a_provider_does_not_learn_what_others_noted_or_opened(office: Any) -> None:
    sent = send(office, {"account_id": ANA}, {"account_id": BEN})
    office.call(contract.open_document_file, office.ana, document_id=sent["id"])
    by(office, sent, office.ana, note="Between the sender and me.")
    shown = get(office, sent, office.ben)
    first, own = shown["recipients"]
    assert (first["name"], first["state"], own["account_id"]) == ("Ana R.", "signed", BEN)
    assert [first[name] for name in ("account_id", "note", "viewed_at")] == [None] * 3
    assert [shown[name] for name in ("note", "meaning", "viewed_at", "decided_at")] == [None] * 4
    assert "Between" not in str(shown)
    assert "Between" in str(get(office, sent)["recipients"])
    (listed,) = office.call(contract.list_documents, office.ben)["items"]
    assert "Between" not in str(listed)


def test_an_address_without_an_account_gets_one_and_finds_the_document(office: Any) -> None:
    sent = send(office, {"email": "new@clinic.example", "first_name": "Nel"}, {"email": "BEN@clinic.example"})
    new = get(office, sent)["recipients"][0]["account_id"]
    assert asked(office) == [new, BEN]
    assert by(office, sent, provider(new))["signatures_done"] == 1


@pytest.mark.parametrize(
    ("recipients", "field"),
    [
        ([{}], "recipients.0.email"),
        ([{"account_id": ANA, "email": "a@b.example"}], "recipients.0.email"),
        ([{"account_id": ANA}, {"account_id": ANA}], "recipients"),
        ([{"email": "a@b.example"}, {"email": "A@b.example"}], "recipients"),
        ([{"account_id": ANA, "role": "viewer"}, {"account_id": BEN, "role": "copy"}], "recipients"),
        ([{"account_id": f"{n:032x}"} for n in range(13)], "recipients"),
        ([{"account_id": f"{n:032x}", "role": "copy"} for n in range(21)], "recipients"),
        ([{"account_id": ANA, "turn": 0}], "recipients.0.turn"),
        ([{"account_id": ANA, "expires_on": "2020-01-01"}], "recipients.0.expires_on"),
    ],
)
def test_recipients_that_cannot_be_are_refused(office: Any, recipients: list[Any], field: str) -> None:
    with refused("invalid_request", field):
        send(office, *recipients)


def test_recipients_belong_to_a_mail_and_are_named_in_one_way(office: Any) -> None:
    with refused("invalid_request", "recipient_account_id"):
        office.send(recipients=[{"account_id": BEN}])
    with refused("invalid_request", "recipients"):
        office.send_on_paper(recipients=[{"account_id": BEN}])
    with refused("recipient_refused", "recipients.1.email"):
        send(office, {"account_id": BEN}, {"email": "ben@clinic.example"})
    office.accounts.known[CYD]["realm"] = "patient"
    with refused("recipient_refused", "recipients.1.account_id"):
        send(office, {"account_id": ANA}, {"account_id": CYD})
    office.accounts.features = []
    with refused("feature_is_off"):
        send(office, {"account_id": ANA})


def test_where_the_sender_allows_it_somebody_else_signs_instead(office: Any) -> None:
    sent = send(office, {"account_id": ANA}, {"account_id": BEN}, may_delegate=True)
    assert get(office, sent, office.ana)["actions"] == ["sign", "decline", "delegate"]
    with refused("recipient_refused", "email"):
        delegate(office, sent, office.ana, "ben@clinic.example")
    delegate(office, sent, office.ana)
    assert get(office, sent, office.ana)["own_standing"] == "handed_on"
    with refused("already_decided"):
        by(office, sent, office.ana)
    new = asked(office)[-1]
    assert get(office, sent, provider(new))["actions"] == ["sign", "decline"]
    with refused("forbidden"):
        delegate(office, sent, provider(new), "third@clinic.example")
    by(office, sent, provider(new))
    assert by(office, sent, office.ben)["state"] == "signed"
    assert states(office, sent) == ["delegated", "signed", "signed"]


def test_without_the_senders_word_nobody_delegates_and_no_account_is_made(office: Any) -> None:
    sent = send(office, {"account_id": ANA})
    office.process.answers["identity.find_or_invite_signers"] = None
    with refused("forbidden"):
        delegate(office, sent, office.ana)
    with refused("not_found"):
        office.call(
            contract.delegate_document, office.ben, version=1, document_id=sent["id"], email="a@b.example"
        )


def test_a_signer_whose_last_day_has_passed_is_asked_no_more_until_the_sender_gives_more_time(
    office: Any,
) -> None:
    with time_machine.travel(START, tick=False):
        sent = send(office, {"account_id": ANA, "expires_on": day(2)}, {"account_id": BEN})
    with time_machine.travel(START + datetime.timedelta(days=3), tick=False):
        expire(office.process.runtime)
        assert not office.process.events(contract.signature_request_expired)
    with time_machine.travel(START + datetime.timedelta(days=4), tick=False):
        with refused("already_decided"):
            by(office, sent, office.ana)
        assert get(office, sent, office.ana)["actions"] == []
        expire(office.process.runtime)
        expire(office.process.runtime)
        remind(office.process.runtime)
        (told,) = office.process.events(contract.signature_request_expired)
        assert told["data"]["recipient_account_id"] == ANA
        reminded = [
            e["data"]["recipient_account_id"] for e in office.process.events(follow_up.signature_reminded)
        ]
        assert reminded == [BEN]
        assert states(office, sent) == ["expired", "asked"]
        with refused("already_decided"):
            by(office, sent, office.ana)
    with time_machine.travel(START + datetime.timedelta(days=5), tick=False):
        again = lambda **day: office.call(  # noqa: E731
            follow_up.remind_signer, office.staff, version=sent["version"], document_id=sent["id"], **day
        )
        with refused("invalid_request", "expires_on"):
            again(expires_on=day(4))
        again(expires_on=day(8))
        assert by(office, sent, office.ana)["signatures_done"] == 1


def test_where_the_sender_wants_it_every_page_is_seen_before_the_signature(office: Any) -> None:
    sent = send(office, {"account_id": ANA}, {"account_id": BEN}, must_see_pages=True)
    seen = lambda number, caller: office.call(  # noqa: E731
        contract.open_document_page, caller, document_id=sent["id"], number=number
    )
    seen(1, office.ana)
    seen(2, office.ben)
    with refused("pages_unseen"):
        by(office, sent, office.ana)
    seen(2, office.ana)
    by(office, sent, office.ana)
    seen(3, office.ben)  # the signatures' own page does not count
    with refused("pages_unseen"):
        by(office, sent, office.ben)


def test_a_copy_on_paper_ends_it_for_all(office: Any) -> None:
    sent = send(office, {"account_id": ANA}, {"account_id": BEN, "turn": 2})
    attached = office.attach(sent, office.file(sent))
    assert (attached["state"], attached["signatures_done"]) == ("signed", 2)
    assert states(office, sent) == ["ended", "ended"]


def test_staff_who_sign_list_what_waits_for_them_apart_from_what_waits_for_anybody(office: Any) -> None:
    clerk = a_caller("document.read", "document.sign", id=CYD)
    sent = send(office, {"account_id": ANA}, {"account_id": CYD})
    send(office, {"account_id": ANA}, title="Of Ana")
    lists = lambda **filters: office.titles(clerk, **filters)  # noqa: E731
    assert lists(is_mine=True, is_decided=False) == ["Plan of care"]
    by(office, sent, clerk)
    assert lists(is_mine=True, is_decided=False) == []
    assert lists(is_mine=True, is_decided=True) == ["Plan of care"]
    assert sorted(lists(is_decided=False)) == ["Of Ana", "Plan of care"]
    assert lists(is_decided=True) == []
