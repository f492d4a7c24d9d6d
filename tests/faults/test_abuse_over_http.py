"""A8 and A10 through the whole system: what an outsider learns from answers, and whether an ended session still works."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from deploy.ports import free_block
from services.chassis import wire
from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.identity.credentials.models import CredentialLink, Invitation
from services.identity.models import Account, Organisation
from services.identity.secrets.passwords import hash_password
from services.identity.secrets.tokens import token_hash
from tests.support.stack import HARBOR, RunningStack

SAMPLES, PEOPLE = 500, 170
MOST_APART_MS, AUC = 5.0, (0.45, 0.55)
# Headers that differ from answer to answer, whoever asks.
OWN_HEADERS = {"date", "content-length", "x-correlation-id", "x-request-id", "traceparent"}
ADDRESSES = (f"10.{one}.{two}.1" for one, two in itertools.product(range(1, 250), range(250)))
NEW_PASSWORD = "copper kettle under snow"


@pytest.fixture(scope="module")
def gateways(portico: RunningStack) -> Iterator[list[str]]:
    """The addresses of the gateway and of a second one beside it."""
    port = free_block(1)
    first = portico.stack._gateway_process()
    url = f"http://127.0.0.1:{port}"
    env = {**first.env, "GATEWAY_PORT": str(port)}
    supervisor = portico.stack.supervisor
    supervisor.add(dataclasses.replace(first, name="gateway-2", env=env, ready_url=f"{url}/readyz"))
    supervisor.start("gateway-2")
    supervisor.wait_ready(names=["gateway-2"])
    yield [portico.url, url]
    supervisor.remove("gateway-2")


@pytest.fixture(scope="module")
def known(portico: RunningStack) -> list[dict[str, str]]:
    """Accounts that have a password, each with a link that has expired: login and token."""
    database = Database(portico.stack.database_url("identity"))
    password_hash = hash_password("a password that nobody is told")
    people = [
        {"login": f"known{number}@example.org", "token": f"{number:043d}", "id": wire.new_id()}
        for number in range(PEOPLE)
    ]
    with database.reading(None) as session:
        organisation_id = session.scalars(select(Organisation.id).where(Organisation.key == HARBOR)).one()

    def add(session: Any) -> None:
        session.add_all(_account(each, password_hash) for each in people)
        session.flush()
        for each in people:
            for row in _expired_link(each):  # in this order: the link refers to the invitation
                session.add(row)
                session.flush()

    database.write(organisation_id, add)
    database.close()
    return people


def _account(person: dict[str, str], password_hash: str) -> Account:
    return Account(
        id=person["id"],
        realm="staff",
        login_space="workforce",
        login=person["login"],
        email=person["login"],
        email_verified_at=utc_now(),
        state="active",
        password_hash=password_hash,
        created_at=utc_now(),
        version=1,
    )


def _expired_link(person: dict[str, str]) -> list[Any]:
    before = utc_now() - datetime.timedelta(days=1)
    invitation = Invitation(
        id=wire.new_id(), account_id=person["id"], purpose="reset", requested_at=before, closed_at=before
    )
    link = CredentialLink(
        id=wire.new_id(),
        invitation_id=invitation.id,
        account_id=person["id"],
        kind="link",
        purpose="reset",
        token_hash=token_hash(person["token"]),
        created_at=before,
        expires_at=before + datetime.timedelta(minutes=90),
    )
    return [invitation, link]


def told(answer: httpx.Response) -> str:
    """An answer without the headers that always differ."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in OWN_HEADERS}
    body = answer.json() if answer.content else {}
    return repr((answer.status_code, sorted(headers.items()), {**body, "correlation_id": ""}))


def auc(ones: list[float], others: list[float]) -> float:
    """How often one of the first took longer than one of the second: 0.5 if the two cannot be told apart."""
    won = sum((one > other) + 0.5 * (one == other) for one in ones for other in others)
    return won / (len(ones) * len(others))


