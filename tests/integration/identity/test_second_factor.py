"""The second factor: set-up, log-in, loss, and realms that require it."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from sqlalchemy import text

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import accounts, login, realms, second_factor
from services.contracts.identity import credentials as credentials_contract
from services.identity.second_factor import rules
from services.identity.secrets.vault import Vault
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity

START = 1_900_000_000.0
CREDENTIALS = {"organisation": "harbor", "login": ADMIN, "password": PASSWORD}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def code_of(secret: str, away: int = 0) -> str:
    """The code that an app shows now, or `away` steps from now."""
    padded = secret + "=" * (-len(secret) % 8)
    import base64

    step = rules.step_of(datetime.datetime.fromtimestamp(time.time(), datetime.UTC))
    return rules.one_time_code(base64.b32decode(padded), step + away)


def enrol(identity: Identity, caller: Caller, clock: Any) -> tuple[str, list[str]]:
    """Set up a second factor: its secret and recovery codes. The code's step is over afterwards."""
    secret = identity.call(second_factor.start_second_factor, caller)["secret"]
    answer = identity.call(second_factor.confirm_second_factor, caller, code=code_of(secret))
    clock.shift(rules.STEP_S * 2)
    return secret, answer["recovery_codes"]


def challenge(identity: Identity, **credentials: Any) -> Refused:
    refusal = identity.refused(login.log_in, **CREDENTIALS | credentials)
    assert refusal.code == "second_factor_required"
    return refusal


def complete(identity: Identity, token: str, code: str) -> Any:
    return identity.call(login.complete_log_in, challenge=token, code=code)


def test_a_log_in_with_a_second_factor_takes_two_steps(identity: Identity, clock: Any) -> None:
    secret, _ = enrol(identity, identity.admin(), clock)
    refusal = challenge(identity)
    assert refusal.more["enrolment"] is False
    answer = complete(identity, refusal.more["challenge"], code_of(secret))
    assert identity.caller(answer["token"]).may("organisation.manage")
    assert "recovery_codes" not in answer
    assert len(identity.audit("session.second_factor_required")) == 1


@pytest.mark.fault("A26")
def test_strangers_at_an_address_keep_nobody_from_the_second_step(identity: Identity, clock: Any) -> None:
    here = {"client_address": "192.0.2.7"}
    secret, _ = enrol(identity, identity.caller(identity.log_in(**here)["token"]), clock)
    for number in range(31):
        refused = identity.refused(login.complete_log_in, challenge=f"{number:043}", code="000000", **here)
    assert refused.code == "too_many_requests"
    token = challenge(identity, **here).more["challenge"]
    assert identity.call(login.complete_log_in, challenge=token, code=code_of(secret), **here)["token"]


def test_the_password_is_not_looked_beyond_while_it_is_wrong(identity: Identity, clock: Any) -> None:
    enrol(identity, identity.admin(), clock)
    refusal = identity.refused(login.log_in, **CREDENTIALS | {"password": "wrong " + PASSWORD})
    assert (refusal.code, refusal.more) == ("credentials_refused", {})


def test_a_second_factor_holds_only_once_it_is_confirmed(identity: Identity, clock: Any) -> None:
    caller = identity.admin()
    secret = identity.call(second_factor.start_second_factor, caller)["secret"]
    assert identity.log_in()["token"]
    assert (
        identity.refused(second_factor.confirm_second_factor, caller, code="000000").code == "proof_refused"
    )
    assert identity.call(second_factor.get_my_second_factor, caller)["is_enabled"] is False
    assert (
        len(
            identity.call(second_factor.confirm_second_factor, caller, code=code_of(secret))["recovery_codes"]
        )
        == 10
    )
    state = identity.call(second_factor.get_my_second_factor, caller)
    assert (state["is_enabled"], state["is_demanded"], state["recovery_codes_left"]) == (True, False, 10)
    assert [event["data"]["change"] for event in identity.events(second_factor.second_factor_changed)] == [
        "enabled"
    ]
    assert identity.refused(second_factor.start_second_factor, caller).code == "second_factor_is_on"


