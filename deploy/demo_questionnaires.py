"""The questionnaires of the demo organisation: one before wearing a respirator, and the report of a work injury.

The first asks what OSHA's medical evaluation asks (29 CFR 1910.134, Appendix C), in words of our own; the second what its
form 301 asks, with questions of two states.
"""

from __future__ import annotations

from typing import Any

from deploy.client import Portico

RESPIRATOR, INJURY = "Before you wear a respirator", "Report of a work injury or illness"
_LOINC = "http://loinc.org"


def _item(name: str, kind: str, text: str, **members: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "text": text, **members}


def _yes_no(name: str, text: str, **members: Any) -> dict[str, Any]:
    return _item(name, "yes_no", text, is_required=True, **members)


def _when(name: str, value: str = "true") -> dict[str, Any]:
    return {"conditions": [{"item": name, "operator": "=", "value": value}]}


RESPIRATOR_ITEMS: list[dict[str, Any]] = [
    _item(
        "you", "section", "About you and your work", items=[
            _item("job", "text", "Your job", is_required=True, max_length=100),
            _item("height", "number", "Your height", unit="inches", least=36, most=96,
                  observation={"system": _LOINC, "code": "8302-2", "name": "Body height"}),
            _item("weight", "number", "Your weight", unit="pounds", least=50, most=700,
                  observation={"system": _LOINC, "code": "29463-7", "name": "Body weight"}),
            _item("kinds", "many_choice", "Which respirators will you wear?", is_required=True, options=[
                {"value": "n95", "text": "A disposable mask, such as N95"},
                {"value": "half", "text": "A half mask with cartridges"},
                {"value": "full", "text": "A full-face mask"},
                {"value": "air", "text": "One that is supplied with air"},
            ]),
            _yes_no("worn", "Have you worn a respirator before?"),
            _item("worn-kind", "text", "Which kind was it?", max_length=200, **_when("worn")),
        ],
    ),
    _item(
        "health", "section", "Your health", help="Answer for your whole life, if nothing else is said.", items=[
            _yes_no("smokes", "Do you smoke now, or have you smoked in the last month?",
                    observation={"system": _LOINC, "code": "72166-2", "name": "Tobacco smoking status"}),
            _item("daily", "number", "How many cigarettes a day?", is_whole=True, least=0, most=200, **_when("smokes")),
            _item("had", "many_choice", "Have you ever had one of these?", is_required=True, options=[
                {"value": "seizures", "text": "Seizures"},
                {"value": "diabetes", "text": "Diabetes"},
                {"value": "asthma", "text": "Asthma"},
                {"value": "lungs", "text": "Another illness of the lungs"},
                {"value": "heart", "text": "Trouble with the heart"},
                {"value": "closed-in", "text": "Fear in closed-in places"},
                {"value": "smell", "text": "Trouble with smelling odours"},
                {"value": "none", "text": "None of these", "is_exclusive": True},
            ]),
            _yes_no("breath", "Do you get short of breath on level ground, or when you wash or dress?"),
            _item("breath-scale", "scale", "How bad is it on a bad day?", least=0, most=10, is_whole=True, is_required=True,
                  help="0 is not at all, 10 is the worst.", **_when("breath")),
            _yes_no("chest", "Have you had pain or tightness in the chest in the last two years?"),
            _item("medicines", "text", "Which medicines do you take for breathing, heart or blood pressure?", is_long=True,
                  max_length=1000),
        ],
    ),
    _yes_no("talk", "Would you like to talk to the health professional who reads this?"),
]  # fmt: skip
RESPIRATOR_SETTINGS: dict[str, Any] = {
    "instructions": "Your employer has to let you answer this during working hours. A health professional reads it; your "
    "supervisor does not.",
    "notices": [
        {"item": "breath-scale", "operator": ">=", "value": "7", "department": "occupational-health"},
        {"item": "talk", "operator": "=", "value": "true", "department": "occupational-health"},
    ],
}
INJURY_ITEMS: list[dict[str, Any]] = [
    _item(
        "what", "section", "What happened", items=[
            _item("on", "date", "The day it happened", is_required=True),
            _item("before", "text", "What were you doing just before?", is_required=True, is_long=True, max_length=2000),
            _item("happened", "text", "What happened?", is_required=True, is_long=True, max_length=2000),
            _item("part", "text", "Which part of the body was hurt, and how?", is_required=True, max_length=500),
            _item("object", "text", "Which object or substance harmed you?", max_length=500),
        ],
    ),
    _item(
        "care", "section", "Treatment", items=[
            _yes_no("treated", "Were you treated away from the worksite?"),
            _item("where", "text", "Where?", is_required=True, max_length=200, **_when("treated")),
            _yes_no("night", "Did you stay in a hospital overnight?", **_when("treated")),
        ],
    ),
    _item(
        "state", "section", "What your state asks", items=[
            _yes_no("dwc-1", "Did your employer give you the claim form DWC 1?", jurisdictions=["us-ca"]),
            _yes_no("interpreter", "Do you need an interpreter for your claim?", jurisdictions=["us-ca"]),
            _item("physician", "text", "Who is your attending provider?", is_required=True, max_length=200,
                  jurisdictions=["us-wa"]),
            _item("county", "text", "In which county did it happen?", is_required=True, max_length=100,
                  jurisdictions=["us-wa"]),
        ],
    ),
]  # fmt: skip
INJURY_SETTINGS: dict[str, Any] = {
    "instructions": "Report every injury, also a small one. If it is an emergency, call for help first.",
    "variants": [{"code": "us-ca", "name": "California"}, {"code": "us-wa", "name": "Washington"}],
    "needs_supervisor_review": True,
}


def add(admin: Portico) -> None:
    """Publish both and let the employees' portal offer them, unless there is a questionnaire already."""
    if admin.get("/v1/questionnaires")["items"]:
        return
    respirator = published(admin, RESPIRATOR, RESPIRATOR_ITEMS, RESPIRATOR_SETTINGS)
    injury = published(admin, INJURY, INJURY_ITEMS, INJURY_SETTINGS)
    offered = [
        {"questionnaire_id": injury, "module": "report_injury"},
        {"questionnaire_id": respirator, "document_type": "respirator"},
    ]
    for portal, items in (("employee", offered), ("applicant", offered[1:])):
        path = f"/v1/portals/{portal}/questionnaires"
        admin.put(path, version=admin.get(path)["version"], items=items)


def published(admin: Portico, title: str, items: list[dict[str, Any]], settings: dict[str, Any]) -> str:
    """Publish a questionnaire; its id."""
    one = admin.post("/v1/questionnaires", title=title)
    path = f"/v1/questionnaires/{one['id']}"
    one = admin.put(f"{path}/items", version=one["version"], items=items)
    headers = {"If-Match": f'"{one["version"]}"'}
    one = admin.send("PATCH", path, 200, json=settings, headers=headers)
    admin.act(f"{path}/publish", one["version"])
    return str(one["id"])
