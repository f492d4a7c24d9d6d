"""Consents in process: the picklist, what a portal requires, signing, refusing, renewing, withdrawing."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import consents as contract
from services.contracts.portals import questionnaires
from tests.support.in_process import BAYSIDE, InProcess, a_caller
from tests.support.questionnaires import a_published

START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
STAFF = a_caller("consent.manage")
PERSON, PORTAL = "9" * 32, "employee"
WORKER = a_caller(realm="employee", id="d" * 32, scope={"person_id": PERSON}, session_id="5" * 32)
COLLEAGUE = a_caller(realm="employee", id="e" * 32, scope={"person_id": "8" * 32})
TEXT = {"title": {"en": "Privacy", "es": "Privacidad"}, "text": {"en": "We keep.", "es": "Guardamos."}}


class Desk:
    """Portals, with a clock, and shortcuts for what people do about consents."""

    def __init__(self, portals: InProcess, clock: Any) -> None:
        self.portals, self.clock = portals, clock

    def __call__(self, operation: Any, caller: Caller = STAFF, **request: Any) -> Any:
        return self.portals.call(operation, caller, **request)

    def a_consent(self, **changed: Any) -> Any:
        return self(contract.create_consent, **(TEXT | changed))

    def require(self, *consents: Any, portal: str = PORTAL, **more: Any) -> Any:
        ids = [each["id"] for each in consents]
        request = {"portal": portal, "consent_ids": ids} | more
        return self(contract.require_consents, **request)

    def mine(self, caller: Caller = WORKER, *languages: str) -> Any:
        return self(contract.list_my_consents, caller, languages=list(languages))

    def due(self, caller: Caller = WORKER) -> list[str]:
        return [each["consent_id"] for each in self.mine(caller)["items"] if each["is_due"]]

    def answer(self, consent: Any, answer: str = "agree", caller: Caller = WORKER, **changed: Any) -> Any:
        (shown,) = [each for each in self.mine(caller)["items"] if each["consent_id"] == consent["id"]]
        request = {each: shown[each] for each in ("consent_id", "text_version", "text_hash")}
        signature = {"typed_name": "Pat Quill", "is_ticked": True} if answer == "agree" else {}
        return self(contract.sign_consent, caller, answer=answer, **(request | signature | changed))

    def renew(self, consent: Any, text: str = "We keep less.", **changed: Any) -> Any:
        version = self(contract.get_consent, consent_id=consent["id"])["version"]
        new = TEXT | {"text": {"en": text}} | changed
        return self(contract.renew_consent_text, consent_id=consent["id"], version=version, **new)

    def events(self, event: Any) -> list[Any]:
        return [each["data"] for each in self.portals.events(event)]


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    with time_machine.travel(START, tick=False) as clock:
        yield Desk(process, clock)
    process.close()


def refusal(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code


@pytest.mark.seed("S2-37")
@pytest.mark.seed("S2-40")
def test_all_consents_that_a_portal_requires_are_due_in_their_order_until_each_is_signed(desk: Desk) -> None:
    first, second = desk.a_consent(), desk.a_consent(title="Photographs", text="We take none.")
    assert desk.mine() == {"items": [], "are_due": False}
    required = desk.require(second, first)
    assert [each["id"] for each in required["consents"]] == [second["id"], first["id"]]
    assert desk(contract.get_required_consents, portal=PORTAL)["items"] == [required]
    assert desk.due() == [second["id"], first["id"]]
    desk.answer(second)
    assert desk.due() == [first["id"]]
    assert desk.mine()["are_due"]
    desk.answer(first)
    assert desk.mine()["are_due"] is False
    assert desk.due(COLLEAGUE) == [second["id"], first["id"]]
    assert desk.due(a_caller(realm="patient")) == []
    desk.require()
    assert desk.mine(COLLEAGUE)["items"] == []
    assert desk(contract.get_required_consents, portal=PORTAL)["items"] == []


@pytest.mark.seed("S2-41")
@pytest.mark.seed("S2-42")
def test_a_signature_keeps_everything_that_was_shown_and_given(desk: Desk) -> None:
    editor = a_caller("questionnaire.manage")
    linked = a_published(desk.portals, editor)
    draft = desk.portals.call(questionnaires.create_questionnaire, editor, title="Draft")
    for unusable, code in (
        ("7" * 32, "questionnaire_not_found"),
        (draft["id"], "questionnaire_not_published"),
    ):
        with pytest.raises(Refused, match=code):
            desk.a_consent(questionnaire_id=unusable)
    consent = desk.a_consent(questionnaire_id=linked)
    desk.require(consent)
    (shown,) = desk.mine(WORKER, "es-MX", "en")["items"]
    assert (shown["language"], shown["title"], shown["text"]) == ("es", "Privacidad", "Guardamos.")
    assert shown["questionnaire_id"] == linked
    written = json.dumps(["Privacidad", "Guardamos."], separators=(",", ":")).encode()
    assert shown["text_hash"] == hashlib.sha256(written).hexdigest()
    assert consent["text_hashes"]["es"] == shown["text_hash"]
    signed = desk.answer(consent, text_hash=shown["text_hash"])
    told = {each: value for each, value in signed.items() if each not in ("id", "at")}
    assert told == {
        "consent_id": consent["id"],
        "text_version": 1,
        "language": "es",
        "title": "Privacidad",
        "text": "Guardamos.",
        "text_hash": shown["text_hash"],
        "decision": "signed",
        "valid_until": None,
        "account_id": WORKER.id,
        "person_id": PERSON,
        "session_id": WORKER.session_id,
        "realm": "employee",
        "typed_name": "Pat Quill",
        "method": "typed_name_and_ticked_box",
    }
    assert signed["at"] == START.isoformat()
    desk.renew(consent)
    desk(contract.retire_consent, consent_id=consent["id"], version=2)
    assert desk(contract.list_my_signed_consents, WORKER)["items"] == [signed]
    assert desk(contract.list_my_signed_consents, COLLEAGUE)["items"] == []
    assert desk(contract.list_signed_consents, person_id=PERSON)["items"] == [signed]
    assert [each.object_id for each in desk.portals.audit("consents.opened")] == [PERSON]
    (audited,) = desk.portals.audit("consent.signed")
    assert "Quill" not in json.dumps(audited.facts)


@pytest.mark.seed("S2-41")
@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"typed_name": None}, ["typed_name"]),
        ({"typed_name": "  "}, ["typed_name"]),
        ({"is_ticked": False}, ["is_ticked"]),
        ({"typed_name": None, "is_ticked": False}, ["typed_name", "is_ticked"]),
    ],
)
def test_agreeing_needs_the_typed_name_and_the_ticked_box(
    desk: Desk, changed: Any, fields: list[str]
) -> None:
    consent = desk.a_consent()
    desk.require(consent)
    with pytest.raises(Refused) as refused:
        desk.answer(consent, **changed)
    assert refused.value.code == "invalid_request"
    told = refused.value.more.get("errors") or [{"field": refused.value.field}]
    assert [each["field"] for each in told] == fields
    assert desk.due() == [consent["id"]]


@pytest.mark.seed("S2-40")
def test_a_refusal_is_kept_and_keeps_the_portal_closed(desk: Desk) -> None:
    consent = desk.a_consent()
    desk.require(consent)
    refused = desk.answer(consent, "refuse")
    assert (refused["decision"], refused["method"]) == ("refused", None)
    assert desk.due() == [consent["id"]]
    assert desk.events(contract.consent_signed) == desk.events(contract.consent_withdrawn) == []
    desk.answer(consent)
    desk.answer(consent, "refuse")
    assert desk.due() == [consent["id"]]
    assert [each["generation"] for each in desk.events(contract.consent_withdrawn)] == [2]


@pytest.mark.seed("S2-43")
@pytest.mark.seed("S2-124")
def test_the_shortest_interval_asks_again_and_none_asks_once(desk: Desk) -> None:
    once, yearly = desk.a_consent(), desk.a_consent(renewal="P1Y")
    desk.require(once, yearly)
    assert desk.answer(once)["valid_until"] is None
    assert desk.answer(yearly)["valid_until"] == START.replace(year=2027).isoformat()
    desk.clock.shift(364 * DAY)
    assert desk.due() == []
    desk.clock.shift(DAY)
    assert desk.due() == [yearly["id"]]
    desk.require(once, yearly, renewal="P30D")
    desk.answer(yearly)
    assert desk.due() == []
    desk.clock.shift(30 * DAY)
    assert desk.due() == [yearly["id"]]
    # Another portal of the realm that asks more often counts as well.
    desk.require(yearly, portal="supervisor", renewal="P1D")
    desk.answer(yearly)
    desk.clock.shift(DAY)
    assert desk.due() == [yearly["id"]]


@pytest.mark.parametrize(
    "renewal", ["", "1Y", "P", "P0D", "PT1S", "-P1Y", "P101Y", "P9999999999Y", "PX", "P1D" * 20]
)
def test_an_interval_that_means_nothing_is_refused(desk: Desk, renewal: str) -> None:
    assert refusal(lambda: desk.a_consent(renewal=renewal)) == "invalid_request"


@pytest.mark.seed("S2-43")
def test_a_new_text_asks_again_and_what_was_shown_before_cannot_be_signed(desk: Desk) -> None:
    consent = desk.a_consent()
    desk.require(consent)
    (before,) = desk.mine()["items"]
    desk.answer(consent)
    desk.renew(consent)
    assert desk.due() == [consent["id"]]
    old = {each: before[each] for each in ("text_version", "text_hash")}
    assert refusal(lambda: desk.answer(consent, **old)) == "consent_outdated"
    assert refusal(lambda: desk.answer(consent, text_hash="0" * 64)) == "consent_outdated"
    desk.answer(consent)
    assert desk.due() == []
    assert [each["text_version"] for each in desk.events(contract.consents_required)] == [1, 2]
    versions = [each["text_version"] for each in desk(contract.list_my_signed_consents, WORKER)["items"]]
    assert sorted(versions) == [1, 2]


def test_what_is_withdrawn_is_due_again(desk: Desk) -> None:
    consent = desk.a_consent()
    desk.require(consent)
    withdraw = {"operation": contract.withdraw_consent, "caller": WORKER, "consent_id": consent["id"]}
    assert refusal(lambda: desk(**withdraw)) == "consent_not_given"
    desk.answer(consent)
    assert desk(**withdraw)["decision"] == "withdrawn"
    assert desk.due() == [consent["id"]]
    assert refusal(lambda: desk(**withdraw)) == "consent_not_given"
    desk.answer(consent)
    generations = [each["generation"] for each in desk.events(contract.consent_signed)]
    assert generations == [1, 3]


def test_a_retired_consent_is_required_nowhere(desk: Desk) -> None:
    consent = desk.a_consent()
    desk.require(consent)
    retired = desk(contract.retire_consent, consent_id=consent["id"], version=1)
    assert retired["is_retired"]
    assert desk.due() == []
    assert [each["is_required"] for each in desk.events(contract.consents_required)] == [True, False]
    assert refusal(lambda: desk.require(consent)) == "consent_retired"
    assert refusal(lambda: desk.renew(consent)) == "consent_retired"
    again = {"consent_id": consent["id"], "version": 2}
    assert refusal(lambda: desk(contract.retire_consent, **again)) == "consent_retired"
    signature = {"text_version": 1, "text_hash": consent["text_hashes"]["en"], "answer": "refuse"}
    assert (
        refusal(lambda: desk(contract.sign_consent, WORKER, consent_id=consent["id"], **signature))
        == "consent_not_required"
    )


def test_consents_are_those_of_the_organisation(desk: Desk) -> None:
    consent = desk.a_consent()
    other = a_caller("consent.manage", organisation=BAYSIDE)
    assert desk(contract.list_consents, other)["items"] == []
    for call in (contract.get_consent, contract.retire_consent):
        assert (
            refusal(lambda call=call: desk(call, other, consent_id=consent["id"], version=1)) == "not_found"
        )
    request = {"portal": PORTAL, "consent_ids": [consent["id"]]}
    assert refusal(lambda: desk(contract.require_consents, other, **request)) == "not_found"
    renewed = TEXT | {"consent_id": consent["id"], "version": 1}
    assert refusal(lambda: desk(contract.renew_consent_text, other, **renewed)) == "not_found"
    assert refusal(lambda: desk(contract.list_consents, a_caller())) == "forbidden"
    assert refusal(lambda: desk(contract.list_my_consents, STAFF)) == "forbidden"


def test_lists_come_in_pages(desk: Desk) -> None:
    made = []
    for number in range(3):
        desk.clock.shift(1)
        made.insert(0, desk.a_consent(title=f"Consent {number}")["id"])
    first = desk(contract.list_consents, limit=2)
    second = desk(contract.list_consents, limit=2, after=first["next"])
    assert [each["id"] for each in (*first["items"], *second["items"])] == made
    assert second["next"] is None


def test_decisions_are_exported_as_fhir(desk: Desk) -> None:
    consent = desk.a_consent(renewal="P1Y")
    desk.require(consent)
    desk.answer(consent, "refuse")
    desk.clock.shift(1)
    desk.answer(consent)
    desk.clock.shift(1)
    desk(contract.withdraw_consent, WORKER, consent_id=consent["id"])
    bundle = desk(contract.export_consents_fhir, person_id=PERSON)["bundle"]
    found = [each["resource"] for each in bundle["entry"]]
    assert [each["status"] for each in found] == ["inactive", "active", "rejected"]
    assert [each["provision"]["type"] for each in found] == ["deny", "permit", "deny"]
    assert found[1]["provision"]["period"]["end"].startswith("2027-03-04")
    assert base64.b64decode(found[1]["sourceAttachment"]["data"]) == b"We keep."
    assert found[1]["patient"]["identifier"]["value"] == PERSON
    assert len(desk.portals.audit("consents.exported")) == 1
