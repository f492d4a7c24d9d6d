"""The portals of the demo's employer, with two made-up people, and a pre-placement examination from a name to the chart."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from deploy.client import Portico
from deploy.demo_questionnaires import INJURY, RESPIRATOR

EMPLOYER = "Harbor Works"
EMPLOYEE, SUPERVISOR = "nora@works.example.org", "theo@works.example.org"
APPLICANTS = "works-jobs"
ORDERED = ("Hearing test", "Pre-placement examination")
# By address: for whom it is, and its name.
PORTALS = {
    "works": ("employee", "Harbor Works Health"),
    "works-lead": ("supervisor", "Harbor Works Teams"),
    APPLICANTS: ("applicant", "Harbor Works Jobs"),
    "works-code": ("one_time_code", "Harbor Works with a code"),
}
_ITEMS: list[tuple[str, dict[str, Any]]] = [
    ("work_status", {"status": "restricted_duty", "note": "Until the shoulder has healed."}),
    ("restriction", {"restriction": "No lifting above 10 kg"}),
    ("lost_time", {"days": 2}),
    ("surveillance", {"panel": "Hearing", "status": "due"}),
    ("case", {"stage": "Under review"}),
    ("immunisation", {"vaccine": "Tetanus"}),
    ("vital", {"name": "Blood pressure", "value": "122/78"}),
    ("custom", {"label": "Ear protection", "value": "Type B", "for_supervisors": True}),
]

# What people can read, whom they can ask, and what a supervisor sees of the team.
_HELP: dict[str, Any] = {
    "resources": [
        {
            "title": "Healthy at work",
            "summary": "What helps against noise, dust and heavy loads.",
            "links": [{"title": "Hearing protection", "url": "https://www.cdc.gov/niosh/noise/"}],
        }
    ],
    "support": [{"name": "Nurse line", "telephone": "+1 415-555-0142", "email": "nurses@works.example.org"}],
}
_OFFERS: dict[str, dict[str, Any]] = {
    "employee": _HELP,
    "one_time_code": _HELP,
    "supervisor": _HELP
    | {
        "modules": [
            {"code": code}
            for code in (
                "orders", "order_status", "work_status", "health_surveillance", "supervisor_scheduling",
                "case_review_status", "reports", "support",
            )
        ]
    },
}  # fmt: skip


def add(admin: Portico, organisation: str, passwords: dict[str, str]) -> None:
    """Publish the employer's portals, and add an employee with a supervisor, unless they are there already."""
    there = {each["portal"] for each in admin.get("/v1/portals")["items"]}
    if APPLICANTS in there:
        return
    for portal, (kind, name) in PORTALS.items():
        _publish(admin, portal, kind, name)
    asked = {each["title"]: each["id"] for each in admin.get("/v1/questionnaires")["items"]}
    injury = {"questionnaire_id": asked[INJURY], "module": "report_injury"}
    respirator = {
        "questionnaire_id": asked[RESPIRATOR], "order_item": "Pre-placement examination", "document_type": "respirator",
        "chart_tab": "Applicants",
    }  # fmt: skip
    for portal, items in (
        ("works", [injury, respirator]),
        ("works-code", [injury]),
        (APPLICANTS, [respirator]),
    ):
        path = f"/v1/portals/{portal}/questionnaires"
        admin.put(path, version=admin.get(path)["version"], items=items)
    for name in ORDERED:
        admin.post("/v1/order-items", name=name)
    nora = _person(admin, organisation, "Nora", "Quay", EMPLOYEE, passwords)
    _person(admin, organisation, "Theo", "Lock", SUPERVISOR, passwords)
    accounts = admin.get("/v1/accounts", realm="employee", limit=200)["items"]
    chief = next(each["id"] for each in accounts if each["login"] == SUPERVISOR)
    admin.post(f"/v1/people/{nora}/relationships", account_id=chief, kind="supervisor")
    for kind, values in _ITEMS:
        admin.post(f"/v1/people/{nora}/published-items", kind=kind, values=values)
    consent = admin.post(
        "/v1/consents",
        title="How Harbor Works Health uses your data",
        text="The clinic keeps what you tell it and what it finds. Your employer learns whether you can work, and nothing of why.",
        renewal="P1Y",
    )
    admin.put("/v1/portals/works/consents", consent_ids=[consent["id"]])


