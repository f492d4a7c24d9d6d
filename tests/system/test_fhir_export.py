"""A record system takes the organisation's data by FHIR's bulk export, with the headers that its guide names."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests.support.eventually import eventually
from tests.support.stack import RunningStack

ASYNCHRONOUS = {"Prefer": "respond-async", "Accept": "application/fhir+json"}


@pytest.fixture
def system(portico: RunningStack) -> Iterator[httpx.Client]:
    """A client whose scopes cover all types."""
    scopes = ["referral.read", "portal_queue.work", "appointment.manage"]
    client = portico.admin.post("/v1/api-clients", name="Data warehouse", scopes=scopes)
    with httpx.Client(base_url=f"{portico.url}/fhir/R4", timeout=30) as http:
        asked = {"grant_type": "client_credentials", "scope": "system/*.rs system/Communication.rs"}
        given = http.post(
            f"{portico.url}/oauth2/token", data=asked, auth=(client["id"], client["secret"])
        ).json()
        http.headers["Authorization"] = f"Bearer {given['access_token']}"
        yield http


def ready(system: httpx.Client, status_url: str) -> httpx.Response:
    def answer() -> httpx.Response:
        found = system.get(status_url)
        assert found.status_code == 200, found.headers.get("X-Progress")
        return found

    return eventually(answer, timeout_s=60)


def test_the_organisations_data_comes_as_files_of_all_types(
    portico: RunningStack, system: httpx.Client
) -> None:
    journey = portico.journey()
    shelter = journey.find_program("Night Shelter")
    journey.create_queue([shelter])
    referral = journey.assign(journey.enter_record(), shelter)
    person = portico.admin.post("/v1/people", first_name="Rea", last_name="Fill", kinds=["patient"])
    request = {"type": "refill_request", "text": "The blue inhaler, please."}
    item = portico.admin.post("/v1/portal-queue", person_id=person["id"], **request)

    assert system.get("/$export").status_code == 400
    ordered = system.get("/$export", headers=ASYNCHRONOUS)
    assert (ordered.status_code, ordered.content) == (202, b"")
    answer = ready(system, ordered.headers["Content-Location"])
    manifest = answer.json()
    assert manifest["request"].endswith("/fhir/R4/$export")
    found = {}
    for output in manifest["output"]:
        file = system.get(output["url"], headers={"Accept": "application/fhir+ndjson"})
        assert (file.status_code, file.headers["Content-Type"]) == (200, "application/fhir+ndjson")
        resources = [json.loads(line) for line in file.iter_lines()]
        assert len(resources) == output["count"]
        for each in resources:
            get_fhir_model_class(each["resourceType"]).model_validate(each)
            found[each["resourceType"], each["id"]] = each
    assert {("Task", referral["id"]), ("ServiceRequest", referral["id"])} <= set(found)
    assert found["CommunicationRequest", item["id"]]["subject"]["identifier"]["value"] == person["id"]
    openings = [
        each
        for each in portico.admin.get("/v1/audit/portals", person_id=person["id"])["items"]
        if each["actor_kind"] == "api_client"
    ]
    assert [(each["action"], each["facts"]["format"]) for each in openings] == [("queue_items.read", "fhir")]

    # Whoever comes again names the time of this one.
    since = manifest["transactionTime"]
    again = system.get("/$export", params={"_since": since, "_type": "Task"}, headers=ASYNCHRONOUS)
    (tasks,) = ready(system, again.headers["Content-Location"]).json()["output"]
    assert referral["id"] in system.get(tasks["url"]).text

    path = tasks["url"][tasks["url"].index("/fhir/R4/") :]
    assert portico.admin.get(path, expect=404)["issue"]  # it is the client's own
    assert system.delete(again.headers["Content-Location"]).status_code == 202
    assert system.get(tasks["url"]).status_code == 404
    assert system.get(again.headers["Content-Location"]).status_code == 404
