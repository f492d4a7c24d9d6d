"""The signing service in process, with documents and the answers of the other services."""

from __future__ import annotations

import datetime
import functools
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from reportlab.pdfgen.canvas import Canvas

from services.chassis import pdf_screening
from services.contracts.errors import Refused
from services.contracts.signing import documents as contract
from services.contracts.signing import paper
from services.signing.documents.page_pictures import PagePictures
from services.signing.documents.signer import Signer
from services.signing.pdf.certificates import Authority
from services.signing.verification.attempts import Attempts
from tests.support.in_process import HARBOR, InProcess, a_caller

STAFF = "c" * 32
ANA = "d" * 32
BEN = "e" * 32


@functools.cache
def a_pdf(text: str = "Plan of care", pages: int = 2) -> bytes:
    """A plain document."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number in range(pages):
        canvas.drawString(72, 700, f"{text}, page {number + 1}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class Accounts:
    """A stand-in for identity: accounts by id, all of Harbor House."""

    def __init__(self) -> None:
        self.features = ["electronic_signature"]
        self.known: dict[str, dict[str, Any]] = {
            ANA: {"first_name": "Ana", "last_name": "Ruiz", "email": "ana@clinic.example", "state": "active"},
            BEN: {"first_name": None, "last_name": None, "email": "ben@clinic.example", "state": "invited"},
        }

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        account_id = request["account_id"]
        if account_id not in self.known:
            raise Refused("not_found", "There is no such account.")
        more = {"account_id": account_id, "organisation_name": "Harbor House", "features": self.features}
        usual = {"realm": "provider", "email_is_verified": True, "person_id": None, "can_sign": True}
        return {**usual, **self.known[account_id], **more}

    def name(self, request: Mapping[str, Any]) -> dict[str, Any]:
        known = {STAFF: "Sam F.", ANA: "Ana R."}
        authors = [{"id": each, "name": known.get(each)} for each in request["account_ids"]]
        return {"organisation_name": "Harbor House", "authors": authors}


class SigningOffice:
    """The service with its people: `staff` sends, the providers `ana` and `ben` decide."""

    def __init__(self, url: str, folder: Path, keys: Path, **settings: Any) -> None:
        defaults = {
            "signing_keys_dir": str(keys),
            "signing_key_passphrase_file": None,
            "timestamp_authority": "local",
            "timestamp_roots_file": None,
            "max_document_bytes": 1_000_000,
            "max_document_pages": 20,
            "signing_workers": 2,
        }
        self.process = InProcess("signing", url, folder, **(defaults | settings))
        self.signer(Signer(self.process.runtime.settings, self.process.runtime.blobs))
        self.process.runtime.parts.keep(PagePictures, PagePictures(self.process.runtime.blobs))
        self.process.runtime.parts.keep(Attempts, Attempts())
        self.accounts = Accounts()
        self.process.answers["identity.describe_account"] = self.accounts.describe
        self.process.answers["identity.describe_authors"] = self.accounts.name
        self.process.answers["identity.get_public_organisation"] = lambda _: {
            "name": "Harbor House",
            "telephone": "+1 415-555-0100",
            "time_zone": "America/Chicago",
        }
        self.keys = keys
        self.staff = a_caller("document.send", "document.read", id=STAFF)
        self.ana = a_caller("document.read", "document.sign", id=ANA, realm="provider")
        self.ben = a_caller("document.read", "document.sign", id=BEN, realm="provider")
        self.call = self.process.call

    def signer(self, signer: Any) -> None:
        self.process.runtime.parts.keep(Signer, signer)

    def upload(self, pdf: bytes, organisation_id: str = HARBOR[0]) -> dict[str, Any]:
        """Store bytes as the gateway does."""
        return self.process.upload(pdf, organisation_id)

    def send(self, pdf: bytes | None = None, **changed: Any) -> Any:
        """Send a document to Ana."""
        request = {
            "document": self.upload(a_pdf() if pdf is None else pdf),
            "title": "Plan of care",
            "recipient_account_id": ANA,
        }
        key = changed.pop("key", None)
        caller = changed.pop("caller", self.staff)
        return self.call(contract.send_document, caller, key=key, **(request | changed))

    def send_on_paper(self, pdf: bytes | None = None, **changed: Any) -> Any:
        """Send a document to Dr Grey, who has no account."""
        return self.send(
            pdf, **({"channel": "print", "recipient_account_id": None, "addressee": "Dr Grey"} | changed)
        )

    def fax(self, **changed: Any) -> Any:
        """Fax a document to Dr Grey."""
        number = {"fax_number": "+1 415 555 0177", "fax_number_again": "+14155550177"}
        return self.send_on_paper(**({"channel": "fax"} | number | changed))

    def attach(self, document: Mapping[str, Any], copy: bytes, **changed: Any) -> Any:
        """Attach the copy of a document that was signed by hand today."""
        caller, version = changed.pop("caller", self.staff), changed.pop("version", document["version"])
        request = {
            "document_id": document["id"],
            "document": self.upload(copy),
            "signed_on": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }
        return self.call(paper.attach_signed_copy, caller, version=version, **(request | changed))

    def sign(self, document: Mapping[str, Any], **changed: Any) -> Any:
        """Sign as Ana, as approval unless another meaning is given."""
        caller, version = changed.pop("caller", self.ana), changed.pop("version", document["version"])
        return self.call(
            contract.sign_document,
            caller,
            version=version,
            document_id=document["id"],
            **{"meaning": "approval", **changed},
        )

    def decline(
        self, document: Mapping[str, Any], note: str | None = "Wrong medication.", **changed: Any
    ) -> Any:
        """Decline as Ana."""
        caller, version = changed.pop("caller", self.ana), changed.pop("version", document["version"])
        return self.call(
            contract.decline_document,
            caller,
            version=version,
            document_id=document["id"],
            note=note,
            **changed,
        )

    def give_back(self, document: Mapping[str, Any], caller: Any = None) -> Any:
        """Mark as returned."""
        caller = caller or self.staff
        return self.call(
            contract.mark_returned, caller, version=document["version"], document_id=document["id"]
        )

    def file(self, document: Mapping[str, Any]) -> bytes:
        """The bytes of the document as it stands now."""
        content: bytes = self.process.runtime.blobs.read(HARBOR[0], document["sha256"])
        return content

    def titles(self, caller: Any = None, **request: Any) -> list[str]:
        """Titles of a list, in its order."""
        page = self.call(contract.list_documents, caller or self.staff, **request)
        return [item["title"] for item in page["items"]]

    def authority(self) -> Authority:
        """The certificate authority of the signatures."""
        return Authority(self.keys, (self.keys / "passphrase").read_text())


_VERDICTS: dict[tuple[str, pdf_screening.Limits], dict[str, str | int]] = {}
_ask_child = pdf_screening._ask_child


def _ask_once(file: BinaryIO, limits: pdf_screening.Limits) -> dict[str, str | int]:
    key = (hashlib.sha256(file.read()).hexdigest(), limits)
    file.seek(0)
    if key not in _VERDICTS:
        _VERDICTS[key] = _ask_child(file, limits)
    return _VERDICTS[key]


@pytest.fixture(autouse=True)
def screened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screen the same bytes once in a run: to start the child takes a quarter of a second."""
    monkeypatch.setattr(pdf_screening, "_ask_child", _ask_once)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of keys for the run: making them takes a second."""
    return tmp_path_factory.mktemp("signing-keys")


@pytest.fixture
def open_office(tmp_path: Path, keys: Path) -> Iterator[Callable[..., SigningOffice]]:
    """A function that opens an office with the given database and settings."""
    opened: list[SigningOffice] = []

    def open_one(url: str | None = None, **settings: Any) -> SigningOffice:
        office = SigningOffice(url or f"sqlite:///{tmp_path}/signing.db", tmp_path, keys, **settings)
        opened.append(office)
        return office

    yield open_one
    for office in opened:
        office.process.close()


@pytest.fixture
def office(open_office: Callable[..., SigningOffice]) -> SigningOffice:
    """The office on SQLite."""
    return open_office()


@pytest.fixture
def pdf() -> Callable[..., bytes]:
    """`a_pdf`, as a fixture."""
    return a_pdf