def test_a_code_works_once(identity: Identity, clock: Any) -> None:
    secret, _ = enrol(identity, identity.admin(), clock)
    code = code_of(secret)
    first, second = challenge(identity).more["challenge"], challenge(identity).more["challenge"]
    assert complete(identity, first, code)
    refusal = identity.refused(login.complete_log_in, challenge=second, code=code)
    assert (refusal.code, refusal.field) == ("credentials_refused", "code")
    # The code of the step before is refused, too, although its time has not passed.
    assert identity.refused(login.complete_log_in, challenge=second, code=code_of(secret, -1)).code
    assert complete(identity, second, code_of(secret, 1))


@pytest.mark.parametrize("typed", ["ÄÖÜÄÖÜ", "ABCDEF", "²²²²²²", "1234567"])
def test_what_is_no_code_is_refused_like_a_wrong_one(identity: Identity, clock: Any, typed: str) -> None:
    enrol(identity, identity.admin(), clock)
    refusal = identity.refused(
        login.complete_log_in, challenge=challenge(identity).more["challenge"], code=typed
    )
    assert (refusal.code, refusal.field) == ("credentials_refused", "code")


def test_a_code_in_other_digits_lets_its_owner_in(identity: Identity, clock: Any) -> None:
    secret, _ = enrol(identity, identity.admin(), clock)
    arabic = code_of(secret).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert complete(identity, challenge(identity).more["challenge"], arabic)


