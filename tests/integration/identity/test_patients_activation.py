"""What patients do without a log-in: self-activation, forgotten password, confirming an e-mail (S3-24 to S3-30)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select, update

from services.contracts.errors import Refused
from services.contracts.identity import credentials, merging, patients, people
from services.identity.models import Person
from services.identity.patients import activation, entrypoints
from services.identity.patients.models import UnverifiedNotice
from tests.integration.identity.conftest import Identity
from tests.integration.identity.test_patients import (
    BORN,
    COMPLETE,
    NEW_PASSWORD,
    a_notifier,
    a_patient,
    access,
    enable,
    enabled,
    invited,
    log_in,
    set_credentials,
)

KNOWN = {
    "email": "ANA@example.org",
    "last_name": "ortiz",
    "date_of_birth": BORN,
    "postal_code": "021 39",
}
START = 1_900_000_000.0


@pytest.fixture(autouse=True)
def _answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrypoints, "answer_time", lambda: 0.0)


def ask(identity: Identity, **entered: Any) -> Any:
    request = {"organisation": "harbor"} | KNOWN | entered
    return identity.call(patients.request_patient_access, **request)


def links(identity: Identity) -> list[dict[str, Any]]:
    return [event["data"] for event in identity.events(credentials.account_invited)]


def notices(identity: Identity) -> list[str]:
    return [event["data"]["notice_id"] for event in identity.events(patients.patient_not_verified)]


@pytest.mark.seed("S3-24", "S3-36")
def test_a_registered_patient_creates_the_account_with_four_data_of_the_record(identity: Identity) -> None:
    enabled(identity)
    assert ask(identity) == {}
    (link,) = links(identity)
    assert link["purpose"] == "invitation"
    token = identity.mint(link["invitation_id"])
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o")
    assert log_in(identity, "ana.o")
    assert notices(identity) == []


@pytest.mark.seed("S3-24")
@pytest.mark.parametrize(
    ("on_file", "typed"),
    [
        ({"postal_code": "94110-1234"}, {"postal_code": "94110"}),
        ({"postal_code": "94110"}, {"postal_code": "941101234"}),
        ({"postal_code": "K1A 0B1"}, {"postal_code": "k1a0b1"}),
        ({"last_name": "O\u2019Rtíz"}, {"last_name": "o'rtiz"}),
        ({"last_name": "Ortiz Díaz"}, {"last_name": "Ortiz-Diaz"}),
        ({"email": "ana@bücher.example"}, {"email": "ana@xn--bcher-kva.example"}),
        ({"email": "ana@straße.example"}, {"email": "ana@Straße.example"}),
    ],
)
def test_the_four_data_match_in_another_spelling(
    identity: Identity, on_file: dict[str, str], typed: dict[str, str]
) -> None:
    enabled(identity, **on_file)
    ask(identity, **typed)
    assert (len(links(identity)), notices(identity)) == (1, [])


@pytest.mark.seed("S3-26")
@pytest.mark.parametrize(
    ("on_file", "typed"),
    [
        ({"postal_code": "94110-1234"}, {"postal_code": "94111"}),
        ({"email": "ana@straße.example"}, {"email": "ana@strasse.example"}),
    ],
)
def test_the_four_data_of_another_place_or_mailbox_do_not_match(
    identity: Identity, on_file: dict[str, str], typed: dict[str, str]
) -> None:
    enabled(identity, **on_file)
    ask(identity, **typed)
    assert (links(identity), len(notices(identity))) == ([], 1)


@pytest.mark.seed("S3-25")
def test_a_forgotten_password_is_replaced_with_the_same_four_data(identity: Identity) -> None:
    set_credentials(identity, enabled(identity), username="ana.o", must_change=False)
    assert ask(identity) == {}
    (link,) = links(identity)
    assert link["purpose"] == "reset"
    token = identity.mint(link["invitation_id"])
    identity.call(credentials.redeem_credential_link, token=token, password="quiet harbor lamp oil")
    assert log_in(identity, "ana.o", "quiet harbor lamp oil")


@pytest.mark.seed("S3-24", "S3-26")
@pytest.mark.parametrize(
    "entered",
    [
        {"email": "other@example.org"},
        {"last_name": "Oritz"},
        {"date_of_birth": "1980-02-28"},
        {"postal_code": "02138"},
    ],
)
def test_what_does_not_match_gets_the_same_answer_and_an_e_mail_without_details(
    identity: Identity, entered: dict[str, str]
) -> None:
    enabled(identity)
    assert ask(identity, **entered) == {}
    assert links(identity) == []
    (notice_id,) = notices(identity)
    assert set(identity.events(patients.patient_not_verified)[0]["data"]) == {"notice_id"}
    told = identity.call(patients.take_unverified_address, a_notifier(identity), notice_id=notice_id)
    assert told == {"email": (KNOWN | entered)["email"], "organisation_name": "Harbor County"}


@pytest.mark.seed("S3-30")
def test_a_patient_without_access_cannot_activate_it_alone(identity: Identity) -> None:
    person_id = a_patient(identity)
    ask(identity)
    assert (links(identity), len(notices(identity))) == ([], 1)
    enable(identity, person_id)
    ask(identity)
    assert len(links(identity)) == 1


def test_two_patients_who_cannot_be_told_apart_get_no_link(identity: Identity) -> None:
    enabled(identity)
    enabled(identity, first_name="Eva")
    ask(identity)
    assert (links(identity), len(notices(identity))) == ([], 1)


def test_another_organisation_s_patient_does_not_match(identity: Identity) -> None:
    enabled(identity)
    identity.an_organisation("bayside")
    assert ask(identity, organisation="bayside") == {}
    assert links(identity) == []
    assert ask(identity, organisation="nowhere") == {}


@pytest.mark.seed("S3-24")
def test_tries_are_counted_alike_whether_or_not_they_match(identity: Identity) -> None:
    enabled(identity)
    for entered in ({}, {"email": "other@example.org"}):
        for _ in range(5):
            ask(identity, **entered)
        with pytest.raises(Refused, match="too_many_requests"):
            ask(identity, **entered)


@pytest.mark.fault("A26")
def test_what_strangers_enter_neither_blocks_the_patient_nor_floods_the_mailbox(identity: Identity) -> None:
    enabled(identity)
    with time_machine.travel(START, tick=False) as clock:
        for number in range(50):
            with contextlib.suppress(Refused):
                request = {"organisation": "harbor"} | KNOWN | {"postal_code": f"{number:05}"}
                identity.call(
                    patients.request_patient_access, client_address=f"192.0.2.{number % 10}", **request
                )
        assert len(notices(identity)) == 1, "the owner of the address is told once"
        identity.call(
            patients.request_patient_access, client_address="198.51.100.9", organisation="harbor", **KNOWN
        )
        (link,) = links(identity)
        clock.shift(24 * 3600)
        ask(identity, postal_code="02138")
        assert len(notices(identity)) == 2
    assert link["purpose"] == "invitation"


def test_four_data_for_many_mailboxes_are_asked_thirty_times_from_one_address(identity: Identity) -> None:
    enabled(identity)

    def request(number: int, client_address: str = "192.0.2.7") -> Any:
        entered = {"organisation": "harbor", **KNOWN, "email": f"person{number}@example.org"}
        return identity.call(patients.request_patient_access, client_address=client_address, **entered)

    with time_machine.travel(START, tick=False):
        for number in range(30):
            assert request(number) == {}
        with pytest.raises(Refused, match="too_many_requests") as refused:
            request(30)
        assert 0 < refused.value.more["retry_after_s"] <= 901
        assert request(31, "198.51.100.9") == {}


@pytest.mark.fault("A26")
def test_asking_with_the_four_data_voids_no_invitation_of_staff(identity: Identity) -> None:
    person_id = enabled(identity)
    token = invited(identity, person_id)
    ask(identity)
    assert len(links(identity)) == 2
    said = identity.call(credentials.inspect_credential_link, token=token)
    assert said["state"] == "usable"
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o")
    assert log_in(identity, "ana.o")


@pytest.mark.fault("A26")
def test_who_knows_the_four_data_fills_no_mailbox(identity: Identity) -> None:
    enabled(identity)
    for number in range(12):
        identity.call(
            patients.request_patient_access,
            client_address=f"192.0.2.{number}",
            organisation="harbor",
            **KNOWN,
        )
    (link,) = links(identity)
    first = identity.mint(link["invitation_id"])
    identity.call(credentials.redeem_credential_link, token=first, password=NEW_PASSWORD, username="ana.o")
    assert log_in(identity, "ana.o")


@pytest.mark.seed("S3-24")
def test_both_answers_come_after_the_same_time(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    enabled(identity)
    monkeypatch.setattr(entrypoints, "answer_time", lambda: time.monotonic() + 0.3)
    for entered in ({}, {"last_name": "Other"}):
        started = time.monotonic()
        ask(identity, **entered)
        assert time.monotonic() - started >= 0.3


@pytest.mark.seed("S3-26")
def test_an_address_gets_one_notice_a_day_and_each_is_forgotten_soon(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(4):
            ask(identity)
        assert len(notices(identity)) == 1
        ask(identity, email="other@example.org")
        first, second = notices(identity)
        notifier = a_notifier(identity)
        for _ in range(2):
            assert identity.call(patients.take_unverified_address, notifier, notice_id=first)
        clock.shift(15 * 60 - 1)
        assert identity.call(patients.take_unverified_address, notifier, notice_id=first)
        clock.shift(1)
        with pytest.raises(Refused, match="not_found"):
            identity.call(patients.take_unverified_address, notifier, notice_id=first)
        assert identity.call(patients.take_unverified_address, notifier, notice_id=second)
        clock.shift(4 * 3600)
        activation.forget_notices(identity.database)
        with identity.database.reading(None) as session:
            assert session.scalar(select(func.count()).select_from(UnverifiedNotice)) == 0


def register(identity: Identity, **entered: Any) -> Any:
    """Send the registration form."""
    form = {"organisation": "harbor", "first_name": "Ana", "last_name": "Ortiz", **COMPLETE} | entered
    return identity.call(patients.register_patient, **form)


def registered(identity: Identity, **entered: Any) -> str:
    """The id of a patient from the registration form."""
    register(identity, **entered)
    return str(identity.audit("patient.registered")[-1].object_id)


@pytest.mark.seed("S3-29")
def test_a_registered_patient_has_access_once_the_e_mail_is_confirmed(either: Identity) -> None:
    person_id = registered(either)
    assert access(either, person_id)["reasons"] == ["access_not_enabled"]
    (link,) = links(either)
    assert link["purpose"] == "verify_email"
    token = either.mint(link["invitation_id"])
    said = either.call(credentials.inspect_credential_link, token=token)
    assert said == {
        "purpose": "verify_email",
        "state": "usable",
        "needs_username": False,
        "first_name": None,
        "masked_username": None,
        "organisation_key": "harbor",
        "organisation_name": "Harbor County",
        "realm": "patient",
    }
    refusal = either.refused(
        credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o"
    )
    assert refusal.code == "link_refused"
    assert either.call(patients.verify_email, token=token) == {"is_enabled": True}
    after = access(either, person_id)
    assert (after["portal_status"], after["email_is_verified"]) == ("unactivated", True)
    assert either.refused(patients.verify_email, token=token).code == "link_refused"
    assert either.audit("patient.access_enabled")[0].facts["way"] == "email_verified"
    ask(either)
    assert links(either)[-1]["purpose"] == "invitation"


@pytest.mark.seed("S3-30")
def test_without_confirmation_access_stays_off_until_staff_enable_it(identity: Identity) -> None:
    person_id = registered(identity)
    ask(identity)
    assert [link["purpose"] for link in links(identity)] == ["verify_email"]
    assert access(identity, person_id)["is_enabled"] is False
    enable(identity, person_id)
    ask(identity)
    assert [link["purpose"] for link in links(identity)] == ["verify_email", "invitation"]


def test_a_password_link_confirms_no_registration(identity: Identity) -> None:
    enabled(identity)
    ask(identity)
    token = identity.mint(links(identity)[0]["invitation_id"])
    assert identity.refused(patients.verify_email, token=token).code == "link_refused"


def test_a_confirmation_without_postal_code_leaves_access_off(identity: Identity) -> None:
    person_id = registered(identity)
    version = access(identity, person_id)["version"]
    identity.call(
        people.edit_person, identity.admin(), version=version, person_id=person_id, postal_code=None
    )
    token = identity.mint(links(identity)[0]["invitation_id"])
    assert identity.call(patients.verify_email, token=token) == {"is_enabled": False}


@pytest.mark.seed("C4")
def test_an_expired_confirmation_brings_another_and_no_password_link(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        registered(identity)
        token = identity.mint(links(identity)[0]["invitation_id"])
        clock.shift(91 * 60)
        assert identity.refused(patients.verify_email, token=token).code == "link_refused"
        identity.call(credentials.request_new_link, token=token)
    assert [link["purpose"] for link in links(identity)] == ["verify_email", "verify_email"]


@pytest.mark.seed("S3-32")
def test_a_link_says_whose_it_is_where_several_patients_have_one_address(identity: Identity) -> None:
    ana, ben = enabled(identity), enabled(identity, first_name="Ben", date_of_birth="2015-05-05")
    set_credentials(identity, ana, username="ana.ortiz", must_change=False)
    admin = identity.admin()

    def said_of(person_id: str) -> tuple[Any, Any]:
        invited = identity.call(patients.invite_patient, admin, person_id=person_id)
        minted = identity.call(
            credentials.mint_credential_link, a_notifier(identity), invitation_id=invited["invitation_id"]
        )
        token = str(minted["link"]).partition("#token=")[2]
        page = identity.call(credentials.inspect_credential_link, token=token)
        names = ("first_name", "masked_username")
        assert [page[name] for name in names] == [minted[name] for name in names]
        return minted["first_name"], minted["masked_username"]

    assert said_of(ana) == ("Ana", "a•••z")
    assert said_of(ben) == ("Ben", None)
    identity.call(patients.disable_patient_access, admin, person_id=ben)
    assert said_of(ana) == (None, None), "nobody else has the address now"


def _edited(identity: Identity, person_id: str) -> None:
    version = access(identity, person_id)["version"]
    identity.call(
        people.edit_person, identity.admin(), version=version, person_id=person_id, email="new@example.org"
    )


def _changed_by_staff(identity: Identity, person_id: str) -> None:
    version = access(identity, person_id)["version"]
    request = {"person_id": person_id, "email": "new@example.org"}
    identity.call(patients.change_patient_email, identity.admin(), version=version, **request)


def _written_by_a_feed(identity: Identity, person_id: str) -> None:
    """On the record alone: the account keeps the address before."""
    with identity.database.reading(None) as session:
        session.execute(update(Person).where(Person.id == person_id).values(email="new@example.org"))
        session.commit()


def _merged(identity: Identity, person_id: str) -> None:
    other = a_patient(identity, email="new@example.org")
    pair = {"kept_id": person_id, "merged_id": other}
    plan = identity.call(merging.preview_merge, identity.admin(), **pair)["plan"]
    request = pair | {"plan": plan, "choices": {"email": "merged"}}
    identity.call(merging.merge_people, identity.admin(), **request)


@pytest.mark.seed("S3-29")
@pytest.mark.fault("A9")
@pytest.mark.parametrize("change", [_edited, _changed_by_staff, _written_by_a_feed, _merged])
def test_a_confirmation_that_was_sent_before_a_change_of_address_verifies_nothing(
    identity: Identity, change: Callable[[Identity, str], None]
) -> None:
    person_id = registered(identity)
    (link,) = links(identity)
    token = identity.mint(link["invitation_id"])
    change(identity, person_id)
    assert access(identity, person_id)["email"] == "new@example.org"
    assert identity.refused(patients.verify_email, token=token).code == "link_refused"
    after = access(identity, person_id)
    assert (after["is_enabled"], after["email_is_verified"]) == (False, False)


@pytest.mark.fault("A9")
@pytest.mark.parametrize("change", [_edited, _changed_by_staff])
def test_a_confirmation_that_is_on_its_way_when_the_address_changes_is_not_made(
    identity: Identity, change: Callable[[Identity, str], None]
) -> None:
    person_id = registered(identity)
    (link,) = links(identity)
    change(identity, person_id)
    with pytest.raises(Refused, match="not_found"):
        identity.mint(link["invitation_id"])


@pytest.mark.fault("A9")
def test_a_link_that_was_sent_before_a_change_of_address_verifies_nothing(identity: Identity) -> None:
    person_id = enabled(identity)
    ask(identity)
    (link,) = links(identity)
    token = identity.mint(link["invitation_id"])
    version = access(identity, person_id)["version"]
    identity.call(
        patients.change_patient_email,
        identity.admin(),
        version=version,
        person_id=person_id,
        email="new@example.org",
        confirm=True,
        attests_email_is_private=True,
    )
    refused = identity.refused(
        credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o"
    )
    assert refused.code == "link_refused"
    assert access(identity, person_id)["email_is_verified"] is False
