"""Both organisations' objects in portals, for the tests about foreign ids."""

from __future__ import annotations

import datetime
import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.chassis.passports import Issuer
from services.chassis.unit_of_work import utc_now
from services.contracts.declare import PORTAL_REALMS
from services.contracts.identity import organisations
from services.contracts.identity.organisations import organisation_created
from services.contracts.portals import (
    answer_files,
    applicants,
    consents,
    definitions,
    fhir,
    inbox,
    message_files,
    message_types,
    messages,
    orders,
    own_changes,
    portal_queue,
    published_items,
    questionnaires,
    responses,
    saved_replies,
    staff_groups,
    supervision,
)
from services.contracts.portals import configuration as portals
from services.contracts.portals import contract as contract_of_portals
from services.contracts.portals import images as portal_images
from tests.support.appointments_of_two import appointments_of
from tests.support.images import an_image
from tests.support.in_process import InProcess
from tests.support.known_to_identity import ACCOUNTS, IDS, knows_account, knows_person
from tests.support.questionnaires import a_published, an_item
from tests.support.two_organisations import KEYS, World, everybody, finished, own_person


def portals_world(folder: Path) -> World:
    """Portals: a configured portal, consents that it requires and signatures in both organisations."""
    file = folder / "portals.db"
    service = InProcess("portals", f"sqlite:///{file}", folder)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for key in KEYS:
        request = {"portal": "provider", "name": f"Partners of {key}", "colour": "#fff", "ticker": []}
        service.call(portals.configure_portal, callers[key], version=1, **request)
        _portal_images(world, key)
        _questionnaires(world, key)
        _consents(world, key)
        knows_person(service, key)
        _published_items(world, key)
        appointments_of(world, key)
        _responses(world, key)
        _application(world, key)
        _portal_queue(world, key)
        _orders(world, key)
        _saved_replies(world, key)
        _staff_groups(world, key)
    world.requests["portals.change_order_item"] = lambda own, _: {"name": "Vision", "is_offered": True}
    knows_person(service, "bayside")
    knows_account(service, "bayside")
    return finished(world)


def _portal_images(world: World, key: str) -> None:
    """A logo and a picture of a portal's start page, and a file to take in."""
    service, staff = world.service, world.callers[key]
    picture = service.call(portal_images.use_stock_image, staff, portal="employee", stock="employee-harbor")
    file = service.upload(an_image("PNG", 40, 20), IDS[key][0])
    logo = service.call(
        portal_images.upload_portal_image, staff, portal="employee", place="logo", document=file
    )
    world.keep(key, "portal_image", picture["image_id"])
    world.keep(key, "portal_logo", logo["image_id"])
    world.keep(key, "blob", service.upload(f"Of {key}.".encode(), IDS[key][0]))
    organisation = {"organisation_id": IDS[key][0]}
    service.deliver(organisations.organisation_created, organisation, organisation=IDS[key])
    world.requests["portals.open_portal_image"] = lambda _own, _: {"organisation": key}
    world.requests["portals.upload_portal_image"] = lambda _own, _: {"portal": "employee", "place": "logo"}
    world.requests["portals.import_portal"] = lambda _own, _: {"portal": "employee"}
    for name in ("change_portal_content", "change_portal_draft"):
        world.requests[f"portals.{name}"] = _images_with_words


def _images_with_words(_own: dict[str, list[Any]], member: str) -> dict[str, Any]:
    """A portal's configuration whose images have words for those who do not see them."""
    outer = member.partition(".")[0]
    images = {outer: {"alternative_text": "A ship"}} if outer in ("logo", "welcome_image") else {}
    return {"portal": "employee", **images}


