"""A provider who is sent a document before having an account: two mails, a direct link, a password, a signature (S4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from deploy.client import Portico
from deploy.journey import Journey
from tests.support.eventually import eventually
from tests.support.stack import RunningStack


@dataclass
class Sent:
    """The account and the document of a provider who has never signed in."""

    journey: Journey
    account: dict[str, Any]
    document: dict[str, Any]

    def mails(self) -> list[dict[str, Any]]:
        """The mails, oldest first."""
        return list(reversed(self.journey.mails_to(self.account["email"])))

    def about_the_document(self) -> dict[str, Any]:
        """The mail that says a document is ready."""
        return self.journey.await_mail(
            self.account["email"], lambda mail: "ready to be signed" in mail["subject"]
        )


@pytest.fixture(scope="module")
def sent(portico: RunningStack) -> Sent:
    journey = portico.journey()
    account = journey.create_provider("Ines", journey.find_program("Community Pantry"))
    return Sent(journey, account, journey.send_document(journey.enter_record(), account))


@pytest.mark.seed("S4-6", "S4-8", "S4-9", "S4-15")
def test_the_provider_gets_two_initial_mails(sent: Sent) -> None:
    def both_are_there() -> None:
        assert len(sent.mails()) == 2

    eventually(both_are_there)
    texts = sorted((mail["subject"], "#token=" in mail["text"]) for mail in sent.mails())
    assert [has_link for _, has_link in texts] == [False, True]
    assert "ready to be signed" in texts[0][0]


@pytest.mark.seed("S4-13")
def test_the_mail_about_the_document_links_directly_to_the_portal(sent: Sent, portico: RunningStack) -> None:
    (link,) = set(re.findall(r"https?://\S+", sent.about_the_document()["text"]))
    assert urlsplit(link).port == urlsplit(portico.url).port
    assert urlsplit(link).path == "/at/harbor/provider"
    assert dict(parse_qsl(urlsplit(link).query)) == {"return_path": f"/signing/{sent.document['id']}"}
    page = requests.get(link, timeout=10)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert not re.search("token|Rosalind|Quimby", link)


@pytest.mark.seed("S4-4", "S4-7", "S4-9", "S4-15")
def test_the_provider_creates_the_account_and_signs_electronically_what_was_sent_before(sent: Sent) -> None:
    provider: Portico = sent.journey.accept_invitation(sent.account)

    me = provider.get("/v1/me")
    assert me["login"] == sent.account["email"]
    assert [item["id"] for item in provider.get("/v1/documents")["items"]] == [sent.document["id"]]
    path = f"/v1/documents/{sent.document['id']}"
    assert provider.download(f"{path}/file").startswith(b"%PDF-")
    version = provider.get(path)["version"]
    signed = provider.act(f"{path}/signature", version=version, meaning="approval", note="Agreed.")
    assert (signed["state"], signed["is_signed"]) == ("signed", True)


@pytest.mark.seed("S4-4")
def test_nobody_without_an_account_of_their_own_signs(sent: Sent) -> None:
    path = f"/v1/documents/{sent.document['id']}/signature"
    visitor = Portico(sent.journey.gateway_url)
    assert visitor.act(path, version=1, expect=401, meaning="approval")["code"] == "unauthenticated"
    assert sent.journey.staff.act(path, version=1, expect=403, meaning="approval")["code"] == "forbidden"
