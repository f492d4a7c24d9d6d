"""A decline, and what was decided on a consent, are signed by themselves and verify with the public key alone."""

from __future__ import annotations

import base64
import datetime
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from services.contracts.errors import Refused
from services.contracts.portals import consents
from services.contracts.signing import decisions
from services.signing.decisions import sealing
from services.signing.documents.signer import SignatureDoesNotHoldError
from services.signing.pdf import detached
from tests.support.in_process import HARBOR, a_caller

AT = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
PAT = "b1" * 16


def a_consent(number: int) -> dict[str, Any]:
    """What portals tells about a decision on a consent."""
    return {
        "id": f"{number:032x}", "consent_id": "a1" * 16, "text_version": 1, "language": "en", "title": "Sharing",
        "text": "We share.", "text_hash": "0" * 64, "decision": "signed",
        "at": (AT + datetime.timedelta(seconds=number)).isoformat(), "valid_until": None, "account_id": PAT,
        "person_id": "5" * 32, "session_id": None, "realm": "family", "typed_name": "Pat Quill",
        "method": consents.TYPED_NAME_AND_TICKED_BOX,
    }  # fmt: skip


def opened(office: Any, decision_id: str, caller: Any) -> bytes:
    reference = office.call(decisions.open_decision_file, caller, decision_id=decision_id)
    assert reference["media_type"] == "application/json"
    content: bytes = office.process.runtime.blobs.opened(HARBOR[0], reference["sha256"]).read()
    return content


def declined(office: Any) -> tuple[Any, str]:
    document = office.decline(office.send(), "Wrong dose, Mrs Quimby.")
    shown = office.call(office.get, office.staff, document_id=document["id"])
    assert sealing.seal(office.process.runtime)
    return document, shown["recipients"][0]["id"]


@pytest.fixture
def office(office: Any) -> Any:
    from services.contracts.signing import documents

    office.get = documents.get_document
    return office


@pytest.fixture
def portals(office: Any) -> list[dict[str, Any]]:
    """The decisions on consents that lie with portals."""
    known: list[dict[str, Any]] = []

    def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        since = request["since"] or AT - datetime.timedelta(days=1)
        later = [each for each in known if datetime.datetime.fromisoformat(each["at"]) >= since]
        return {"items": later[: request["limit"]]}

    office.process.answers["portals.list_decided_consents"] = answer
    return known


def hear(office: Any) -> None:
    data = {
        "account_id": PAT,
        "consent_id": "a1" * 16,
        "text_version": 1,
        "generation": 1,
        "valid_until": None,
    }
    office.process.deliver(consents.consent_signed, data)


