"""One person is erased in a running system: what was known of the person is found nowhere but where the page says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, select

from deploy.client import Portico
from services.chassis.models import base_of
from services.contracts.catalogue import SERVICES
from tests.support.eventually import eventually
from tests.support.stack import HARBOR, RunningStack

FAMILY, STREET = "Kanarienvogel", "Zimtzickenweg 7"


def canary_places(portico: RunningStack) -> dict[str, set[str]]:
    """Where the person's name or street is found: tables by service."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        engine = create_engine(portico.stack.database_url(service))
        with engine.connect() as connection:
            for table in base_of(service).metadata.sorted_tables:
                for row in connection.execute(select(table)):
                    text = " ".join(
                        each.decode(errors="replace") if isinstance(each, bytes) else str(each)
                        for each in row
                    ).casefold()
                    if FAMILY.casefold() in text or STREET.casefold() in text:
                        found.setdefault(service, set()).add(table.name)
        engine.dispose()
    return found


def job_of(admin: Portico, job_id: str, *, done: int) -> Any:
    """The job, once so many services have done their part."""

    def look() -> Any:
        job = admin.get(f"/v1/data-jobs/{job_id}")
        assert job["done"] == done
        return job

    return eventually(look, timeout_s=60)


def test_an_erased_person_is_found_nowhere_although_a_service_was_killed(portico: RunningStack) -> None:
    admin = portico.log_in(HARBOR, f"admin@{HARBOR}.example.org")  # a fresh proof
    person = admin.post(
        "/v1/people",
        first_name="Kim",
        last_name=FAMILY,
        street=STREET,
        kinds=["client"],
        email="kim@canary.example.org",
    )
    record = admin.post(
        "/v1/contact-records",
        first_name="Kim", last_name=FAMILY, person_id=person["id"],
        sections={"Home": {"Street": STREET}},
    )  # fmt: skip
    before = canary_places(portico)
    assert {"identity", "referrals"} <= set(before)

    export = job_of(admin, admin.post(f"/v1/people/{person['id']}/exports")["id"], done=5)
    assert export["state"] == "finished"
    file = admin.download(f"/v1/data-jobs/{export['id']}/file")
    assert FAMILY in file.decode()
    assert STREET in file.decode()

    portico.stack.supervisor.stop("referrals")
    try:
        order = admin.post(
            f"/v1/people/{person['id']}/erasures", number=person["number"], reason_code="person_asked"
        )
        three = job_of(admin, order["id"], done=3)
        assert [each["service"] for each in three["parts"] if not each["done_at"]] == [
            "identity",
            "referrals",
        ]
    finally:
        portico.stack.supervisor.start("referrals")
    portico.stack.supervisor.wait_ready(30, ["referrals"])
    done = job_of(admin, order["id"], done=5)
    assert done["state"] == "finished"
    # The answers that staff got are kept for repeated requests, as the job says.
    assert done["answers_kept_until"] > done["finished_at"]
    left = canary_places(portico)
    assert {service: tables - {"requests"} for service, tables in left.items() if tables - {"requests"}} == {}
    kept = {each["service"]: {one["reason"] for one in each["kept"]} for each in done["parts"]}
    assert "history" in kept["referrals"]
    assert admin.get(f"/v1/contact-records/{record['id']}")["sections"] == {}
