"""Both organisations' objects in signing, for the tests about foreign ids."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from services.contracts.errors import Refused
from services.contracts.referrals import records as records_contract
from services.contracts.signing import documents as signing
from services.signing.decisions import sealing
from services.signing.documents.page_pictures import PagePictures
from services.signing.documents.signer import Signer
from services.signing.verification.attempts import Attempts
from tests.integration.signing.conftest import a_pdf
from tests.support.in_process import InProcess
from tests.support.known_to_identity import ACCOUNTS, IDS, PEOPLE, knows_account, knows_person
from tests.support.two_organisations import KEYS, World, everybody, finished


def signing_world(folder: Path) -> World:
    """Signing: documents to decide on in both organisations. Identity knows one account of each."""
    file = folder / "signing.db"
    service = InProcess(
        "signing",
        f"sqlite:///{file}",
        folder,
        signing_keys_dir=str(folder / "keys"),
        signing_key_passphrase_file=None,
        timestamp_authority="local",
        timestamp_roots_file=None,
        max_document_bytes=1_000_000,
        max_document_pages=20,
        signing_workers=2,
    )
    service.runtime.parts.keep(Signer, Signer(service.runtime.settings, service.runtime.blobs))
    service.runtime.parts.keep(PagePictures, PagePictures(service.runtime.blobs))
    service.runtime.parts.keep(Attempts, Attempts())
    world = World(service, file, dict(IDS), {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS})
    for key in KEYS:
        _answers_within(service, key)
        caller = world.callers[key]
        world.keep(key, "account", ACCOUNTS[key])
        world.keep(key, "record", ("3" if key == "harbor" else "4") * 32)
        blob = service.upload(a_pdf(f"Plan of {key}"), world.organisations[key][0])
        world.keep(key, "blob", blob)
        world.keep(key, "person", PEOPLE[key])
        for _ in range(2):
            sent = service.call(
                signing.send_document,
                caller,
                document=blob,
                title=f"Plan of {key}",
                contact_record_id=world.objects[key]["record"][0],
                recipient_account_id=ACCOUNTS[key],
            )
            world.keep(key, "document", sent["id"])
        faxed = service.call(
            signing.send_document,
            caller,
            document=blob,
            title="Faxed",
            channel="fax",
            addressee="Dr Grey",
            fax_number="+14155550177",
            fax_number_again="+14155550177",
        )
        world.keep(key, "faxed_document", faxed["id"])
        world.keep(key, "decision", _a_signed_decline(service, caller, blob, key))
    world.requests["signing.decline_document"] = lambda own, _: {"reason_code": "content_wrong"}
    world.requests["signing.send_document"] = lambda own, _: {"recipient_account_id": own["account"][0]}
    world.requests["signing.decline_on_paper"] = lambda own, _: {"reason_code": "content_wrong"}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    world.requests["signing.attach_signed_copy"] = lambda own, _: {"signed_on": today}
    knows_person(service, "bayside")
    return finished(world)


def _a_signed_decline(service: InProcess, caller: Any, blob: Any, key: str) -> str:
    """A document that was declined, and the decline signed."""
    sent = service.call(
        signing.send_document, caller, document=blob, title="Declined", recipient_account_id=ACCOUNTS[key]
    )
    service.call(
        signing.decline_document, caller, version=1, document_id=sent["id"], reason_code="content_wrong"
    )
    sealing.seal(service.runtime)
    shown = service.call(signing.get_document, caller, document_id=sent["id"])
    return str(shown["recipients"][0]["decision_id"])


def _answers_within(service: InProcess, key: str) -> None:
    """The answers of identity and referrals to a service within this organisation."""
    knows_account(service, key)

    def describe_record(request: Any) -> Any:
        if request["contact_record_id"] != ("3" if key == "harbor" else "4") * 32:
            raise Refused("not_found", "There is no such contact record.")
        person_id = PEOPLE[key]
        named = {"person_id": person_id, "named_person_id": person_id}
        return {"contact_record_id": request["contact_record_id"], "number": "CR-00000042", **named}

    service.answers[records_contract.describe_contact_record.address] = describe_record