def test_of_three_uses_of_a_code_at_once_one_succeeds(either: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:
        secret, _ = enrol(either, either.admin(), clock)
        tokens = [challenge(either).more["challenge"] for _ in range(3)]
        code, outcomes = code_of(secret), []
        at_once = threading.Barrier(len(tokens))

        def attempt(token: str) -> None:
            at_once.wait()
            try:
                complete(either, token, code)
                outcomes.append("done")
            except Refused as refusal:
                outcomes.append(refusal.code)

        threads = [threading.Thread(target=attempt, args=(token,)) for token in tokens]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("done") == 1
        assert set(outcomes) <= {"done", "credentials_refused"}


@pytest.mark.parametrize(("waited_s", "holds"), [(299, True), (301, False)])
def test_a_challenge_holds_for_five_minutes(
    identity: Identity, clock: Any, waited_s: int, *, holds: bool
) -> None:
    secret, _ = enrol(identity, identity.admin(), clock)
    token = challenge(identity).more["challenge"]
    clock.shift(waited_s)
    if holds:
        assert complete(identity, token, code_of(secret))
    else:
        refusal = identity.refused(login.complete_log_in, challenge=token, code=code_of(secret))
        assert refusal.code == "challenge_refused"


def test_a_challenge_works_once_and_not_after_another_password(identity: Identity, clock: Any) -> None:
    caller = identity.admin()
    secret, _ = enrol(identity, caller, clock)
    used, old = challenge(identity).more["challenge"], challenge(identity).more["challenge"]
    complete(identity, used, code_of(secret))
    clock.shift(60)
    assert identity.refused(login.complete_log_in, challenge=used, code=code_of(secret)).code == (
        "challenge_refused"
    )
    identity.call(
        credentials_contract.change_my_password,
        caller,
        password=PASSWORD,
        new_password="copper kettle under snow",
    )
    assert identity.refused(login.complete_log_in, challenge=old, code=code_of(secret)).code == (
        "challenge_refused"
    )


@pytest.mark.parametrize("way", ["disabled", "another one disabled"])
def test_a_challenge_ends_with_the_account_it_was_for(identity: Identity, clock: Any, way: str) -> None:
    account = identity.an_account()
    caller = identity.caller(identity.log_in(account["login"])["token"])
    secret, _ = enrol(identity, caller, clock)
    token = challenge(identity, login=account["login"]).more["challenge"]
    other = identity.an_account()
    ended = account if way == "disabled" else other
    version = identity.call(accounts.get_account, identity.admin(), account_id=ended["id"])["version"]
    identity.call(accounts.disable_account, identity.admin(), account_id=ended["id"], version=version)
    if way == "disabled":
        refused = identity.refused(login.complete_log_in, challenge=token, code=code_of(secret))
        assert refused.code == "challenge_refused"
    else:
        assert complete(identity, token, code_of(secret))["account"]["id"] == account["id"]


def test_wrong_codes_are_throttled_and_the_owner_gets_in_again(identity: Identity, clock: Any) -> None:
    secret, _ = enrol(identity, identity.admin(), clock)
    token = challenge(identity).more["challenge"]
    answers = [
        identity.refused(login.complete_log_in, challenge=token, code="000000").code for _ in range(20)
    ]
    assert answers.count("credentials_refused") <= 5
    assert answers[-1] == "too_many_requests"
    clock.shift(900)
    assert complete(identity, challenge(identity).more["challenge"], code_of(secret))


def test_a_recovery_code_stands_in_once(identity: Identity, clock: Any) -> None:
    caller = identity.admin()
    _, recovery_codes = enrol(identity, caller, clock)
    assert len(set(recovery_codes)) == 10
    assert {len(code.replace("-", "")) for code in recovery_codes} == {24}  # 120 random bits
    lost = recovery_codes[3].replace("-", " ").lower()
    assert complete(identity, challenge(identity).more["challenge"], lost)
    token = challenge(identity).more["challenge"]
    assert identity.refused(login.complete_log_in, challenge=token, code=lost).code == "credentials_refused"
    assert identity.call(second_factor.get_my_second_factor, caller)["recovery_codes_left"] == 9
    renewed = identity.call(second_factor.renew_recovery_codes, caller)["recovery_codes"]
    assert not set(renewed) & set(recovery_codes)
    assert identity.refused(login.complete_log_in, challenge=token, code=recovery_codes[0]).code
    assert identity.call(second_factor.get_my_second_factor, caller)["recovery_codes_left"] == 10


def test_the_database_holds_neither_secret_nor_codes(identity: Identity, clock: Any) -> None:
    secret, recovery_codes = enrol(identity, identity.admin(), clock)
    token = challenge(identity).more["challenge"]
    with identity.database.reading(None) as session:
        tables = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        everything = "".join(
            str(row) for table in tables for row in session.execute(text(f"SELECT * FROM {table}"))
        )
    assert len(everything) > 1000
    plain = [secret, token, *recovery_codes, *(code.replace("-", "") for code in recovery_codes)]
    assert [text for text in plain if text in everything] == []


def test_a_sealed_secret_opens_only_for_its_owner_and_with_an_old_key_too() -> None:
    older, newer = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = Vault([older]).seal("a" * 32, b"secret")
    assert Vault([newer, older]).open("a" * 32, sealed) == b"secret"
    with pytest.raises(ValueError, match="another owner"):
        Vault([older]).open("b" * 32, sealed)
    with pytest.raises(ValueError, match="keys at hand"):
        Vault([newer]).open("a" * 32, sealed)
    assert Vault([newer, older]).keyed_hash("x", "y") == Vault([older]).keyed_hash("x", "y")


def demand(identity: Identity, **settings: Any) -> None:
    """Set rules of the realm of staff."""
    identity.call(realms.set_realm_settings, identity.admin(), version=1, realm="staff", **settings)


def test_a_realm_that_demands_it_lets_nobody_in_without(identity: Identity, clock: Any) -> None:
    demand(identity, second_factor_required=True)
    refusal = challenge(identity)
    assert refusal.more["enrolment"] is True
    token = refusal.more["challenge"]
    assert identity.refused(login.complete_log_in, challenge=token, code="000000").code
    secret = identity.call(login.start_second_factor_at_log_in, challenge=token)["secret"]
    answer = complete(identity, token, code_of(secret))
    assert len(answer["recovery_codes"]) == 10
    caller = identity.caller(answer["token"])
    assert identity.refused(second_factor.remove_second_factor, caller).code == "second_factor_demanded"
    clock.shift(60)
    again = challenge(identity)
    assert again.more["enrolment"] is False
    assert (
        identity.refused(login.start_second_factor_at_log_in, challenge=again.more["challenge"]).code
        == "second_factor_is_on"
    )


def test_a_security_level_that_demands_it_does_so_for_its_accounts_only(identity: Identity) -> None:
    admin, standard, trainee = identity.admin(), identity.an_account(), identity.an_account("trainee")
    identity.call(second_factor.set_role_second_factor, admin, security_level="trainee", is_required=True)
    assert identity.log_in(standard["login"])
    assert challenge(identity, login=trainee["login"]).more["enrolment"] is True
    unknown = identity.refused(
        second_factor.set_role_second_factor, admin, security_level="nobody", is_required=True
    )
    assert unknown.code == "not_found"


def test_an_administrator_helps_somebody_who_has_lost_it(identity: Identity, clock: Any) -> None:
    account = identity.an_account()
    caller = identity.caller(identity.log_in(account["login"])["token"])
    token = identity.log_in(account["login"])["token"]
    enrol(identity, caller, clock)
    identity.call(second_factor.reset_second_factor, identity.admin(), account_id=account["id"])
    assert not identity.holds(token)
    assert identity.log_in(account["login"])
    assert (
        identity.refused(second_factor.reset_second_factor, identity.admin(), account_id=account["id"]).code
        == "second_factor_is_off"
    )
    assert (
        identity.refused(second_factor.reset_second_factor, caller, account_id=account["id"]).code
        == "forbidden"
    )


def test_wrong_codes_of_a_factor_that_was_lost_do_not_count_for_the_next(
    identity: Identity, clock: Any
) -> None:
    account = identity.an_account()
    credentials = {"login": account["login"]}
    enrol(identity, identity.caller(identity.log_in(account["login"])["token"]), clock)
    token = challenge(identity, **credentials).more["challenge"]
    for _ in range(20):
        last = identity.refused(login.complete_log_in, challenge=token, code="000000")
    assert last.code == "too_many_requests"
    identity.call(second_factor.reset_second_factor, identity.admin(), account_id=account["id"])
    secret, _ = enrol(identity, identity.caller(identity.log_in(account["login"])["token"]), clock)
    token = challenge(identity, **credentials).more["challenge"]
    assert complete(identity, token, code_of(secret))["account"]["id"] == account["id"]


def test_taking_it_away_asks_for_a_proof_that_is_not_old(identity: Identity, clock: Any) -> None:
    token = identity.log_in()["token"]
    secret, _ = enrol(identity, identity.caller(token), clock)
    for _ in range(2):
        clock.shift(8 * 60)
        caller = identity.caller(token)
        identity.flush_seen()
    for operation in (
        second_factor.remove_second_factor,
        second_factor.renew_recovery_codes,
        second_factor.start_second_factor,
    ):
        assert identity.refused(operation, caller).code == "proof_required"
    # The password alone is no proof where there is a second factor.
    assert identity.refused(login.prove_myself, caller, password=PASSWORD).field == "code"
    assert identity.refused(login.prove_myself, caller, code="000000").code == "proof_refused"
    assert (
        identity.refused(second_factor.remove_second_factor, identity.caller(token)).code == "proof_required"
    )
    identity.call(login.prove_myself, caller, code=code_of(secret))
    identity.call(second_factor.remove_second_factor, identity.caller(token))
    assert identity.log_in()


def test_a_password_may_be_shorter_beside_a_second_factor_and_then_never_stands_alone(
    identity: Identity, clock: Any
) -> None:
    token = identity.log_in()["token"]
    change = {"password": PASSWORD, "new_password": "kelp-42-om"}
    refusal = identity.refused(credentials_contract.change_my_password, identity.caller(token), **change)
    assert (refusal.code, refusal.more["reason"]) == ("password_refused", "too_short")
    secret, _ = enrol(identity, identity.caller(token), clock)
    identity.call(credentials_contract.change_my_password, identity.caller(token), **change)
    assert identity.refused(second_factor.remove_second_factor, identity.caller(token)).code == (
        "second_factor_demanded"
    )
    change = {"password": "kelp-42-om", "new_password": "kelp-42"}
    assert identity.refused(
        credentials_contract.change_my_password, identity.caller(token), **change
    ).code == ("password_refused")
    clock.shift(60)
    refusal = challenge(identity, password="kelp-42-om")
    assert complete(identity, refusal.more["challenge"], code_of(secret))


def test_the_key_file_is_made_with_the_others(tmp_path: Path) -> None:
    from deploy.keys import make_keys

    make_keys(tmp_path)
    path = tmp_path / "identity-secrets.key"
    before = path.read_text()
    make_keys(tmp_path)
    assert path.read_text() == before
    assert path.stat().st_mode & 0o777 == 0o600