def _consents(world: World, key: str) -> None:
    """Two consents that a portal requires, and what a member of a family has signed."""
    call, staff = world.service.call, world.callers[key]
    member = everybody(IDS[key], ACCOUNTS[key], realm="family")
    for operation in (consents.list_my_consents, consents.list_my_signed_consents):
        world.callers_of[operation.address, key] = member
    for operation in (consents.sign_consent, consents.withdraw_consent):
        world.callers_of[operation.address, key] = member
    made = [call(consents.create_consent, staff, title=f"Of {key}", text=f"Of {key}.") for _ in range(2)]
    world.keep(key, "consent", *(each["id"] for each in made))
    request = {"portal": "family", "consent_ids": world.objects[key]["consent"]}
    call(consents.require_consents, staff, **request)
    shown = {"text_version": 1, "text_hash": made[0]["text_hashes"]["en"], "answer": "agree"}
    signature = shown | {"typed_name": "Pat Quill", "is_ticked": True}
    for each in made:
        call(consents.sign_consent, member, consent_id=each["id"], **signature)
    world.keep(key, "person", own_person(key))
    picklist = call(consents.list_consents, staff, limit=1)
    signed = call(consents.list_my_signed_consents, member, limit=1)
    world.keep(key, "consent_cursor", picklist["next"])
    world.keep(key, "signed_consent_cursor", signed["next"])
    world.requests["portals.require_consents"] = lambda own, _: {"portal": "family"}
    for name in ("sign_consent", "renew_consent_text", "create_consent"):
        world.requests[f"portals.{name}"] = _a_consent_of(signature, name)


def _questionnaires(world: World, key: str) -> None:
    """Two drafts, and a questionnaire that is published."""
    call, staff = world.service.call, world.callers[key]

    def made(number: int) -> Any:
        item = {"linkId": "a", "type": "string", "text": f"Question {number} of {key}?"}
        resource = {"resourceType": "Questionnaire", "title": f"Form {number} of {key}", "item": [item]}
        return call(questionnaires.import_questionnaire, staff, resource=resource)["questionnaire"]["id"]

    world.keep(key, "questionnaire", made(1), made(2))
    published = made(3)
    world.keep(key, "published_questionnaire", published)
    call(questionnaires.publish_questionnaire, staff, questionnaire_id=published, version=1)
    page = call(questionnaires.list_questionnaires, staff, limit=1)
    world.keep(key, "questionnaire_cursor", page["next"])
    for name, more in (
        ("replace_questionnaire_items", {"items": [{"id": "b", "kind": "text", "text": "New?"}]}),
        ("add_questionnaire_item", {"kind": "text", "text": "New?"}),
        ("change_questionnaire_item", {"item": "a", "kind": "text", "text": "New?"}),
        ("move_questionnaire_item", {"item": "a", "direction": "up"}),
        ("remove_questionnaire_item", {"item": "a"}),
        ("change_questionnaire", {"title": "New"}),
    ):
        world.requests[f"portals.{name}"] = functools.partial(_always, more)