def _publish(admin: Portico, portal: str, kind: str, name: str) -> None:
    made = admin.post("/v1/portals", portal=portal, kind=kind, employer=EMPLOYER)
    _change(admin, f"/v1/portals/{portal}", made["version"], is_enabled=True)
    path = f"/v1/portals/{portal}/draft"
    draft = _change(
        admin, path, admin.get(path)["version"], name=name, colour="#0b5563", product_name="Works Health",
        description="For everybody who works at Harbor Works, and who wants to.",
        ticker=[{"text": "**Hearing checks** are in the *red van* this week."}],
        **_OFFERS.get(kind, {}),
    )  # fmt: skip
    admin.act(f"{path}/publication", draft["version"])


def _change(admin: Portico, path: str, version: int, **members: Any) -> Any:
    return admin.send("PATCH", path, 200, json=members, headers={"If-Match": f'"{version}"'})


def _person(
    admin: Portico, organisation: str, first_name: str, last_name: str, login: str, passwords: dict[str, str]
) -> str:
    """An employee who has used a pick-up code; the person's id."""
    given: dict[str, Any] = {
        "first_name": first_name,
        "last_name": last_name,
        "email": login,
        "kinds": ["employee"],
    }
    person = admin.post("/v1/people", **given)["id"]
    code = admin.post(f"/v1/people/{person}/pickup-codes")["code"]
    redeemed: dict[str, Any] = {
        "organisation": organisation,
        "code": code,
        "login": login,
        "password": passwords[login],
    }
    Portico(os.environ["GATEWAY_URL"]).post("/v1/pickup-codes/redeem", 200, **redeemed)
    return str(person)


def play(admin: Portico, organisation: str, say: Callable[[str], None]) -> None:
    """An applicant gives a name and answers; staff examine, hire, and merge the two records into one chart."""
    applicant = Portico(os.environ["GATEWAY_URL"])
    name: dict[str, Any] = {"first_name": "Robin", "last_name": "Reed"}
    begun = applicant.post("/v1/applications", organisation=organisation, portal=APPLICANTS, **name)
    token = begun["token"]
    say(f"Robin Reed applies at /at/{organisation}/{APPLICANTS}, by name alone")
    for task in applicant.post("/v1/applications/own", 200, token=token)["tasks"]:
        _answer(applicant, token, task["questionnaire_id"])
        say(f"“{task['title']}” is answered")
    sent = applicant.post("/v1/applications/send", 200, token=token)
    task = next(
        each for each in admin.get("/v1/portal-queue", type="application")["items"] if each["is_waiting"]
    )
    say(f"Application {sent['number']} is sent; the queue has a task for {task['person_name']}")
    employee = admin.post("/v1/people", kinds=["employee"], **name)["id"]
    certified = {"name": "Fit for work with a respirator"}
    admin.post(f"/v1/people/{task['person_id']}/published-items", kind="certification", values=certified)
    pair: dict[str, Any] = {"kept_id": employee, "merged_id": task["person_id"]}
    plan = admin.get("/v1/merges/preview", **pair)["plan"]
    admin.post("/v1/merges", plan=plan, **pair)
    version = admin.get(f"/v1/portal-queue/{task['id']}")["version"]
    admin.act(f"/v1/portal-queue/{task['id']}/dismiss", version, outcome="completed", confirm=True)
    answers = admin.get(f"/v1/people/{employee}/questionnaire-responses")["items"]
    items = admin.get(f"/v1/people/{employee}/published-items")["items"]
    say(
        f"Robin is examined and hired: {len(answers)} questionnaire and {len(items)} certification of the applicant stand in the "
        "employee's chart, and the task is done"
    )


def _answer(applicant: Portico, token: str, questionnaire_id: str) -> None:
    work = applicant.post("/v1/applications/responses", token=token, questionnaire_id=questionnaire_id)
    path = f"/v1/applications/responses/{work['id']}"
    # What an answer opens is asked in the same section, so each is looked at until nothing is missing.
    for _ in range(20):
        if not work["problems"]:
            return
        section = work["problems"][0]["section"]
        step = applicant.post(path, 200, token=token, section=section)["step"]
        work = applicant.send(
            "PATCH", path, 200,
            json={"token": token, "section": section, "answers": list(_answers(step["items"]))},
            headers={"If-Match": f'"{work["version"]}"'},
        )  # fmt: skip


def _answers(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        if item["kind"] == "many_choice":
            alone = [each["value"] for each in item["options"] if each["is_exclusive"]]
            yield {"item": item["id"], "answers": alone or [item["options"][0]["value"]]}
        elif item["kind"] not in ("section", "note"):
            yield {"item": item["id"], "answer": _ANSWERS.get(item["kind"], "Welder")}


_ANSWERS: dict[str, Any] = {"yes_no": False, "number": 70, "scale": 1, "date": "2026-11-02"}
