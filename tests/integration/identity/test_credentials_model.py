"""Conflict C3: six kinds of credentials behave alike. Each can be used once, is voided by a newer one, ends after the
lifetime that its realm sets, and is stored only as a hash."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from services.contracts.errors import Refused
from services.contracts.identity import credentials, family, login, patients, pickup_codes, realms
from services.identity.models import Account
from services.identity.patients import entrypoints
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.employees import an_employee
from tests.integration.identity.family import OWN_PASSWORD, Desk
from tests.integration.identity.test_patients import BORN, a_patient, enable, set_credentials

START = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Way:
    """A kind of credential: its realm, how it is made and used, and the setting of its lifetime."""

    realm: str
    setting: str
    value: int
    lifetime: datetime.timedelta
    somebody: Callable[[Identity], Any]
    secret: Callable[[Identity, Any], str]
    use: Callable[[Identity, Any, str], Any]
    # Where anybody can ask for it, asking voids nothing: an older one ends when a newer one is used.
    by_staff: bool = True


def last_minted(identity: Identity) -> Any:
    return Desk(identity).mint()


def token_of(identity: Identity) -> str:
    return str(last_minted(identity)["link"]).partition("#token=")[2]


def redeem(identity: Identity, _whom: Any, token: str, **more: Any) -> Any:
    return identity.call(credentials.redeem_credential_link, token=token, password=OWN_PASSWORD, **more)


def redeem_with_username(identity: Identity, whom: Any, token: str) -> Any:
    said = identity.call(credentials.inspect_credential_link, token=token)
    username = f"quay.{next(_NUMBERS)}" if said["needs_username"] else None
    return redeem(identity, whom, token, username=username)


def a_relative(identity: Identity) -> Any:
    desk = Desk(identity)
    client = desk.a_client()
    return {"client_id": client["id"], "person_id": client["id"], "login": desk.grant(client)["login"]}


def temporary_password(identity: Identity, whom: Any) -> str:
    ids = {name: whom[name] for name in ("client_id", "person_id")}
    Desk(identity).call(family.resend_family_invitation, **ids)
    return str(last_minted(identity)["temporary_password"])


def sign_in_with_temporary(identity: Identity, whom: Any, secret: str) -> Any:
    return identity.log_in(whom["login"], secret, realm="family", new_password=OWN_PASSWORD)


def an_invited_patient(identity: Identity) -> Any:
    number = next(_NUMBERS)
    person_id = a_patient(identity, last_name=f"Quay{number}", email=f"quay{number}@example.org")
    enable(identity, person_id)
    return {"person_id": person_id, "number": number}


def invite(identity: Identity, whom: Any) -> str:
    identity.call(patients.invite_patient, identity.admin(), person_id=whom["person_id"])
    return token_of(identity)


def match(identity: Identity, whom: Any) -> str:
    number = whom["number"]
    identity.call(
        patients.request_patient_access,
        organisation="harbor",
        email=f"quay{number}@example.org",
        last_name=f"Quay{number}",
        date_of_birth=BORN,
        postal_code="02139",
    )
    return token_of(identity)


def pickup_code(identity: Identity, whom: Any) -> str:
    answer = identity.call(pickup_codes.create_pickup_code, identity.admin(), person_id=whom["id"])
    return str(answer["code"])


def redeem_code(identity: Identity, _whom: Any, code: str) -> Any:
    return identity.call(
        pickup_codes.redeem_pickup_code,
        organisation="harbor",
        code=code,
        login=f"own{next(_NUMBERS)}@example.org",
        password=OWN_PASSWORD,
    )


MINUTES, DAYS = datetime.timedelta(minutes=30), datetime.timedelta(days=3)
WAYS = {
    "temporary password": Way(
        "family", "temporary_password_days", 3, DAYS, a_relative, temporary_password, sign_in_with_temporary
    ),
    "set-password link": Way(
        "provider",
        "link_minutes",
        30,
        MINUTES,
        lambda identity: identity.an_account("provider_portal_user", password=None),
        lambda identity, whom: identity.a_link(whom["id"]),
        redeem,
    ),
    "link that also sets a username": Way(
        "patient", "link_minutes", 30, MINUTES, an_invited_patient, invite, redeem_with_username
    ),
    "self-match": Way(
        "patient",
        "link_minutes",
        30,
        MINUTES,
        an_invited_patient,
        match,
        redeem_with_username,
        by_staff=False,
    ),
    "pick-up code": Way(
        "employee",
        "pickup_code_days",
        3,
        DAYS,
        lambda identity: an_employee(identity, identity.admin(), str(next(_NUMBERS))),
        pickup_code,
        redeem_code,
    ),
}


@pytest.fixture(autouse=True)
def _answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrypoints, "answer_time", lambda: 0.0)


def is_refused(way: Way, identity: Identity, whom: Any, secret: str) -> bool:
    """Whether the secret is refused, with the same refusal for every reason."""
    with pytest.raises(Refused) as refusal:
        way.use(identity, whom, secret)
    return refusal.value.code in ("credentials_refused", "link_refused", "pickup_code_refused")


@pytest.mark.seed("C3")
@pytest.mark.parametrize("name", WAYS)
def test_every_secret_is_used_once_voided_by_a_newer_one_and_ends_as_its_realm_has_set(
    identity: Identity, tmp_path: Path, name: str
) -> None:
    way = WAYS[name]
    with time_machine.travel(START, tick=False) as clock:
        identity.call(
            realms.set_realm_settings,
            identity.admin(),
            version=1,
            realm=way.realm,
            **{way.setting: way.value},
        )
        first, second = way.somebody(identity), way.somebody(identity)
        older, newer = way.secret(identity, first), way.secret(identity, first)
        late = way.secret(identity, second)
        if way.by_staff:
            assert is_refused(way, identity, first, older), "a newer one voids it"

        clock.move_to(START + way.lifetime - SECOND)
        way.use(identity, first, newer)
        assert is_refused(way, identity, first, older), "a newer one was used"
        assert is_refused(way, identity, first, newer), "it is of one use"
        clock.move_to(START + way.lifetime)
        assert is_refused(way, identity, second, late), "its time is over"
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("identity.db*"))
    for secret in (older, newer, late):
        assert secret.encode() not in kept
        assert secret.replace("-", "").encode() not in kept


def test_a_temporary_password_lets_no_disabled_person_in(identity: Identity) -> None:
    whom = a_relative(identity)
    secret = temporary_password(identity, whom)

    def stand_at(state: str) -> None:
        # As if the password had been made in the moment in which the account was disabled.
        identity.database.write(
            None,
            lambda session: session.execute(
                update(Account).where(Account.login == whom["login"]).values(state=state)
            ),
        )

    stand_at("disabled")
    with pytest.raises(Refused, match="credentials_refused"):
        sign_in_with_temporary(identity, whom, secret)
    stand_at("invited")
    assert sign_in_with_temporary(identity, whom, secret)["token"]


@pytest.mark.seed("C3")
def test_a_password_that_staff_set_opens_the_way_to_an_own_one_once(identity: Identity) -> None:
    whom = an_invited_patient(identity)
    set_credentials(identity, whom["person_id"], username="quay.one", password=PASSWORD)
    refusal = identity.refused(
        login.log_in, organisation="harbor", realm="patient", login="quay.one", password=PASSWORD
    )
    assert refusal.code == "password_change_required"
    assert identity.log_in("quay.one", PASSWORD, realm="patient", new_password=OWN_PASSWORD)["token"]
    with pytest.raises(Refused, match="credentials_refused"):
        identity.log_in("quay.one", PASSWORD, realm="patient", new_password="another quiet lamp here")


@pytest.mark.seed("C3")
def test_a_password_that_staff_set_lives_as_long_as_a_temporary_one_of_its_realm(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        identity.call(
            realms.set_realm_settings,
            identity.admin(),
            version=1,
            realm="patient",
            temporary_password_days=2,
        )
        for username in ("quay.one", "quay.two"):
            whom = an_invited_patient(identity)
            set_credentials(identity, whom["person_id"], username=username, password=PASSWORD)
        lasting = an_invited_patient(identity)["person_id"]
        set_credentials(identity, lasting, username="quay.three", password=PASSWORD, must_change=False)
        clock.move_to(START + 2 * datetime.timedelta(days=1) - SECOND)
        assert identity.log_in("quay.one", PASSWORD, realm="patient", new_password=OWN_PASSWORD)["token"]
        clock.move_to(START + 2 * datetime.timedelta(days=1))
        with pytest.raises(Refused, match="credentials_refused"):
            identity.log_in("quay.two", PASSWORD, realm="patient", new_password=OWN_PASSWORD)
        assert identity.log_in("quay.one", OWN_PASSWORD, realm="patient")["token"]
        assert identity.log_in("quay.three", PASSWORD, realm="patient")["token"]


@pytest.mark.seed("C3")
def test_an_open_link_is_void_once_another_way_has_let_its_owner_in(identity: Identity) -> None:
    whom = an_invited_patient(identity)
    token = invite(identity, whom)
    set_credentials(identity, whom["person_id"], username="quay.two", password=PASSWORD)
    assert identity.call(credentials.inspect_credential_link, token=token)["state"] == "used_or_void"
    assert is_refused(WAYS["self-match"], identity, whom, token)