def _responses(world: World, key: str) -> None:
    """A draft of an employee who supervises another, answers of the other to review, an order, and notices."""
    call, staff, own = world.service.call, world.callers[key], own_person(key)
    other = ("8" if key == "harbor" else "9") * 32
    worker, chief = (
        replace(
            everybody(IDS[key], account * 32, realm="employee"),
            scope={"person_id": person, "profiles": profiles},
        )
        for account, person, profiles in (
            ("c" if key == "harbor" else "d", other, [_forms_of(other)]),
            (ACCOUNTS[key][0], own, [_forms_of(own), {**_forms_of(other), "role": "supervisor"}]),
        )
    )
    item, file = an_item("a", observation={"code": "1"}), an_item("file", "file")
    ordered = a_published(world.service, staff, item, title=f"Ordered by {key}")
    told = {"item": "a", "operator": "exists", "value": "true", "department": f"safety-{key}"}
    asked = {"needs_supervisor_review": True, "supervisor_orders": [ordered], "notices": [told]}
    offered = a_published(world.service, staff, item, file, title=f"Offered by {key}", **asked)
    entries = [{"questionnaire_id": offered}]
    call(questionnaires.offer_questionnaires, staff, portal="employee", items=entries, version=1)
    sent = []
    for _ in range(2):
        begun = call(responses.start_response, worker, questionnaire_id=offered)["id"]
        answered = [{"item": "a", "answer": f"Of {key}"}]
        call(responses.save_answers, worker, response_id=begun, answers=answered, version=1)
        document = world.service.upload(an_image("PNG", 40, 20), IDS[key][0])
        given = {"response_id": begun, "question": 2, "document": document}
        call(answer_files.add_answer_file, worker, version=2, **given)
        sent.append(call(responses.submit_response, worker, response_id=begun, version=3)["id"])
    world.keep(key, "sent_response", *sent)
    world.keep(key, "answering_person", other)
    draft = call(responses.start_response, chief, questionnaire_id=offered)
    world.keep(key, "response", draft["id"])
    world.keep(key, "offered_questionnaire", offered)
    world.keep(key, "ordered_questionnaire", ordered)
    mine = call(responses.list_my_questionnaires, chief)["items"]
    ordered_ids = [each["order_id"] for each in mine if each["order_id"]]
    world.keep(key, "supervisor_order", *ordered_ids)
    begun = call(responses.start_response, chief, questionnaire_id=ordered, order_id=ordered_ids[0])
    world.keep(key, "response", begun["id"])
    notices = call(responses.list_answer_notices, staff, limit=1)
    world.keep(key, "answer_notice", notices["items"][0]["id"])
    world.keep(key, "answer_notice_cursor", notices["next"])
    for kind, operation, caller, request in (
        ("sent_response", responses.list_responses, staff, {"person_id": other}),
        ("review", responses.list_reviews, chief, {}),
        ("my_response", responses.list_my_responses, chief, {}),
    ):
        world.keep(key, f"{kind}_cursor", call(operation, caller, limit=1, **request)["next"])
    for operation in contract_of_portals.operations.values():
        if operation.access.realms in (PORTAL_REALMS, ("employee",)) and "response" in operation.name:
            world.callers_of[operation.address, key] = chief
    for operation in (
        answer_files.add_answer_file,
        answer_files.remove_answer_file,
        answer_files.get_my_file_question,
        answer_files.open_my_answer_file,
        answer_files.open_review_file,
        responses.list_my_questionnaires,
        responses.save_answers,
        responses.list_reviews,
        responses.get_review,
        responses.mark_reviewed,
    ):
        world.callers_of[operation.address, key] = chief
    for operation in contract_of_portals.operations.values():
        if "question" in operation.request.fields:
            world.requests[operation.address] = functools.partial(_always, {"question": 2})
    world.requests["portals.start_response"] = lambda own, member: (
        {"questionnaire_id": own["ordered_questionnaire"][0]} if member == "order_id" else {}
    )


def _application(world: World, key: str) -> None:
    """An applicant portal that is on, and an application with a draft."""
    service, call, staff = world.service, world.service.call, world.callers[key]
    service.runtime.issuer = Issuer("portals", Ed25519PrivateKey.generate())
    service.deliver(organisation_created, {"organisation_id": IDS[key][0]}, organisation=IDS[key])
    call(definitions.change_portal, staff, portal="applicant", is_enabled=True, version=1)
    offered = a_published(service, staff, title=f"Applicants of {key}")
    entries = [{"questionnaire_id": offered}]
    call(questionnaires.offer_questionnaires, staff, portal="applicant", items=entries, version=1)
    named = {"first_name": "Robin", "last_name": f"Reed of {key}"}
    begun = call(applicants.start_application, organisation=key, portal="applicant", **named)
    token = {"token": begun["token"]}
    draft = call(applicants.start_application_response, questionnaire_id=offered, **token)
    world.keep(key, "application_questionnaire", offered)
    world.keep(key, "application_response", draft["id"])
    world.keep(key, "application_token", begun["token"])
    for name in ("start_application_response", "get_application_response", "save_application_answers"):
        world.requests[f"portals.{name}"] = lambda own, _: {"token": own["application_token"][0]}


def _forms_of(person: str) -> dict[str, Any]:
    return {"person_id": person, "role": "employee", "permissions": ["profile.view_forms"]}


def _always(request: dict[str, Any], _own: Any, _member: str) -> dict[str, Any]:
    return request


