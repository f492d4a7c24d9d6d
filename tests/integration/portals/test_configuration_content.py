"""What a portal says and offers: its words, modules, resources and contacts, in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import configuration as contract
from services.contracts.portals import definitions, published_items
from services.portals.configuration import queries as configuration
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller
from tests.support.known_to_identity import knows_person
from tests.support.two_organisations import own_person

ADMIN = a_caller("portal.configure", "portal.manage_chart_tabs")
TEAM = [{"person_id": "e" * 32, "role": "supervisor", "permissions": []}]
EMPLOYEE = a_caller(realm="employee", id="d" * 32, scope={"profiles": TEAM})
USUAL_OF_EMPLOYEES = [
    "My Appointments",
    "My Medical Information",
    "Report a Work Injury or Illness",
    "Work Status",
    "Send a Message",
    "Other Health Resources",
]


@pytest.fixture
def portals(tmp_path: Path) -> Iterator[InProcess]:
    process = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield process
    process.close()


def change(portals: InProcess, portal: str = "employee", **changes: Any) -> Any:
    version = portals.call(contract.get_portal_content, ADMIN, portal=portal)["version"]
    return portals.call(contract.change_portal_content, ADMIN, version=version, portal=portal, **changes)


def home(portals: InProcess, portal: str = "employee") -> Any:
    return portals.call(contract.get_portal_home, EMPLOYEE, portal=portal)


def names(portals: InProcess, portal: str = "employee") -> list[str]:
    return [module["name"] for module in home(portals, portal)["modules"]]


def refusal(portals: InProcess, portal: str = "employee", **changes: Any) -> dict[str, str]:
    """The refused members with the rules that they break."""
    with pytest.raises(Refused) as refused:
        change(portals, portal, **changes)
    assert refused.value.code == "invalid_request"
    return {each["field"]: each["rule"] for each in refused.value.more["errors"]}


@pytest.mark.seed("S2-61", "S2-44")
def test_an_employee_portal_has_six_modules_from_the_start(portals: InProcess) -> None:
    assert names(portals) == USUAL_OF_EMPLOYEES


@pytest.mark.seed("S2-84")
def test_a_supervisor_portal_has_four_modules_from_the_start_and_may_have_nine(portals: InProcess) -> None:
    assert names(portals, "supervisor") == ["Orders", "Work Status", "Supervisor Scheduling", "Support"]
    possible = portals.call(contract.get_portal_content, ADMIN, portal="supervisor")["possible_modules"]
    named = {each["name"] for each in possible}
    assert {
        "Order Status",
        "Reports",
        "Send a Message",
        "Health Surveillance",
        "Case Review Status",
    } < named
    change(portals, "supervisor", modules=[{"code": "reports"}, {"code": "orders"}])
    assert names(portals, "supervisor") == ["Reports", "Orders"]
    assert "modules.0.code" in refusal(portals, "supervisor", modules=[{"code": "report_injury"}])


@pytest.mark.seed("S2-62", "S2-63")
def test_modules_are_added_taken_away_and_put_in_order_and_columns_are_set(portals: InProcess) -> None:
    change(portals, modules=[{"code": "support"}, {"code": "work_status"}], columns=3)
    assert names(portals) == ["Support", "Work Status"]
    assert home(portals)["columns"] == 3
    assert "columns" in refusal(portals, columns=0)
    assert "columns" in refusal(portals, columns=5)
    wrong = refusal(portals, modules=[{"code": "support"}, {"code": "orders"}, {"code": "support"}])
    assert set(wrong) == {"modules.1.code", "modules.2.code"}
    assert names(portals) == ["Support", "Work Status"]
    # Of two who began with the same, the second is told.
    with pytest.raises(Refused) as refused:
        portals.call(contract.change_portal_content, ADMIN, version=1, portal="employee", columns=1)
    assert refused.value.code == "version_conflict"


@pytest.mark.seed("S2-64", "S2-85")
@pytest.mark.parametrize(
    ("portal", "code"),
    [
        *(
            ("employee", code)
            for code in ("my_medical_information", "report_injury", "work_status", "questionnaire")
        ),
        *(
            ("supervisor", code)
            for code in (
                "case_review_status",
                "order_status",
                "support",
                "health_surveillance",
                "orders",
                "supervisor_scheduling",
                "work_status",
            )
        ),
    ],
)
def test_of_these_modules_only_the_name_can_be_changed(portals: InProcess, portal: str, code: str) -> None:
    change(portals, portal, modules=[{"code": code, "name": "Own name"}])
    assert names(portals, portal) == ["Own name"]
    wrong = {"header": "A", "instructions": "B", "appointments": {"booking_mode": "none"}}
    told = refusal(portals, portal, modules=[{"code": code, **wrong}])
    assert set(told) == {"modules.0.header", "modules.0.instructions", "modules.0.appointments"}
    assert names(portals, portal) == ["Own name"]


@pytest.mark.seed("S2-64")
def test_each_module_questionnaire_leads_to_a_questionnaire_of_its_own(portals: InProcess) -> None:
    one, other = "ab" * 16, "cd" * 16
    modules = [
        {"code": "questionnaire", "name": "Hearing", "questionnaire_id": one},
        {"code": "questionnaire", "name": "Sight", "questionnaire_id": other},
        {"code": "questionnaire"},
    ]
    change(portals, modules=modules)
    shown = [(each["name"], each["questionnaire_id"]) for each in home(portals)["modules"]]
    assert shown == [("Hearing", one), ("Sight", other), ("Questionnaire", None)]
    told = refusal(portals, modules=[{"code": "support", "questionnaire_id": one}])
    assert set(told) == {"modules.0.questionnaire_id"}


@pytest.mark.seed("S2-65", "S2-77", "S2-92")
@pytest.mark.parametrize(
    ("portal", "code", "usual", "settings"),
    [
        ("employee", "my_appointments", "My Appointments", {}),
        (
            "employee",
            "send_message",
            "Send a Message",
            {"header": "Write to us", "instructions": "No emergencies."},
        ),
        (
            "supervisor",
            "send_message",
            "Send a Message",
            {"header": "Write to us", "instructions": "Briefly."},
        ),
        ("supervisor", "reports", "Reports", {"instructions": "Choose a report."}),
    ],
)
def test_a_name_has_up_to_sixty_characters_and_some_modules_have_more_texts(
    portals: InProcess, portal: str, code: str, usual: str, settings: dict[str, str]
) -> None:
    change(portals, portal, modules=[{"code": code}])
    assert names(portals, portal) == [usual]
    change(portals, portal, modules=[{"code": code, "name": "n" * 60, **settings}])
    [module] = home(portals, portal)["modules"]
    assert module["name"] == "n" * 60
    assert {name: module[name] for name in settings} == settings
    assert "modules.0.name" in refusal(portals, portal, modules=[{"code": code, "name": "n" * 61}])


@pytest.mark.seed("S2-70")
def test_the_past_due_warning_is_for_portals_without_past_due_scheduling(portals: InProcess) -> None:
    path = "modules.0.appointments.past_due_warning"
    both = my_appointments(past_due_scheduling=True, past_due_warning="Call us.")
    assert list(refusal(portals, modules=both)) == [path]
    kept = change(portals, modules=my_appointments(past_due_scheduling=False, past_due_warning="Call us."))
    assert kept["modules"][0]["appointments"]["past_due_warning"] == "Call us."


def my_appointments(**settings: Any) -> list[dict[str, Any]]:
    return [{"code": "my_appointments", "appointments": settings}]


def options(portals: InProcess) -> dict[str, Any] | None:
    """The settings of My Appointments as appointments read them."""
    with portals.database.reading(None) as session:
        return configuration.appointment_options(session, HARBOR[0], "employee")


def test_my_appointments_has_typed_settings_and_a_default_for_each(portals: InProcess) -> None:
    usual = {
        "booking_mode": "request_only",
        "visible_appointment_types": None,
        "past_due_scheduling": True,
        "past_due_warning": None,
        "days_past": 90,
        "days_ahead": 60,
        "lead_days": 0,
        "stop_minutes": 0,
        "stop_text": None,
        "first_available_provider": True,
        "any_provider": False,
        "alert_text": None,
    }
    assert options(portals) == usual
    own = {
        "booking_mode": "self_scheduling",
        "visible_appointment_types": ["physical", "vaccination"],
        "past_due_scheduling": False,
        "past_due_warning": "You are late.",
        "days_past": 0,
        "days_ahead": 0,
        "first_available_provider": False,
        "any_provider": True,
        "alert_text": "In an emergency dial 9-1-1.",
    }
    change(portals, modules=my_appointments(**own))
    assert options(portals) == {**own, "lead_days": 0, "stop_minutes": 0, "stop_text": None}
    change(portals, modules=my_appointments(lead_days=3))
    assert options(portals) == {**usual, "lead_days": 3}
    change(portals, modules=[{"code": "support"}])
    assert options(portals) is None


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("booking_mode", "perhaps"),
        ("visible_appointment_types", ["Not a code"]),
        ("days_past", -1),
        ("days_past", 3651),
        ("days_ahead", -1),
        ("days_ahead", 731),
        ("lead_days", -1),
        ("lead_days", 61),
        ("alert_text", "a" * 501),
        ("past_due_warning", "w" * 501),
        ("past_due_scheduling", "perhaps"),
    ],
)
def test_a_setting_of_my_appointments_outside_its_limits_is_refused(
    portals: InProcess, member: str, value: Any
) -> None:
    [told] = refusal(portals, modules=my_appointments(**{member: value}))
    assert told.startswith(f"modules.0.appointments.{member}")
    change(portals, modules=my_appointments())


@pytest.mark.seed("S2-49")
@pytest.mark.parametrize("portal", ["employee", "supervisor"])
def test_the_message_centre_is_there_until_it_is_disabled(portals: InProcess, portal: str) -> None:
    change(portals, portal, modules=[{"code": "send_message"}, {"code": "support"}])
    assert home(portals, portal)["has_message_center"] is True
    assert names(portals, portal) == ["Send a Message", "Support"]
    change(portals, portal, has_message_center=False)
    assert home(portals, portal)["has_message_center"] is False
    assert names(portals, portal) == ["Support"]
    assert [
        each["code"] for each in portals.call(contract.get_portal_content, ADMIN, portal=portal)["modules"]
    ] == [
        "send_message",
        "support",
    ]


@pytest.mark.seed("S2-87", "S2-89")
@pytest.mark.parametrize(
    ("code", "usual"), [("order_status", "Order Status"), ("work_status", "Work Status")]
)
def test_these_modules_of_supervisors_have_a_name_of_their_own(
    portals: InProcess, code: str, usual: str
) -> None:
    change(portals, "supervisor", modules=[{"code": code}])
    assert names(portals, "supervisor") == [usual]
    change(portals, "supervisor", modules=[{"code": code, "name": "At a glance"}])
    assert names(portals, "supervisor") == ["At a glance"]
    assert list(refusal(portals, "supervisor", modules=[{"code": code, "name": "n" * 61}])) == [
        "modules.0.name"
    ]


@pytest.mark.seed("S2-93")
def test_a_supervisor_portal_shows_the_reports_chosen_from_those_of_employers(portals: InProcess) -> None:
    def reports() -> list[str]:
        [module] = home(portals, "supervisor")["modules"]
        return [each["code"] for each in module["reports"]]

    possible = portals.call(contract.get_portal_content, ADMIN, portal="supervisor")["possible_reports"]
    assert [each["code"] for each in possible] == [
        "work_statuses", "restrictions", "surveillance_due", "lost_days", "orders",
    ]  # fmt: skip
    change(portals, "supervisor", modules=[{"code": "reports"}])
    assert len(reports()) == 5
    change(portals, "supervisor", modules=[{"code": "reports", "reports": ["lost_days", "orders"]}])
    assert reports() == ["lost_days", "orders"]
    told = refusal(portals, "supervisor", modules=[{"code": "reports", "reports": ["lost_days", "salaries"]}])
    assert list(told) == ["modules.0.reports.1"]
    assert "Employer Portal Report" in told["modules.0.reports.1"]
    assert reports() == ["lost_days", "orders"]


@pytest.mark.seed("S2-48")
def test_a_single_function_portal_needs_both_switches_and_goes_on_to_its_first_module(
    portals: InProcess,
) -> None:
    assert home(portals)["has_message_center"] is True
    assert list(refusal(portals, is_single_function=True)) == ["is_single_function"]
    change(portals, has_message_center=False)
    assert home(portals)["goes_on_to"] is None
    assert list(refusal(portals, is_single_function=True, modules=[])) == ["is_single_function"]
    change(portals, is_single_function=True, modules=[{"code": "work_status"}, {"code": "support"}])
    assert home(portals)["goes_on_to"] == "work_status"
    assert list(refusal(portals, has_message_center=True)) == ["is_single_function"]


@pytest.mark.seed("S2-51", "S2-3")
def test_the_organisations_word_stands_in_every_text_and_is_at_most_forty_characters(
    portals: InProcess,
) -> None:
    terms = {"patient": {"singular": "client"}, "supervisor": {"singular": "team lead"}}
    change(
        portals,
        terms=terms,
        description="For each patient. PATIENTS and patience; the Supervisor's patients.",
        modules=[{"code": "send_message", "name": "Patient messages", "instructions": "As a patient"}],
        resources=[{"title": "Patients' rights", "summary": "Of a patient", "links": [
            {"title": "For patients", "url": "https://patient.example.org/patient"}]}],
    )  # fmt: skip
    request = {
        "name": "Patient portal",
        "colour": "#fff",
        "ticker": [{"text": "[A patient](https://patient.example/patient)"}],
    }
    portals.call(contract.configure_portal, ADMIN, version=2, portal="employee", **request)
    shown = home(portals)
    assert shown["description"] == "For each client. CLIENTS and patience; the Team lead's clients."
    assert shown["modules"][0]["name"] == "Client messages"
    assert shown["modules"][0]["instructions"] == "As a client"
    [panel] = shown["resources"]
    assert (panel["title"], panel["summary"]) == ("Clients' rights", "Of a client")
    assert panel["links"] == [
        {
            "kind": "link",
            "title": "For clients",
            "url": "https://patient.example.org/patient",
            "questionnaire_id": None,
        }
    ]
    assert shown["ticker"][0]["text"] == "[A client](https://patient.example/patient)"
    assert shown["name"] == "Client portal"
    # Addresses stay, in the text too, and a word cannot change a link.
    change(portals, description="Patient: https://portal.example/patient/1 or patients@patient.example")
    assert (
        home(portals)["description"] == "Client: https://portal.example/patient/1 or patients@patient.example"
    )
    bad = {"patient": {"singular": "a](https://evil.example) *b*", "plural": "(x)"}}
    assert set(refusal(portals, terms=bad)) == {"terms.patient.singular", "terms.patient.plural"}
    # Staff read what they wrote.
    written = portals.call(contract.get_portal_content, ADMIN, portal="employee")
    assert written["modules"][0]["name"] == "Patient messages"
    others = {name: {"singular": f"own {name}"} for name in ("employer", "applicant", "portal")}
    change(portals, terms=others, description="Employers, an applicant and the portal.")
    assert home(portals)["description"] == "Own employers, an own applicant and the own portal."
    change(portals, terms={"patient": {"singular": "p" * 40}})
    assert list(refusal(portals, terms={"patient": {"singular": "p" * 41}})) == ["terms.patient.singular"]


@pytest.mark.seed("S2-38", "S2-52", "S2-53")
def test_the_welcome_has_the_own_product_name_of_at_most_25_characters_and_a_description(
    portals: InProcess,
) -> None:
    assert home(portals)["product_name"] == "Portico"
    change(portals, product_name="Harbor Employee Health ok", description="All about your health at work.")
    assert home(portals)["product_name"] == "Harbor Employee Health ok"
    assert home(portals)["description"] == "All about your health at work."
    assert list(refusal(portals, product_name="n" * 26)) == ["product_name"]
    # Other texts name it by a token, in the reader's language.
    named = {"en": "Harbor Care", "es": "Cuidado"}
    token = "About {{ term.product }} and {{ TERM.product }}."
    change(portals, product_name=named, description=token, modules=[{"code": "support", "name": token}])
    assert home(portals)["description"] == "About Harbor Care and HARBOR CARE."
    assert names(portals) == ["About Harbor Care and HARBOR CARE."]
    request = {"name": "Portal", "colour": "#fff", "ticker": [{"text": "News of {{ term.product }}"}]}
    portals.call(contract.configure_portal, ADMIN, version=3, portal="employee", **request)
    in_spanish = portals.call(contract.get_portal_home, EMPLOYEE, portal="employee", languages=["es"])
    assert in_spanish["ticker"][0]["plain"] == "News of Cuidado"
    change(portals, product_name=None)
    assert home(portals)["description"] == "About Portico and PORTICO."


@pytest.mark.seed("S2-26", "S2-80")
def test_any_number_of_panels_with_links_to_web_and_intranet_in_their_order(portals: InProcess) -> None:
    panels = [
        {
            "title": f"Panel {number}",
            "links": [
                {"title": "Web", "url": "https://health.example.org/a?b=c"},
                {"title": "Intranet", "url": "http://intranet/health"},
            ],
        }
        for number in range(200)
    ]
    change(portals, resources=panels)
    assert [panel["title"] for panel in home(portals)["resources"]] == [each["title"] for each in panels]
    change(portals, resources=[panels[1], panels[0]])
    assert [panel["title"] for panel in home(portals)["resources"]] == ["Panel 1", "Panel 0"]
    wrong = [
        {"title": "Bad", "links": [{"title": "x", "url": "javascript:alert(1)"}, {"title": "", "url": "x"}]}
    ]
    assert set(refusal(portals, resources=wrong)) == {
        "resources.0.links.0.url",
        "resources.0.links.1.title",
        "resources.0.links.1.url",
    }


@pytest.mark.seed("S2-81")
def test_a_link_leads_to_an_address_or_to_a_questionnaire_of_the_portal(portals: InProcess) -> None:
    questionnaire_id, address = "ab" * 16, "https://forms.example.org/1"
    links = [
        {"title": "Ours", "kind": "questionnaire", "questionnaire_id": questionnaire_id},
        {"title": "Elsewhere", "kind": "questionnaire", "url": address},
        {"title": "A form", "kind": "form", "url": address},
    ]
    change(portals, resources=[{"title": "Forms", "links": links}])
    [panel] = home(portals)["resources"]
    assert [(each["kind"], each["url"], each["questionnaire_id"]) for each in panel["links"]] == [
        ("questionnaire", None, questionnaire_id),
        ("questionnaire", address, None),
        ("form", address, None),
    ]
    wrong = [
        {"title": "Neither", "kind": "questionnaire"},
        {"title": "Both", "kind": "questionnaire", "url": address, "questionnaire_id": questionnaire_id},
        {"title": "A page", "questionnaire_id": questionnaire_id},
        {"title": "No address", "kind": "form"},
        {"title": "Unsafe", "url": "javascript:alert(1)"},
    ]
    assert set(refusal(portals, resources=[{"title": "Forms", "links": wrong}])) == {
        "resources.0.links.0.questionnaire_id",
        "resources.0.links.1.questionnaire_id",
        "resources.0.links.2.questionnaire_id",
        "resources.0.links.2.url",
        "resources.0.links.3.url",
        "resources.0.links.4.url",
    }


@pytest.mark.seed("S2-97", "S2-27")
def test_support_lists_contacts_with_telephone_fax_and_email(portals: InProcess) -> None:
    contact = {
        "name": "Nurse line",
        "telephone": "+1 415 555 0100",
        "fax": "+1 415 555 0101",
        "email": "nurses@harbor.example.org",
    }
    change(portals, "supervisor", support=[contact])
    [shown] = home(portals, "supervisor")["support"]
    assert shown["name"] == "Nurse line"
    assert shown["telephone"].endswith("0100")
    assert shown["fax"].endswith("0101")
    assert shown["email"] == "nurses@harbor.example.org"
    assert set(refusal(portals, support=[{**contact, "email": "no address", "telephone": "x"}])) == {
        "support.0.email",
        "support.0.telephone",
    }


@pytest.mark.seed("S2-45", "S2-28")
def test_each_portal_has_its_own_content_and_the_next_read_shows_a_change(portals: InProcess) -> None:
    change(portals, "employee", product_name="Mine")
    assert home(portals, "employee")["product_name"] == "Mine"
    assert home(portals, "supervisor")["product_name"] == "Portico"
    assert portals.events(contract.portal_configured)[-1]["data"] == {"portal": "employee", "version": 2}


def test_only_who_may_configure_portals_reads_and_changes_what_was_written(portals: InProcess) -> None:
    for caller in (
        a_caller(),
        EMPLOYEE,
        a_caller("portal.configure", "portal.manage_chart_tabs", realm="provider"),
    ):
        for operation in (contract.get_portal_content, contract.change_portal_content):
            with pytest.raises(Refused) as refused:
                portals.call(operation, caller, version=1, portal="employee")
            assert refused.value.code == "forbidden"


def test_pages_outside_the_usual_way_have_the_organisations_own_words(portals: InProcess) -> None:
    organisation = {"organisation_id": HARBOR[0]}
    portals.deliver(organisations.organisation_created, organisation, organisation=HARBOR)
    at = {"organisation": HARBOR[1], "portal": "employee"}
    usual = {"heading": None, "text": None}
    assert home(portals)["notices"]["confirmation"] == {"title": None, **usual}
    assert portals.call(contract.get_public_portal, None, **at)["no_permission"] == usual
    change(
        portals,
        notices={
            "no_portal": {"text": "Ask the clinic."},
            "no_permission": {"heading": "Not here", "text": {"en": "Not for you.", "es": "No es para ti."}},
            "confirmation": {"title": "Thanks", "heading": "Thank you", "text": "The applicant waits."},
        },
        sign_in={
            "instructions": "See **here**: [help](/help), [no](//evil.example.org), [or](/v1/x).",
            "links": {"pick_up_code": "I have a letter"},
        },
        terms={"applicant": {"singular": "candidate"}},
    )
    seen = portals.call(contract.get_public_portal, None, **at, languages=["es"])
    assert seen["no_permission"] == {"heading": "Not here", "text": "No es para ti."}
    assert seen["sign_in"]["links"] == {"pick_up_code": "I have a letter"}
    html = seen["sign_in"]["instructions"]["html"]
    assert '<strong>here</strong>: <a href="/help" rel="noopener noreferrer">help</a>' in html
    assert html.count("<a ") == 1
    assert home(portals)["notices"]["confirmation"]["text"] == "The candidate waits."
    # Somebody reads the first only while no portal is open to them.
    assert portals.call(contract.list_my_portals, EMPLOYEE)["notice"] is None
    for each in ("employee", "supervisor", "one-time-code", "signing"):
        found = portals.call(definitions.describe_portal, ADMIN, portal=each)
        if found["is_enabled"]:
            off = {"portal": each, "is_enabled": False, "version": found["version"]}
            portals.call(definitions.change_portal, ADMIN, **off)
    told = portals.call(contract.list_my_portals, EMPLOYEE)
    assert (told["items"], told["notice"]) == ([], {"heading": None, "text": "Ask the clinic."})


def test_a_page_of_a_portal_has_help_of_its_own(portals: InProcess) -> None:
    change(portals, help={"start": "Begin [here](/help).", "support": {"en": "Call.", "es": "Llame."}})
    texts = home(portals)["help"]
    assert {code: text["plain"] for code, text in texts.items()} == {
        "start": "Begin here.",
        "support": "Call.",
    }
    assert '<a href="/help" rel="noopener noreferrer">here</a>' in texts["start"]["html"]
    assert set(refusal(portals, help={"orders": "Not of employees."})) == {"help.orders"}


def test_the_welcome_leads_to_pages_of_the_portal(portals: InProcess) -> None:
    change(portals, description="[Book](/portal/employee/appointments) <b>now</b>")
    shown = home(portals)
    assert shown["description"] == "[Book](/portal/employee/appointments) <b>now</b>"
    assert shown["welcome"]["html"] == (
        '<a href="/portal/employee/appointments" rel="noopener noreferrer">Book</a> &lt;b&gt;now&lt;/b&gt;'
    )


def test_staff_choose_among_the_types_of_documents_that_were_published(portals: InProcess) -> None:
    def possible(caller: Any = ADMIN) -> list[tuple[str, str]]:
        shown = portals.call(contract.get_portal_content, caller, portal="employee")
        return [(each["code"], each["name"]) for each in shown["possible_document_types"]]

    assert possible() == []
    publisher = a_caller(published_items.PUBLISH)
    knows_person(portals, "harbor")
    for kind, values in (
        ("document", {"title": "Note", "document_type": "work_note"}),
        ("document", {"title": "Other", "document_type": "work_note"}),
        ("document", {"title": "Form", "document_type": "form"}),
        ("allergy", {"substance": "Nuts"}),
    ):
        request = {"person_id": own_person("harbor"), "kind": kind, "values": values}
        portals.call(published_items.publish_item, publisher, **request)
    assert possible() == [("form", "Form"), ("work_note", "Work note")]
    assert possible(a_caller("portal.configure", organisation=BAYSIDE)) == []
