"""The consent gate across portals and identity: a model tells who may pass, whatever happens in whichever order."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from services.chassis.operations import admit
from services.chassis.passports import Caller
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity import passports, people, sessions
from services.contracts.portals import consents as contract
from services.contracts.portals import definitions
from services.identity.settings import PerRealm
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import OWN_PASSWORD, Desk
from tests.integration.identity.test_passports_mail_links import allow, minted
from tests.support.in_process import FakeVerifier, InProcess, a_caller

START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
PORTALS = ("family", "second-family", "patient")  # the third is for patients
RENEWALS = {None: None, "P10D": 10 * DAY, "P30D": 30 * DAY}
SERVICES = ("identity", "referrals", "portals", "signing", "notifications")
EVENTS = (contract.consents_required, contract.consent_signed, contract.consent_withdrawn)


# What anybody of the member's realm may call, if nothing but the consents and permissions decides.
OF_MEMBERS: dict[str, list[Operation]] = {
    contract_of.service: [
        each
        for each in contract_of.operations.values()
        if each.access.kind in ("signed_in", "permission") and "family" in (each.access.realms or ("family",))
    ]
    for contract_of in CONTRACTS
}
BEFORE = {
    service: {each.name for each in operations if each.before_consent}
    for service, operations in OF_MEMBERS.items()
}


def _admits(operation: Operation, verifier: FakeVerifier) -> bool:
    try:
        admit(operation, verifier, "passport", {})
    except Refused:
        return False
    return True


class Gate:
    """Identity and portals, with a member of a family who is signed in."""

    def __init__(self, identity: Identity, portals: InProcess) -> None:
        self.identity, self.portals = identity, portals
        for name in ("session_idle_minutes", "session_absolute_hours"):
            setattr(identity.runtime.settings, name, PerRealm(10**7))
        desk = Desk(identity)
        client = desk.a_client()
        person = desk.a_contact(client)
        desk.grant(client, person)
        desk.first_sign_in(person["email"])
        self.token = desk.sign_in(person["email"], OWN_PASSWORD)["token"]
        self.organisation = (identity.harbor.organisation_id, "harbor")
        self.staff = a_caller("consent.manage", "portal.configure", organisation=self.organisation)
        portals.call(definitions.create_portal, self.staff, portal=PORTALS[1], kind="family")
        self.delivered = 0

    @property
    def member(self) -> Caller:
        return self.identity.caller(self.token, "portals")

    def passing(self) -> dict[str, set[str]]:
        """By service: the operations that let the member in now, by the passport for that service."""
        found: dict[str, set[str]] = {}
        for service, operations in OF_MEMBERS.items():
            verifier = FakeVerifier()
            verifier.caller = self.identity.caller(self.token, service)
            found[service] = {each.name for each in operations if _admits(each, verifier)}
        return found

    @property
    def is_closed(self) -> bool:
        return self.member.consents_due

    def deliver(self, order: random.Random | None = None) -> None:
        """Hand over all that portals has published since, in this order."""
        fresh = self.portals.events()[self.delivered :]
        self.delivered += len(fresh)
        told = [(event, each["data"]) for each in fresh for event in EVENTS if event.type == each["type"]]
        if order:
            order.shuffle(told)
        for event, data in told:
            self.identity.deliver(event, data, organisation=self.organisation)

    def a_consent(self, renewal: str | None = None) -> str:
        made = self.portals.call(
            contract.create_consent, self.staff, title="Privacy", text="Ours.", renewal=renewal
        )
        return str(made["id"])

    def require(self, portal: str, consent_ids: list[str], renewal: str | None = None) -> None:
        request = {"portal": portal, "consent_ids": consent_ids, "renewal": renewal}
        self.portals.call(contract.require_consents, self.staff, **request)

    def renew(self, consent_id: str, renewal: str | None) -> None:
        version = self.portals.call(contract.get_consent, self.staff, consent_id=consent_id)["version"]
        request = {"title": "Privacy", "text": "Ours.", "renewal": renewal, "consent_id": consent_id}
        self.portals.call(contract.renew_consent_text, self.staff, version=version, **request)

    def sign(self, consent_id: str, answer: str = "agree") -> None:
        listed = self.portals.call(contract.list_my_consents, self.member)["items"]
        (shown,) = [each for each in listed if each["consent_id"] == consent_id]
        request = {each: shown[each] for each in ("consent_id", "text_version", "text_hash")}
        signature = {"answer": answer, "typed_name": "Kim Quimby", "is_ticked": True}
        self.portals.call(contract.sign_consent, self.member, **(request | signature))

    def withdraw(self, consent_id: str) -> None:
        self.portals.call(contract.withdraw_consent, self.member, consent_id=consent_id)


@pytest.fixture
def portals(tmp_path: Any) -> Iterator[InProcess]:
    process = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield process
    process.close()


def test_the_link_of_a_mail_tells_of_a_consent_that_is_due_and_only_then(
    either: Identity, portals: InProcess
) -> None:
    gate = Gate(either, portals)
    allow(either, "act_from_mail")
    token = minted(either, gate.member.id, purpose="confirm_appointment")
    assert not either.caller(token, "portals").consents_due
    consent = gate.a_consent()
    gate.require(PORTALS[0], [consent])
    gate.deliver()
    assert either.caller(token, "portals").consents_due
    gate.sign(consent)
    gate.deliver()
    assert not either.caller(token, "portals").consents_due


@pytest.mark.seed("S2-40")
def test_a_closed_gate_lets_through_only_what_comes_before_consent(
    either: Identity, portals: InProcess
) -> None:
    gate = Gate(either, portals)
    consent = gate.a_consent()
    assert not gate.is_closed
    gate.require(PORTALS[0], [consent])
    gate.deliver()
    assert gate.is_closed
    own = {"caller": either.caller(gate.token)}
    with pytest.raises(Refused) as refused:
        either.call(people.list_my_profiles, **own)
    assert (refused.value.code, refused.value.status) == ("consents_due", 403)
    assert either.call(passports.describe_me, **own)
    assert not either.caller(either.log_in()["token"]).consents_due
    gate.sign(consent)
    assert gate.is_closed
    gate.deliver()
    assert either.call(people.list_my_profiles, either.caller(gate.token))["items"]
    gate.withdraw(consent)
    gate.deliver()
    assert gate.is_closed
    either.call(sessions.log_out, either.caller(gate.token))


class Machine(RuleBasedStateMachine):
    """Two consents, two portals of the realm and one of another."""

    gate: Gate
    clock: Any

    def __init__(self) -> None:
        super().__init__()
        self.own_renewal: list[str | None] = [None, "P30D"]
        self.consents = [self.gate.a_consent(each) for each in self.own_renewal]
        for portal in PORTALS:
            self.gate.require(portal, [])
        self.gate.deliver()
        self.usual = self.gate.passing()
        self.version = [1, 1]
        self.required: dict[str, tuple[tuple[int, ...], str | None]] = {}
        self.given: dict[int, tuple[int, datetime.datetime | None]] = {}
        self.require(PORTALS[0], (0, 1), "P10D")  # otherwise few runs come to a signature that ends
        for number in (0, 1):
            self.decide(number, "agree")

    def _intervals(self, number: int) -> list[datetime.timedelta]:
        asked = [by for numbers, by in self.of_realm() if number in numbers]
        found = [RENEWALS[each] for each in (self.own_renewal[number], *asked)]
        return [each for each in found if each is not None]

    def of_realm(self) -> list[tuple[tuple[int, ...], str | None]]:
        return [self.required[each] for each in PORTALS[:2] if each in self.required]

    def asked_for(self) -> set[int]:
        return {number for numbers, _ in self.of_realm() for number in numbers}

    @rule(
        portal=st.sampled_from(PORTALS),
        numbers=st.sampled_from([(), (0,), (1,), (0, 1)]),
        renewal=st.sampled_from(list(RENEWALS)),
    )
    def require(self, portal: str, numbers: tuple[int, ...], renewal: str | None) -> None:
        self.gate.require(portal, [self.consents[each] for each in numbers], renewal)
        self.required[portal] = (numbers, renewal)

    @rule(number=st.integers(0, 1), renewal=st.sampled_from(list(RENEWALS)))
    def new_version(self, number: int, renewal: str | None) -> None:
        self.gate.renew(self.consents[number], renewal)
        self.version[number] += 1
        self.own_renewal[number] = renewal

    @rule(number=st.integers(0, 1), answer=st.sampled_from(["agree", "agree", "refuse"]))
    def decide(self, number: int, answer: str) -> None:
        if number not in self.asked_for():
            return
        self.gate.sign(self.consents[number], answer)
        shortest = min(self._intervals(number), default=None)
        ends = shortest and datetime.datetime.now(datetime.UTC) + shortest
        self.given.pop(number, None)
        if answer == "agree":
            self.given[number] = (self.version[number], ends)

    @rule(number=st.integers(0, 1))
    def withdraw(self, number: int) -> None:
        if self.given.pop(number, None):
            self.gate.withdraw(self.consents[number])

    @rule(days=st.sampled_from([1, 10, 20]))
    def time_passes(self, days: int) -> None:
        self.clock.shift(days * DAY)

    def holds(self, number: int) -> bool:
        version, ends = self.given.get(number, (0, None))
        is_running = ends is None or datetime.datetime.now(datetime.UTC) < ends
        return version == self.version[number] and is_running

    @invariant()
    def the_gate_is_as_the_model_says(self) -> None:
        self.gate.deliver(random.Random(self.version[0]))
        is_open = all(map(self.holds, self.asked_for()))
        assert self.gate.is_closed is not is_open
        assert self.gate.portals.call(contract.list_my_consents, self.gate.member)["are_due"] is not is_open
        passing = self.gate.passing()
        for service in SERVICES:
            if is_open:
                assert passing[service] == self.usual[service]
            else:
                assert passing[service] == self.usual[service] & BEFORE[service]


@pytest.mark.seed("S2-40")
@pytest.mark.seed("S2-43")
def test_the_gate_is_open_exactly_when_a_plain_model_says_so(identity: Identity, portals: InProcess) -> None:
    with time_machine.travel(START, tick=False) as clock:
        gate = Gate(identity, portals)
        around = {"gate": gate, "clock": clock}
        usual = gate.passing()
        # The member may call something that waits for consent in each of these services.
        assert all(usual[service] - BEFORE[service] for service in SERVICES)
        run_state_machine_as_test(
            type("AroundTheGate", (Machine,), around),
            settings=settings(
                max_examples=12,
                stateful_step_count=12,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_what_others_require_closes_nothing(identity: Identity, portals: InProcess) -> None:
    gate = Gate(identity, portals)
    gate.require(PORTALS[2], [gate.a_consent()])
    gate.deliver()
    assert not gate.is_closed
    required = portals.events(contract.consents_required)[-1]["data"]
    of_family = required | {"portal": PORTALS[0], "realm": "family", "consent_id": "4" * 32}
    bayside = identity.an_organisation("bayside").organisation_id
    identity.deliver(contract.consents_required, of_family, organisation=(bayside, "bayside"))
    assert not gate.is_closed
    own = of_family | {"consent_id": "5" * 32}
    identity.deliver(contract.consents_required, own, organisation=gate.organisation)
    assert gate.is_closed


@pytest.mark.seed("S2-43")
@pytest.mark.seed("S2-124")
def test_the_gate_closes_by_the_clock_when_a_signature_ends(either: Identity, portals: InProcess) -> None:
    with time_machine.travel(START, tick=False) as clock:
        gate = Gate(either, portals)
        once, renewed = gate.a_consent(), gate.a_consent("P10D")
        gate.require(PORTALS[0], [once, renewed])
        gate.sign(once)
        gate.sign(renewed)
        gate.deliver()
        clock.shift(10 * DAY - datetime.timedelta(seconds=1))
        assert not gate.is_closed
        clock.shift(1)
        assert gate.is_closed  # no event tells it
        gate.sign(renewed)
        gate.deliver()
        assert not gate.is_closed


@pytest.mark.seed("S2-40")
def test_events_that_change_places_leave_the_newest_state(identity: Identity, portals: InProcess) -> None:
    gate = Gate(identity, portals)
    consent = gate.a_consent()
    gate.require(PORTALS[0], [consent])
    gate.deliver()
    gate.sign(consent)
    gate.withdraw(consent)
    later, earlier = (portals.events(each)[-1]["data"] for each in (EVENTS[2], EVENTS[1]))
    identity.deliver(contract.consent_withdrawn, later, organisation=gate.organisation)
    identity.deliver(contract.consent_signed, earlier, organisation=gate.organisation)
    assert gate.is_closed