def _published_items(world: World, key: str) -> None:
    """Two items that are published of a person, and somebody of the family who may see them."""
    call, staff, person = world.service.call, world.callers[key], own_person(key)
    profile = {"person_id": person, "role": "r", "permissions": ["profile.view_documents"]}
    scope = {"person_id": person, "profiles": [profile]}
    world.callers_of[published_items.list_my_items.address, key] = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="family"), scope=scope
    )
    world.callers_of[supervision.get_employee_items.address, key] = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="employee"),
        scope={"profiles": [{**profile, "role": "supervisor"}]},
    )
    request = {"person_id": person, "kind": "lost_time", "values": {"days": 1}}
    made = [call(published_items.publish_item, staff, **request) for _ in range(2)]
    world.keep(key, "published_item", made[0]["id"])
    world.keep(key, "item_cursor", call(published_items.list_items, staff, person_id=person, limit=1)["next"])
    world.requests["portals.publish_item"] = lambda own, _: {"kind": "lost_time", "values": {"days": 2}}
    world.requests["portals.publish_items"] = lambda own, _: {
        "source": "lab",
        "items": [{"person_id": person, "kind": "lost_time", "values": {"days": 2}, "source_reference": "1"}],
    }
    world.requests["portals.publish_fhir_bundle"] = lambda own, _: {
        "source": "lab",
        "bundle": {"resourceType": "Bundle"},
    }


def _saved_replies(world: World, key: str) -> None:
    """Two replies to answer with."""
    for name in ("Ready", "Call us"):
        made = world.service.call(
            saved_replies.create_saved_reply, world.callers[key], name=name, text=f"{name} at {key}"
        )
        world.keep(key, "saved_reply", made["id"])
    listed = world.service.call(saved_replies.list_saved_replies, world.callers[key], limit=1)
    world.keep(key, "saved_reply_cursor", listed["next"])


def _staff_groups(world: World, key: str) -> None:
    """Two groups of staff that are offered for refill requests; nobody is away."""
    call, staff = world.service.call, world.callers[key]
    names = [f"{name} of {key}" for name in ("Nurses", "Doctors")]
    made = [call(staff_groups.create_staff_group, staff, name=name)["id"] for name in names]
    world.keep(key, "staff_group", *made)
    kind = call(message_types.get_message_type, staff, code="refill_request")
    call(message_types.change_message_type, staff, **kind | {"group_ids": made})
    days = {"from_on": "2030-01-01", "until_on": "2030-01-02"}
    world.requests["portals.set_my_absence"] = lambda own, _: days


def _orders(world: World, key: str) -> None:
    """A picklist, and two orders of a supervisor for the person."""
    call, person = world.service.call, own_person(key)
    supervisor = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="employee"),
        scope={"profiles": [{"person_id": person, "role": "supervisor", "permissions": []}]},
    )
    for name in ("Audiogram", "Drug screen"):
        made = call(orders.create_order_item, world.callers[key], name=name)
        world.keep(key, "order_item", made["id"])
        call(orders.place_order, supervisor, person_id=person, order_item_id=made["id"])
    world.keep(key, "order_item", call(orders.create_order_item, world.callers[key], name="X-ray")["id"])
    listed = call(orders.list_order_items, world.callers[key], limit=1)
    world.keep(key, "order_item_cursor", listed["next"])
    world.keep(key, "order_cursor", call(orders.list_my_orders, supervisor, limit=1)["next"])
    for operation in (orders.place_order, orders.list_my_orders, orders.list_offered_orders):
        world.callers_of[operation.address, key] = supervisor


