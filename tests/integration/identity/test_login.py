"""Logging in with a password: one answer for all who fail, and limits that hold before a password is hashed."""

from __future__ import annotations

import time

import pytest
import time_machine
from sqlalchemy import event, select, update

from services.contracts.errors import Refused
from services.contracts.identity import accounts
from services.contracts.identity import login as login_contract
from services.identity.models import Account
from services.identity.organisations.operator import set_password
from services.identity.secrets import passwords
from services.identity.secrets.models import Throttle
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity


@pytest.mark.parametrize("level", ["trainee", "standard", "supervisor", "admin", "provider_portal_user"])
def test_every_security_level_logs_in_the_same_way(identity: Identity, level: str) -> None:
    account = identity.an_account(level)
    answer = identity.log_in(account["login"])
    assert answer["account"]["security_level"] == level
    caller = identity.caller(answer["token"])
    assert caller.id == account["id"]
    assert caller.realm == ("provider" if level == "provider_portal_user" else "staff")


@pytest.mark.seed("S4-7")
def test_the_email_address_is_the_login_whatever_its_case(identity: Identity) -> None:
    account = identity.log_in("  ADA@Example.ORG ")["account"]
    assert account["login"] == ADMIN
    who = {"email": "Pat@Example.org", "first_name": "Pat", "last_name": "Quill"}
    assert identity.call(accounts.create_account, identity.admin(), **who)["login"] == "pat@example.org"
    for other in (ADMIN.partition("@")[0], account["id"], ADMIN + ".org"):
        refusal = identity.refused(
            login_contract.log_in, organisation="harbor", login=other, password=PASSWORD
        )
        assert refusal.code == "credentials_refused"