def asked(question: str, person: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Path and body of one of the three questions that anybody may ask."""
    if question == "login":
        return "/v1/sessions", {"organisation": HARBOR, "login": person["login"], "password": "wrong " * 4}
    if question == "reset":
        return "/v1/credentials/resets", {"organisation": HARBOR, "login": person["login"]}
    return "/v1/credentials/links/renew", {"token": person["token"]}


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.fault("A8")
@pytest.mark.parametrize("question", ["login", "reset", "new link"])
def test_nobody_can_tell_who_has_an_account(
    portico: RunningStack, known: list[dict[str, str]], question: str
) -> None:
    """Known and unknown accounts take turns, also at beginning, so that other load on the machine affects both alike."""
    took: dict[bool, list[float]] = {True: [], False: []}
    answers: dict[bool, set[str]] = {True: set(), False: set()}
    with httpx.Client(base_url=portico.url, timeout=30) as outsider:
        for number in range(SAMPLES):
            place = number % PEOPLE
            stranger = {"login": f"nobody{place}@example.org", "token": f"{place:042d}x"}
            for is_known in (True, False) if number % 2 else (False, True):
                path, body = asked(question, known[place] if is_known else stranger)
                started = time.perf_counter()
                answer = outsider.post(path, json=body, headers={"X-Forwarded-For": next(ADDRESSES)})
                took[is_known].append((time.perf_counter() - started) * 1000)
                answers[is_known].add(told(answer))
    apart = statistics.median(took[True]) - statistics.median(took[False])
    share = auc(took[True], took[False])
    middle = statistics.median(took[False])
    print(
        f"A8 {question}: {SAMPLES} samples each, medians {apart:+.2f} of {middle:.0f} ms apart, AUC {share:.3f}"
    )
    assert len(answers[True] | answers[False]) == 1, answers
    assert abs(apart) <= MOST_APART_MS
    assert AUC[0] <= share <= AUC[1]


def _logged_out(portico: RunningStack, email: str, token: str) -> None:
    httpx.delete(f"{portico.url}/v1/sessions/current", headers=bearer(token)).raise_for_status()


def _disabled(portico: RunningStack, email: str, token: str) -> None:
    account = httpx.get(f"{portico.url}/v1/me", headers=bearer(token)).json()["id"]
    version = portico.admin.get(f"/v1/accounts/{account}")["version"]
    portico.admin.act(f"/v1/accounts/{account}/disable", version=version)


def _another_level(portico: RunningStack, email: str, token: str) -> None:
    account = httpx.get(f"{portico.url}/v1/me", headers=bearer(token)).json()["id"]
    version = portico.admin.get(f"/v1/accounts/{account}")["version"]
    portico.admin.put(f"/v1/accounts/{account}/security-level", version=version, security_level="trainee")


def _another_password(portico: RunningStack, email: str, token: str) -> None:
    with httpx.Client(base_url=portico.url) as elsewhere:
        credentials = {"organisation": HARBOR, "login": email, "password": portico.password_of(email)}
        own = elsewhere.post("/v1/sessions", json=credentials).json()["token"]
        change = {"password": portico.password_of(email), "new_password": NEW_PASSWORD}
        elsewhere.post("/v1/me/password", json=change, headers=bearer(own)).raise_for_status()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def replays(
    portico: RunningStack,
    gateways: list[str],
    end: Callable[[RunningStack, str, str], None],
    sessions: int,
    times: int,
) -> int:
    """End so many sessions and use each again at once at every gateway. Returns how often that worked."""
    accepted = 0
    for number in range(sessions):
        email = f"replay-{end.__name__}-{number}@harbor.example.org"
        token = str(portico.create_staff(email).token)
        assert {httpx.get(f"{url}/v1/me", headers=bearer(token)).status_code for url in gateways} == {200}
        end(portico, email, token)
        for _, url in itertools.product(range(times), gateways):
            accepted += httpx.get(f"{url}/v1/me", headers=bearer(token)).status_code != 401
    return accepted


ENDS = [_logged_out, _disabled, _another_level, _another_password]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.fault("A10")
@pytest.mark.parametrize("end", ENDS)
def test_an_ended_session_is_refused_by_every_gateway_at_once(
    portico: RunningStack, gateways: list[str], end: Callable[[RunningStack, str, str], None]
) -> None:
    """The first request after the answer to the sign-out is refused, so within a second."""
    accepted = replays(portico, gateways, end, sessions=10, times=11)
    print(f"A10 {end.__name__}: 220 replays at 2 gateways, the first at once, {accepted} accepted")
    assert accepted == 0
