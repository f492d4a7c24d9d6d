"""The electronic registration form, which anybody can send (S3-29, S3-30)."""

from __future__ import annotations

import pytest
import time_machine
from sqlalchemy import func, select

from services.contracts.errors import Refused
from services.contracts.identity import organisations, patients, people, realms
from services.identity.models import Person
from services.identity.patients import entrypoints
from services.identity.patients.rules import REGISTRATION_MAIL_LIMIT
from tests.integration.identity.conftest import Identity
from tests.integration.identity.test_patients import COMPLETE, a_patient, access, enable
from tests.integration.identity.test_patients_activation import links, notices, register, registered

START = 1_900_000_000.0


@pytest.fixture(autouse=True)
def _answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrypoints, "answer_time", lambda: 0.0)


def people_in(identity: Identity) -> int:
    with identity.database.reading(identity.harbor.organisation_id) as session:
        return int(session.scalar(select(func.count()).select_from(Person)) or 0)


@pytest.mark.seed("S3-29", "S3-30")
def test_staff_see_who_has_registered_and_who_may_be_known_already(identity: Identity) -> None:
    admin = identity.admin()
    old = a_patient(identity, email="old@example.org")
    new = registered(identity, street="5 Elm Street", mobile_phone="555-0100")
    line = access(identity, new)
    assert (line["origin"], line["colour"], line["probable_doubles"]) == ("registered", "red", [old])
    assert access(identity, old)["origin"] == "staff"
    listed = identity.call(patients.list_patient_access, admin, origin="registered")["items"]
    assert [each["person_id"] for each in listed] == [new]
    person = identity.call(people.get_person, admin, person_id=new)
    assert (person["street"], person["mobile_phone"], person["kinds"]) == (
        "5 Elm Street", "555-0100", ["patient"],
    )  # fmt: skip


@pytest.mark.seed("S3-29")
def test_a_known_patient_gets_the_mail_that_is_next_and_no_second_record(either: Identity) -> None:
    staff_made = a_patient(either)
    before = people_in(either)
    assert register(either) == {}
    assert (len(notices(either)), links(either)) == (
        1,
        [],
    )  # access is off: the mail leads to the organisation
    enable(either, staff_made)
    assert register(either, first_name="ana", last_name="ORTIZ", postal_code="021-39") == {}
    assert [each["purpose"] for each in links(either)] == ["invitation"]
    assert people_in(either) == before


@pytest.mark.seed("S3-30")
def test_registering_again_brings_the_confirmation_again_and_no_second_record(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        person_id = registered(identity)
        clock.shift(7200)
        assert register(identity) == {}
        assert register(identity) == {}  # once an hour
        assert [each["purpose"] for each in links(identity)] == ["verify_email", "verify_email"]
        assert registered(identity, first_name="Twin") != person_id


def test_an_address_that_is_anothers_log_in_is_not_told_to_whoever_asks(identity: Identity) -> None:
    admin = identity.admin()
    shown = identity.call(realms.list_realm_settings, admin)["items"]
    version = next(each["version"] for each in shown if each["realm"] == "patient")
    identity.call(realms.set_realm_settings, admin, version=version, realm="patient", login_id="email")
    registered(identity)
    other = registered(identity, first_name="Ben")
    assert [each["purpose"] for each in links(identity)] == ["verify_email"]
    assert len(notices(identity)) == 1
    assert access(identity, other)["account_id"] is None


def test_an_organisation_that_takes_no_registrations_looks_like_one_that_does_not_exist(
    identity: Identity,
) -> None:
    form = identity.call(patients.describe_registration, organisation="harbor")
    assert form == {"organisation_name": "Harbor County", "asks_address": True, "asks_insurance": False}
    admin = identity.admin()
    version = identity.call(organisations.get_organisation, admin)["version"]
    identity.call(organisations.set_features, admin, version=version, features=["referralq"])

    form = {"first_name": "Ana", "last_name": "Ortiz", **COMPLETE}
    for operation, members in ((patients.describe_registration, {}), (patients.register_patient, form)):
        said = [
            identity.refused(operation, organisation=organisation, **members)
            for organisation in ("harbor", "nowhere")
        ]
        assert {(each.code, each.detail) for each in said} == {("feature_is_off", said[0].detail)}
    assert links(identity) == []


def test_the_form_asks_what_the_organisation_wants_to_know(identity: Identity) -> None:
    admin = identity.admin()
    version = identity.call(patients.get_patient_settings, admin)["version"]
    saved = identity.call(
        patients.set_patient_settings, admin, version=version, asks_address=False, asks_insurance=True
    )
    assert (saved["enables_automatically"], saved["asks_insurance"]) == (False, True)
    form = identity.call(patients.describe_registration, organisation="harbor")
    assert (form["asks_address"], form["asks_insurance"]) == (False, True)
    person_id = registered(identity, insurer="Blue Sky", insurance_number="B-17")
    person = identity.call(people.get_person, admin, person_id=person_id)
    assert (person["insurer"], person["insurance_number"]) == ("Blue Sky", "B-17")
    edited = identity.call(
        people.edit_person, admin, person_id=person_id, version=person["version"], insurer=None
    )
    assert edited["insurer"] is None


@pytest.mark.fault("A26")
def test_registrations_are_bounded_by_origin_and_by_mailbox(identity: Identity) -> None:
    for number in range(5):
        register(identity, first_name="Ana" + "a" * number)
    with pytest.raises(Refused, match="too_many_requests") as caught:
        register(identity, first_name="Anab")
    assert caught.value.more["retry_after_s"] > 0
    before = people_in(identity)
    for number in range(REGISTRATION_MAIL_LIMIT.most):  # from other places: the answer stays the same
        form = {"first_name": "Bea" + "a" * number, "client_address": f"192.0.2.{number}"}
        assert register(identity, **form) == {}
    assert len(links(identity)) == REGISTRATION_MAIL_LIMIT.most
    assert people_in(identity) == before + 1


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "see http:x",
        "Call 555",
        "a@b",
        "<b>Ana",
        "evil\u3002example",
        "evil\uff61example",
        "evil\u2024example",
        "Ana\u2028Ortiz",
        "A\u200bna",
    ],
)
def test_a_name_that_a_mail_would_make_a_link_of_is_refused(identity: Identity, name: str) -> None:
    with pytest.raises(Refused) as caught:
        register(identity, first_name=name)
    assert caught.value.more["errors"][0]["field"] == "first_name"
    assert register(identity, first_name="Zoë-Mae J. O'Neill (Jr.)") == {}