def openssl(file: bytes, root: bytes, folder: Path) -> bool:
    """Whether OpenSSL, an independent verifier, finds the signature of the statement good."""
    parts = json.loads(file)
    (folder / "statement").write_text(parts["statement"], encoding="utf-8")
    (folder / "signature").write_bytes(base64.b64decode(parts["signature"]))
    (folder / "root.pem").write_bytes(root)
    command = [
        "openssl",
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        "signature",
        "-content",
        "statement",
    ]
    command += ["-CAfile", "root.pem", "-purpose", "any", "-out", "/dev/null"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_a_decline_is_signed_and_verifies_offline(office: Any, tmp_path: Path) -> None:
    document, decision_id = declined(office)
    file = opened(office, decision_id, office.ana)
    root = office.authority().certificate
    checked = detached.verify(file, trust_roots=[root])
    assert checked.is_valid
    assert checked.signed_at is not None
    assert checked.statement is not None
    told = {name: checked.statement[name] for name in ("decision", "document_sha256", "note", "name", "kind")}
    assert told == {
        "decision": "declined",
        "document_sha256": document["sha256"],
        "note": "Wrong dose, Mrs Quimby.",
        "name": "Ana Ruiz",
        "kind": "decline",
    }
    assert openssl(file, root.public_bytes(Encoding.PEM), tmp_path)
    forged = file.replace(b"Wrong dose", b"Right dose")
    assert not detached.verify(forged, trust_roots=[root]).is_valid
    assert not openssl(forged, root.public_bytes(Encoding.PEM), tmp_path)
    (row,) = office.process.audit("decision.sealed")
    assert "Quimby" not in str(row.facts)


def test_a_decision_is_seen_by_its_person_and_by_those_who_may(office: Any, portals: list[Any]) -> None:
    _, decision_id = declined(office)
    portals.append(a_consent(1))
    hear(office)
    sealing.seal(office.process.runtime)
    pat = a_caller(id=PAT, realm="family")
    keeper = a_caller("consent.manage", id="c2" * 16)
    no_reader = a_caller("document.send", id="c3" * 16)
    may = {decision_id: [office.ana, office.staff], portals[0]["id"]: [pat, keeper]}
    everybody = [office.ana, office.ben, office.staff, pat, keeper, no_reader]
    for named, allowed in may.items():
        for caller in everybody:
            if caller in allowed:
                assert opened(office, named, caller)
            else:
                with pytest.raises(Refused) as caught:
                    opened(office, named, caller)
                assert caught.value.code == "not_found"
    (own,) = office.call(decisions.list_my_decisions, pat)["items"]
    assert (own["id"], own["kind"]) == (portals[0]["id"], "consent")
    assert office.call(decisions.list_my_decisions, office.ben)["items"] == []


def test_a_person_of_another_realm_sees_no_decision_of_others_whatever_they_may(
    office: Any, portals: list[Any]
) -> None:
    _, decision_id = declined(office)
    portals.append(a_consent(1))
    hear(office)
    sealing.seal(office.process.runtime)
    for realm in ("provider", "family"):
        other = a_caller("document.read", "consent.manage", id="c4" * 16, realm=realm)
        for named in (decision_id, portals[0]["id"]):
            with pytest.raises(Refused) as caught:
                opened(office, named, other)
            assert caught.value.code == "not_found"


def test_who_reads_documents_but_not_this_one_does_not_see_its_decline(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, decision_id = declined(office)
    assert opened(office, decision_id, office.staff)
    monkeypatch.setattr("services.signing.documents.queries.find_document", lambda *_: None)
    with pytest.raises(Refused) as caught:
        opened(office, decision_id, office.staff)
    assert caught.value.code == "not_found"


def test_a_seal_that_does_not_verify_is_never_kept(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    office.decline(office.send(), "Wrong dose.")
    with monkeypatch.context() as patch:
        patch.setattr(detached, "verify", lambda *_, **__: detached.DetachedCheck())
        with pytest.raises(SignatureDoesNotHoldError):
            sealing.seal(office.process.runtime)
    assert office.process.audit("decision.sealed") == []
    assert office.call(decisions.list_my_decisions, office.ana)["items"] == []
    sealing.seal(office.process.runtime)
    (own,) = office.call(decisions.list_my_decisions, office.ana)["items"]
    assert own["kind"] == "decline"
    sealing.seal(office.process.runtime)
    assert len(office.process.audit("decision.sealed")) == 1


def test_one_decides_on_a_consent_of_somebody_elses_care_and_the_trail_names_that_person(
    office: Any, portals: list[Any]
) -> None:
    portals += [a_consent(1), a_consent(2) | {"person_id": None}]
    hear(office)
    sealing.seal(office.process.runtime)
    rows = {row.object_id: row.person_id for row in office.process.audit("decision.sealed")}
    assert rows == {portals[0]["id"]: "5" * 32, portals[1]["id"]: None}


def test_what_is_heard_while_consents_are_read_is_looked_for_again(
    office: Any, portals: list[dict[str, Any]]
) -> None:
    portals.append(a_consent(1))
    hear(office)
    answer = office.process.answers["portals.list_decided_consents"]

    def heard_meanwhile(request: Mapping[str, Any]) -> Any:
        page = answer(request)
        if len(portals) == 1:
            portals.append(a_consent(2))
            hear(office)
        return page

    office.process.answers["portals.list_decided_consents"] = heard_meanwhile
    sealing.seal(office.process.runtime)
    sealing.seal(office.process.runtime)
    sealed = [row.object_id for row in office.process.audit("decision.sealed")]
    assert sealed == [each["id"] for each in portals]


def test_a_consent_that_was_committed_late_is_signed_within_the_overlap(
    office: Any, portals: list[Any]
) -> None:
    portals.append(a_consent(240))
    hear(office)
    sealing.seal(office.process.runtime)
    portals.insert(0, a_consent(1))
    hear(office)
    sealing.seal(office.process.runtime)
    pat = a_caller(id=PAT, realm="family")
    listed = office.call(decisions.list_my_decisions, pat)["items"]
    assert [each["id"] for each in listed] == [a_consent(240)["id"], a_consent(1)["id"]]


def test_consents_are_signed_when_one_is_heard_of_those_of_before_as_well_and_each_once(
    office: Any, portals: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "MOST_AT_ONCE", 2)
    portals += [a_consent(number) for number in range(1, 4)]
    assert sealing.seal(office.process.runtime)  # nothing was heard of
    hear(office)
    while not sealing.seal(office.process.runtime):
        continue
    pat = a_caller(id=PAT, realm="family")
    listed = lambda: [each["id"] for each in office.call(decisions.list_my_decisions, pat)["items"]]  # noqa: E731
    assert listed() == [each["id"] for each in reversed(portals)]
    portals.append(a_consent(9))
    hear(office)
    while not sealing.seal(office.process.runtime):
        continue
    assert len(listed()) == len(office.process.audit("decision.sealed")) == 4
    root = office.authority().certificate
    checked = detached.verify(opened(office, portals[3]["id"], pat), trust_roots=[root])
    assert checked.statement is not None
    assert (checked.is_valid, checked.statement["typed_name"], checked.statement["text_hash"]) == (
        True,
        "Pat Quill",
        "0" * 64,
    )


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"statement": "{}", "signature": "!"}',
        b'{"statement": "{}", "signature": "AAAA"}',
    ],
)
def test_what_is_no_signed_decision_is_not_valid(office: Any, file: bytes) -> None:
    assert not detached.verify(file, trust_roots=[office.authority().certificate]).is_valid


def test_the_signature_of_another_authority_is_not_valid(office: Any, tmp_path: Path) -> None:
    from services.signing.pdf.certificates import Authority

    _, decision_id = declined(office)
    other = Authority(tmp_path / "other", "secret").certificate
    assert not detached.verify(opened(office, decision_id, office.ana), trust_roots=[other]).is_valid