def _portal_queue(world: World, key: str) -> None:
    """Items of the queue, and the conversations of the member of the family who has written them."""
    call, staff, person = world.service.call, world.callers[key], own_person(key)
    permissions = ["profile.send_messages", "profile.view_medications"]
    profile = {"person_id": person, "role": "r", "permissions": permissions}
    member = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="family"), scope={"person_id": person, "profiles": [profile]}
    )
    world.keep(key, "account", ACCOUNTS[key])
    for name, operation in vars(inbox).items():
        if name.endswith(("_thread", "_threads", "_message")) and hasattr(operation, "address"):
            world.callers_of[operation.address, key] = member
    for _ in range(4):
        wanted = {"portal": "family", "type": "refill_request", "text": f"Of {key}"}
        world.keep(key, "thread", call(inbox.send_my_message, member, **wanted)["id"])
    items = [each["id"] for each in call(portal_queue.list_queue, staff)["items"]]
    started = call(portal_queue.start_helper_action, staff, version=1, item_id=items[2])
    world.keep(key, "helped_item", started["id"])
    world.keep(key, "queue_item", *items[:2])
    call(portal_queue.dismiss_queue_item, staff, version=1, item_id=items[3], outcome="completed")
    for cursor, operation, more in (
        ("queue_cursor", portal_queue.list_queue, {}),
        ("message_cursor", messages.list_correspondence, {"person_id": person}),
    ):
        world.keep(key, cursor, call(operation, staff, limit=1, **more)["next"])
    world.requests["portals.fhir_page"] = lambda own, _: {"resource_type": "Communication", "realm": "staff"}
    until = (utc_now() + datetime.timedelta(days=1)).isoformat()
    page = {"resource_type": "Communication", "until": until, "count": 1, "account_id": ACCOUNTS[key]}
    exporter = world.caller(fhir.fhir_page, key)
    world.keep(key, "fhir_cursor", call(fhir.fhir_page, exporter, realm="staff", **page)["next"])
    world.keep(
        key, "message", call(messages.list_correspondence, staff, person_id=person, limit=1)["items"][0]["id"]
    )
    for own in (message_files.send_my_file, message_files.open_my_message_file):
        world.callers_of[own.address, key] = member
    sent = call(
        message_files.send_my_file,
        member,
        thread_id=call(inbox.list_my_threads, member)["items"][0]["id"],
        document=world.service.upload(an_image("PNG", 40, 20), IDS[key][0]),
    )
    newest = call(inbox.get_my_thread, member, thread_id=sent["id"])["messages"][-1]
    world.keep(key, "message_file", newest["id"])
    world.keep(key, "thread_cursor", call(inbox.list_my_threads, member, limit=1)["next"])
    _own_changes(world, key, member)
    request = {"portal": "family", "type": "refill_request"}
    world.requests["portals.send_my_message"] = lambda own, _: request
    world.requests["portals.enter_request"] = lambda own, _: {"type": "refill_request"}
    world.requests["portals.start_message"] = lambda own, _: {"type": "general_message"}
    world.requests["portals.dismiss_queue_item"] = lambda own, _: {"outcome": "completed"}
    world.requests["portals.finish_helper_action"] = lambda own, _: {"result_link": "https://x.example.org/1"}
    world.requests["portals.create_message_type"] = lambda own, _: {"code": "parking"}
    world.requests["portals.change_message_type"] = lambda own, _: {"code": "refill_request"}


def _own_changes(world: World, key: str, member: Any) -> None:
    """A change of the own record that the member has asked for, and an entry that could be taken away."""
    call, staff = world.service.call, world.callers[key]
    for operation in (own_changes.get_my_sections, own_changes.request_my_change):
        world.callers_of[operation.address, key] = member
    version = call(portals.get_portal_content, staff, portal="family")["version"]
    sections = {"portal": "family", "editable_sections": ["allergies"]}
    call(portals.change_portal_content, staff, version=version, **sections)
    entry = {"person_id": own_person(key), "kind": "allergy", "values": {"substance": f"Of {key}"}}
    world.keep(key, "allergy", call(published_items.publish_item, staff, **entry)["id"])
    request = {"portal": "family", "section": "allergies", "values": {"substance": "Latex"}}
    world.keep(key, "changing_item", call(own_changes.request_my_change, member, **request)["item_id"])
    world.requests["portals.request_my_change"] = lambda own, _: request
    profile = {"person_id": own_person(key), "role": "r", "permissions": ["profile.view_contact_details"]}
    own = {"person_id": own_person(key), "profiles": [profile]}
    patient = replace(everybody(IDS[key], ACCOUNTS[key], realm="patient"), scope=own)
    for operation in (own_changes.request_my_details_change, own_changes.list_my_details_changes):
        world.callers_of[operation.address, key] = patient
    asked = call(own_changes.request_my_details_change, patient, home_phone="555-0100")
    world.keep(key, "details_item", asked["item_id"])


def _a_consent_of(shown: dict[str, Any], name: str) -> Any:
    """The other members of a request about a consent."""
    return lambda own, _: shown if name == "sign_consent" else {"title": "New", "text": "New."}