def test_known_and_unknown_logins_get_one_answer(identity: Identity) -> None:
    invited = identity.an_account(password=None)
    disabled = identity.an_account()
    identity.call(
        accounts.disable_account, identity.admin(), version=disabled["version"], account_id=disabled["id"]
    )
    answers = set()
    for organisation, login, password in [
        ("harbor", ADMIN, "wrong " + PASSWORD),
        ("harbor", "nobody@example.org", PASSWORD),
        ("nowhere", ADMIN, PASSWORD),
        ("harbor", invited["login"], PASSWORD),
        ("harbor", disabled["login"], PASSWORD),
    ]:
        refusal = identity.refused(
            login_contract.log_in, organisation=organisation, login=login, password=password
        )
        answers.add((refusal.code, refusal.detail, refusal.field, tuple(refusal.more)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == "credentials_refused"


def test_known_and_unknown_logins_run_the_same_statements(identity: Identity) -> None:
    def statements(login: str) -> list[str]:
        seen: list[str] = []
        listener = lambda _c, _cur, statement, *_: seen.append(statement)  # noqa: E731
        event.listen(identity.database.engine, "before_cursor_execute", listener)
        identity.refused(
            login_contract.log_in, organisation="harbor", login=login, password="wrong " + PASSWORD
        )
        event.remove(identity.database.engine, "before_cursor_execute", listener)
        return seen

    assert statements(ADMIN) == statements("nobody@example.org")


@pytest.mark.fault("A8")
@pytest.mark.usefixtures("real_hashes")
def test_an_unknown_login_costs_the_same_hash_as_a_known_one(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    invited, known = identity.an_account(password=None), identity.an_account()["login"]
    hashes: list[str] = []
    monkeypatch.setattr(passwords, "_verify", lambda _, password_hash: hashes.append(password_hash))
    for login in (known, "nobody@example.org", invited["login"]):
        hashes.clear()
        identity.refused(
            login_contract.log_in, organisation="harbor", login=login, password="wrong " + PASSWORD
        )
        assert [password_hash.split("$")[1:4] for password_hash in hashes] == [
            ["argon2id", "v=19", "m=19456,t=2,p=1"]
        ]


@pytest.mark.fault("A6")
def test_a_thousand_wrong_passwords_are_not_even_looked_at(
    either: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    def verify(*_: object) -> bool:
        nonlocal looked_at
        looked_at += 1
        return False

    token = either.log_in()["token"]
    monkeypatch.setattr("services.identity.login.verification.password_matches", verify)
    with time_machine.travel(time.time()) as clock:
        for _ in range(200):
            refusal = either.refused(
                login_contract.log_in, organisation="harbor", login=ADMIN, password="wrong " + PASSWORD
            )
            assert refusal.code in ("credentials_refused", "too_many_requests")
            clock.shift(4)
        assert looked_at <= 10
        assert 0 < refusal.more["retry_after_s"] <= 900
        assert len(either.audit("session.refused")) + len(either.audit("login.throttled")) == 200
        assert either.caller(token)
        monkeypatch.undo()
        clock.shift(900)
        assert either.log_in()


def test_an_unknown_login_is_throttled_like_a_known_one(identity: Identity) -> None:
    def answers(login: str) -> list[tuple[str, object]]:
        refusals = [
            identity.refused(
                login_contract.log_in, organisation="harbor", login=login, password="wrong " + PASSWORD
            )
            for _ in range(6)
        ]
        return [(refusal.code, refusal.detail) for refusal in refusals]

    assert answers(ADMIN) == answers("nobody@example.org")
    assert "too_many_requests" in dict(answers("somebody@example.org"))


def test_a_success_clears_the_failures(identity: Identity) -> None:
    for _ in range(3):
        identity.refused(
            login_contract.log_in, organisation="harbor", login=ADMIN, password="wrong " + PASSWORD
        )
        identity.refused(
            login_contract.log_in, organisation="harbor", login=ADMIN, password="wrong " + PASSWORD
        )
        identity.log_in()


def test_a_success_clears_the_failures_of_no_other_login(identity: Identity) -> None:
    other = identity.an_account()["login"]
    wrong = {"organisation": "harbor", "password": "wrong " + PASSWORD}

    def tries() -> dict[tuple[str, str], int]:
        with identity.database.reading(None) as session:
            found = session.scalars(select(Throttle).where(Throttle.kind.in_(("login", "login@origin"))))
            return {(row.kind, row.key_hash): row.count for row in found}

    for login in (other, ADMIN):
        identity.refused(login_contract.log_in, login=login, **wrong)
    both = tries()
    identity.log_in()
    left = tries()
    assert len(both) == 4
    assert len(left) == 2
    assert left.items() <= both.items()
    identity.log_in(other)
    assert tries() == {}


def test_a_repeated_log_in_request_does_not_show_its_token_again(identity: Identity) -> None:
    identity.log_in(key="key-1")
    with pytest.raises(Refused) as refusal:
        identity.log_in(key="key-1")
    assert refusal.value.code == "idempotency_key_reused"


@pytest.mark.parametrize("meanwhile", ["disabled", "new password", "invited", "must_change_password"])
def test_an_account_that_changes_while_its_password_is_checked_is_not_let_in(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    account, admin = identity.an_account(), identity.admin()

    def matches(*_: object) -> bool:
        if meanwhile == "disabled":
            identity.call(
                accounts.disable_account, admin, version=account["version"], account_id=account["id"]
            )
        elif meanwhile in ("invited", "must_change_password"):
            values = {"state": "invited"} if meanwhile == "invited" else {meanwhile: True}
            statement = update(Account).where(Account.id == account["id"]).values(**values)
            identity.database.write(None, lambda session: session.execute(statement))
        else:
            set_password(
                identity.database,
                organisation_key="harbor",
                login=account["login"],
                password="copper kettle under snow",
            )
        return True

    monkeypatch.setattr("services.identity.login.verification.password_matches", matches)
    credentials = {"organisation": "harbor", "login": account["login"], "password": PASSWORD}
    assert identity.refused(login_contract.log_in, **credentials).code == "credentials_refused"


NAME = {"first_name": "Pat", "last_name": "Quill"}


@pytest.mark.seed("S4-7")
def test_a_mailbox_has_one_login_in_whatever_form_its_domain_is_typed(either: Identity) -> None:
    identity, admin = either, either.admin()

    def create(email: str) -> str:
        created: str = identity.call(accounts.create_account, admin, email=email, **NAME)["login"]
        return created

    def set_and_log_in(login: str, typed: str) -> str:
        set_password(
            identity.database,
            organisation_key="harbor",
            login=login,
            password=PASSWORD,
            email_is_verified=True,
        )
        account: str = identity.log_in(typed)["account"]["login"]
        return account

    zw = create("zw@example.org\u200b")
    assert set_and_log_in(zw, "zw@example.org") == "zw@example.org"
    books = create("a@bücher.example")
    assert set_and_log_in(books, "A@xn--bcher-kva.example") == books
    # Two domains, although one folds to the other.
    streets = create("ss@straße.example"), create("ss@strasse.example")
    assert len(set(streets)) == 2
    assert set_and_log_in(streets[0], "ss@Straße.example") == streets[0]
    for email in ("a@XN--BCHER-KVA.example", "ZW@example.org", "ss@xn--strae-oqa.example"):
        assert identity.refused(accounts.create_account, admin, email=email, **NAME).code == "login_taken"
    for email in ("jürgen@example.org", "a@[192.0.2.1]", "a@localhost", "em2@example.org,"):
        refusal = identity.refused(accounts.create_account, admin, email=email, **NAME)
        assert (refusal.code, refusal.field) == ("invalid_request", "email")
