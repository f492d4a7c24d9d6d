"""Patients' portal status, enabling, invitations, manual credentials, cautious changes of the e-mail (S3-20 to S3-46)."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest
import time_machine

from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, patients, people, realms
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.support.in_process import a_service

NEW_PASSWORD = "copper kettle under snow"
BORN = "1980-02-29"
COMPLETE = {"email": "ana@example.org", "postal_code": "02139", "date_of_birth": BORN}


def a_patient(identity: Identity, **members: Any) -> str:
    """The id of a new patient."""
    known = {"first_name": "Ana", "last_name": "Ortiz", **COMPLETE} | members
    person = identity.call(people.create_person, identity.admin(), kinds=["patient"], **known)
    return str(person["id"])


def enabled(identity: Identity, **members: Any) -> str:
    """The id of a patient whose access is enabled."""
    person_id = a_patient(identity, **members)
    enable(identity, person_id)
    return person_id


def enable(identity: Identity, person_id: str) -> dict[str, Any]:
    return dict(
        identity.call(
            patients.enable_patient_access,
            identity.admin(),
            person_id=person_id,
            attests_email_is_private=True,
        )
    )


def access(identity: Identity, person_id: str) -> dict[str, Any]:
    return dict(identity.call(patients.get_patient_access, identity.admin(), person_id=person_id))


def invited(identity: Identity, person_id: str) -> str:
    """The token of an invitation link."""
    answer = identity.call(patients.invite_patient, identity.admin(), person_id=person_id)
    return identity.mint(answer["invitation_id"])


def log_in(identity: Identity, username: str, password: str = NEW_PASSWORD, **more: Any) -> Any:
    return identity.log_in(username, password, realm="patient", **more)


@pytest.mark.seed("S3-20", "S3-21", "S3-22", "S3-23")
def test_the_status_is_inactive_with_reasons_then_unactivated_then_active(identity: Identity) -> None:
    person_id = a_patient(identity, email=None, postal_code=None)
    before = access(identity, person_id)
    assert before["portal_status"] == "inactive"
    assert before["reasons"] == ["access_not_enabled", "no_email", "no_postal_code"]
    person_id = a_patient(identity)
    assert access(identity, person_id)["reasons"] == ["access_not_enabled"]
    after = enable(identity, person_id)
    assert (after["portal_status"], after["reasons"]) == ("unactivated", [])
    token = invited(identity, person_id)
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o")
    assert access(identity, person_id)["portal_status"] == "unactivated"
    log_in(identity, "Ana.O")
    assert access(identity, person_id)["portal_status"] == "active"
    assert identity.audit("patient_access.read")


@pytest.mark.seed("S3-27")
def test_access_is_switched_on_and_off_and_off_ends_it_at_once(identity: Identity) -> None:
    person_id = enabled(identity)
    token = invited(identity, person_id)
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o")
    session = log_in(identity, "ana.o")["token"]
    assert identity.caller(session).scope["profiles"][0]["person_id"] == person_id
    another = invited(identity, person_id)
    after = identity.call(patients.disable_patient_access, identity.admin(), person_id=person_id)
    assert (after["portal_status"], after["reasons"]) == ("inactive", ["access_not_enabled"])
    assert not identity.holds(session)
    refusal = identity.refused(credentials.redeem_credential_link, token=another, password=NEW_PASSWORD)
    assert refusal.code == "link_refused"
    with pytest.raises(Refused, match="credentials_refused"):
        log_in(identity, "ana.o")
    assert enable(identity, person_id)["portal_status"] == "active"
    assert log_in(identity, "ana.o")
    assert [row.facts["way"] for row in identity.audit("patient.access_enabled")] == ["staff", "staff"]
    assert len(identity.audit("patient.access_disabled")) == 1


@pytest.mark.seed("S3-31")
@pytest.mark.parametrize("missing", ["email", "postal_code"])
def test_enabling_needs_e_mail_and_postal_code_and_names_what_is_missing(
    identity: Identity, missing: str
) -> None:
    person_id = a_patient(identity, **{missing: None})
    refusal = identity.refused(
        patients.enable_patient_access, identity.admin(), person_id=person_id, attests_email_is_private=True
    )
    assert (refusal.code, refusal.status, refusal.field) == ("details_missing", 422, missing)
    assert access(identity, person_id)["is_enabled"] is False


@pytest.mark.seed("S3-34")
def test_enabling_needs_the_attestation_and_notes_who_gave_it(identity: Identity) -> None:
    person_id, admin = a_patient(identity), identity.admin()
    refusal = identity.refused(
        patients.enable_patient_access, admin, person_id=person_id, attests_email_is_private=False
    )
    assert (refusal.status, refusal.field) == (422, "attests_email_is_private")
    missing = identity.refused(patients.enable_patient_access, admin, person_id=person_id)
    assert (missing.code, missing.field) == ("invalid_request", "attests_email_is_private")
    after = enable(identity, person_id)
    assert after["attested_by"] == admin.id
    assert after["attested_at"] is not None


@pytest.mark.seed("S3-28")
def test_patients_whom_staff_add_are_enabled_where_the_organisation_wants_it(identity: Identity) -> None:
    admin = identity.admin()
    assert access(identity, a_patient(identity))["is_enabled"] is False
    settings = identity.call(patients.get_patient_settings, admin)
    identity.call(
        patients.set_patient_settings, admin, version=settings["version"], enables_automatically=True
    )
    after = access(identity, a_patient(identity))
    assert (after["portal_status"], after["attested_by"]) == ("unactivated", None)
    assert access(identity, a_patient(identity, email=None))["is_enabled"] is False
    client = identity.call(people.create_person, admin, kinds=["client"], last_name="Ortiz", **COMPLETE)
    identity.call(people.start_person_kind, admin, person_id=client["id"], kind="patient")
    assert access(identity, client["id"])["is_enabled"] is True


@pytest.mark.seed("S3-34")
def test_access_that_is_given_again_asks_for_the_attestation_again(identity: Identity) -> None:
    person_id, first = enabled(identity), identity.admin()
    other = identity.caller(identity.log_in(identity.an_account("admin")["login"])["token"])
    set_credentials(identity, person_id, username="ana.o")
    assert access(identity, person_id)["attested_by"] == first.id, "what does not enable keeps it"
    request = {"person_id": person_id, "attests_email_is_private": True}
    renewed = identity.call(patients.enable_patient_access, other, **request)
    assert renewed["attested_by"] == other.id

    identity.call(patients.disable_patient_access, first, person_id=person_id)
    missing = identity.refused(
        patients.enable_patient_access, first, person_id=person_id, attests_email_is_private=False
    )
    assert missing.field == "attests_email_is_private"
    assert access(identity, person_id)["is_enabled"] is False
    assert identity.call(patients.enable_patient_access, first, **request)["attested_by"] == first.id


@pytest.mark.seed("S3-32", "S3-33", "C1")
def test_patients_share_an_e_mail_and_differ_by_username_whatever_its_case(identity: Identity) -> None:
    first, second = enabled(identity), enabled(identity, first_name="Eva")
    token, other = invited(identity, first), invited(identity, second)
    identity.call(
        credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="Family.One"
    )
    refusal = identity.refused(
        credentials.redeem_credential_link, token=other, password=NEW_PASSWORD, username="family.ONE"
    )
    assert (refusal.code, refusal.field) == ("login_taken", "username")
    identity.call(
        credentials.redeem_credential_link, token=other, password=NEW_PASSWORD, username="family.two"
    )
    assert {access(identity, person_id)["username"] for person_id in (first, second)} == {
        "family.one",
        "family.two",
    }


@pytest.mark.seed("C1")
def test_a_shared_e_mail_is_still_refused_where_it_is_the_log_in(identity: Identity) -> None:
    admin = identity.admin()
    settings = next(
        each
        for each in identity.call(realms.list_realm_settings, admin)["items"]
        if each["realm"] == "patient"
    )
    identity.call(
        realms.set_realm_settings, admin, version=settings["version"], realm="patient", login_id="email"
    )
    enabled(identity)
    refusal = identity.refused(
        patients.enable_patient_access,
        admin,
        person_id=a_patient(identity, first_name="Eva"),
        attests_email_is_private=True,
    )
    assert (refusal.code, refusal.field) == ("login_taken", "email")


@pytest.mark.seed("S3-37", "S3-39")
def test_one_link_sets_username_and_password_and_the_next_only_a_password(identity: Identity) -> None:
    person_id = enabled(identity)
    invitation = identity.call(patients.invite_patient, identity.admin(), person_id=person_id)
    minted = identity.call(
        credentials.mint_credential_link, a_notifier(identity), invitation_id=invitation["invitation_id"]
    )
    assert minted["email"] == COMPLETE["email"]
    token = minted["link"].partition("#token=")[2]
    assert len(token) >= 43
    said = identity.call(credentials.inspect_credential_link, token=token)
    assert said | {"first_name": None, "masked_username": None} == said
    assert (said["purpose"], said["state"], said["needs_username"]) == ("invitation", "usable", True)
    refusal = identity.refused(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
    assert refusal.field == "username"
    bad = identity.refused(
        credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="-x y"
    )
    assert (bad.code, bad.field) == ("invalid_request", "username")
    identity.call(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o")
    again = identity.refused(
        credentials.redeem_credential_link, token=token, password=NEW_PASSWORD, username="ana.o"
    )
    assert again.code == "link_refused"
    token = invited(identity, person_id)
    said = identity.call(credentials.inspect_credential_link, token=token)
    assert said | {"first_name": None, "masked_username": None} == said
    assert (said["purpose"], said["state"], said["needs_username"]) == ("reset", "usable", False)
    refusal = identity.refused(
        credentials.redeem_credential_link, token=token, password=PASSWORD, username="other"
    )
    assert refusal.field == "username"
    identity.call(credentials.redeem_credential_link, token=token, password=PASSWORD)
    assert log_in(identity, "ana.o", PASSWORD)


def test_an_invitation_that_staff_send_again_voids_the_one_before(identity: Identity) -> None:
    person_id = enabled(identity)
    older, newer = invited(identity, person_id), invited(identity, person_id)
    request = {"password": NEW_PASSWORD, "username": "ana.o"}
    refused = identity.refused(credentials.redeem_credential_link, token=older, **request)
    assert refused.code == "link_refused"
    identity.call(credentials.redeem_credential_link, token=newer, **request)
    assert log_in(identity, "ana.o")


@pytest.mark.seed("S3-38")
def test_an_invitation_needs_access_enabled_and_an_e_mail(identity: Identity) -> None:
    person_id = a_patient(identity)
    refusal = identity.refused(patients.invite_patient, identity.admin(), person_id=person_id)
    assert (refusal.code, refusal.status) == ("access_not_enabled", 409)
    without = a_patient(identity, email=None)
    set_credentials(identity, without, username="ana.o", enable_access=True)
    refusal = identity.refused(patients.invite_patient, identity.admin(), person_id=without)
    assert (refusal.code, refusal.field) == ("details_missing", "email")


def test_somebody_who_is_no_patient_has_no_patient_access(identity: Identity) -> None:
    client = identity.call(people.create_person, identity.admin(), kinds=["client"], last_name="Ortiz")
    for operation, more in (
        (patients.get_patient_access, {}),
        (patients.enable_patient_access, {"attests_email_is_private": True}),
        (patients.invite_patient, {}),
    ):
        refusal = identity.refused(operation, identity.admin(), person_id=client["id"], **more)
        assert refusal.code == "not_a_patient"
    bayside = identity.an_organisation("bayside")
    assert bayside.is_new
    person_id = a_patient(identity)
    refusal = identity.refused(patients.get_patient_access, identity.admin("bayside"), person_id=person_id)
    assert refusal.code == "not_found"


def set_credentials(identity: Identity, person_id: str, **more: Any) -> dict[str, Any]:
    request = {"password": NEW_PASSWORD} | more
    return dict(
        identity.call(patients.set_patient_credentials, identity.admin(), person_id=person_id, **request)
    )


@pytest.mark.seed("S3-45", "S3-46", "C2")
def test_manual_credentials_work_without_an_e_mail_once_access_is_enabled(identity: Identity) -> None:
    person_id = a_patient(identity, email=None)
    refusal = identity.refused(
        patients.set_patient_credentials,
        identity.admin(),
        person_id=person_id,
        username="ana.o",
        password=NEW_PASSWORD,
    )
    assert refusal.code == "access_not_enabled"
    after = set_credentials(identity, person_id, username="ana.o", enable_access=True)
    assert (after["portal_status"], after["reasons"]) == ("inactive", ["no_email"])
    assert (after["is_enabled"], after["manual_credentials_set"]) == (True, True)
    assert log_in(identity, "ana.o", new_password=PASSWORD)
    assert log_in(identity, "ana.o", PASSWORD)


@pytest.mark.seed("S3-44")
def test_a_password_set_by_staff_is_changed_at_the_first_log_in_and_audited(identity: Identity) -> None:
    person_id = enabled(identity)
    set_credentials(identity, person_id, username="ana.o")
    with pytest.raises(Refused, match="password_change_required"):
        log_in(identity, "ana.o")
    log_in(identity, "ana.o", new_password=PASSWORD)
    assert log_in(identity, "ana.o", PASSWORD)
    set_credentials(identity, person_id, must_change=False)
    assert log_in(identity, "ana.o")
    rows = identity.audit("patient.credentials_set")
    assert [row.facts["must_change"] for row in rows] == [True, False]
    assert {row.person_id for row in rows} == {person_id}
    assert rows[0].actor_id == identity.admin().id
    refusal = identity.refused(
        patients.set_patient_credentials, identity.admin(), person_id=person_id, password="short"
    )
    assert refusal.code == "password_refused"


@pytest.mark.seed("S3-43")
def test_a_username_is_checked_before_it_is_set(identity: Identity) -> None:
    person_id = enabled(identity)
    set_credentials(identity, person_id, username="ana.o")

    def check(username: str, **more: Any) -> tuple[bool, bool]:
        answer = identity.call(patients.check_username, identity.admin(), username=username, **more)
        return answer["is_valid"], answer["is_available"]

    assert check("new.name") == (True, True)
    assert check("ANA.O") == (True, False)
    assert check("ana.o", person_id=person_id) == (True, True)
    assert check("no spaces") == (False, False)
    refusal = identity.refused(
        patients.set_patient_credentials,
        identity.admin(),
        person_id=enabled(identity, first_name="Eva"),
        username="Ana.O",
        password=NEW_PASSWORD,
    )
    assert (refusal.code, refusal.field) == ("login_taken", "username")


@pytest.mark.seed("S3-35")
def test_an_e_mail_changes_with_caution_once_access_is_enabled(identity: Identity) -> None:
    person_id = enabled(identity)
    token, admin = invited(identity, person_id), identity.admin()
    version = access(identity, person_id)["version"]
    new = "new@example.org"
    plain = identity.refused(people.edit_person, admin, version=version, person_id=person_id, email=new)
    assert (plain.code, plain.field) == ("confirmation_required", "email")

    def change(**more: Any) -> dict[str, Any]:
        return dict(
            identity.call(
                patients.change_patient_email, admin, version=version, person_id=person_id, email=new, **more
            )
        )

    with pytest.raises(Refused, match="confirmation_required"):
        change()
    with pytest.raises(Refused, match="details_missing"):
        change(confirm=True)
    with (
        time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=16)),
        pytest.raises(Refused, match="proof_required"),
    ):
        change(confirm=True, attests_email_is_private=True)
    assert access(identity, person_id)["email"] == COMPLETE["email"]
    after = change(confirm=True, attests_email_is_private=True)
    assert (after["email"], after["email_is_verified"]) == (new, False)
    assert identity.call(credentials.inspect_credential_link, token=token)["state"] == "used_or_void"
    notice = identity.events(credentials.login_email_changed)[-1]["data"]
    assert identity.audit("account.login_changed")[-1].facts == {
        "change_id": notice["change_id"],
        "person_id": person_id,
    }
    notifications = identity.call(
        credentials.describe_login_change,
        a_notifier(identity),
        change_id=notice["change_id"],
    )
    assert notifications["email"] == COMPLETE["email"]
    # No link goes to the new address by itself.
    assert len(identity.events(credentials.account_invited)) == 1


@pytest.mark.seed("S3-35")
def test_a_patient_who_changes_the_own_e_mail_gives_a_proof_and_the_old_address_is_told(
    identity: Identity,
) -> None:
    person_id = enabled(identity)
    set_credentials(identity, person_id, username="ana.o", must_change=False)
    token = log_in(identity, "ana.o")["token"]
    patient, new = identity.caller(token), "new@example.org"
    stale = dataclasses.replace(patient, proven_at=None)
    assert identity.refused(people.edit_my_settings, stale, email=new).code == "proof_required"
    assert identity.refused(people.edit_my_settings, patient, email=None).field == "email"
    assert (
        identity.call(people.edit_my_settings, stale, mobile_phone="555-0100")["email"] == COMPLETE["email"]
    )
    assert identity.events(credentials.login_email_changed) == []

    assert identity.call(people.edit_my_settings, patient, email=new)["email"] == new
    after = access(identity, person_id)
    assert (after["email"], after["attested_by"], after["is_enabled"]) == (new, None, True)
    (notice,) = identity.events(credentials.login_email_changed)
    told = identity.call(
        credentials.describe_login_change, a_notifier(identity), change_id=notice["data"]["change_id"]
    )
    assert told["email"] == COMPLETE["email"]
    assert not identity.holds(token)
    invited = identity.events(credentials.account_invited)[-1]["data"]
    assert invited["purpose"] == "verify_email"
    link = identity.call(
        credentials.mint_credential_link, a_notifier(identity), invitation_id=invited["invitation_id"]
    )
    assert link["email"] == new
    identity.call(patients.verify_email, None, token=link["link"].partition("#token=")[2])
    assert identity.caller(log_in(identity, "ana.o")["token"]) is not None
    described = identity.call(
        accounts.describe_account, a_notifier(identity), account_id=invited["account_id"]
    )
    assert described["email_is_verified"]


def a_notifier(identity: Identity) -> Any:
    return a_service("notifications", (identity.harbor.organisation_id, "harbor"))


def test_before_access_is_enabled_an_ordinary_change_of_the_e_mail_suffices(identity: Identity) -> None:
    person_id, admin = a_patient(identity), identity.admin()
    version = access(identity, person_id)["version"]
    identity.call(people.edit_person, admin, version=version, person_id=person_id, email="new@example.org")
    assert enable(identity, person_id)["email"] == "new@example.org"


@pytest.mark.seed("S3-36")
@pytest.mark.parametrize("is_disabled", [True, False])
def test_a_forgotten_password_by_username_sends_a_link(identity: Identity, *, is_disabled: bool) -> None:
    person_id = enabled(identity)
    set_credentials(identity, person_id, username="ana.o")
    if is_disabled:
        identity.call(patients.disable_patient_access, identity.admin(), person_id=person_id)
    identity.call(credentials.request_password_reset, organisation="harbor", realm="patient", login="ana.o")
    assert len(identity.events(credentials.account_invited)) == (0 if is_disabled else 1)
