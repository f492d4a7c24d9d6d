"""The demo organisation: `python -m deploy.demo seed` makes it, `python -m deploy.demo play` plays one referral through it.

Reads GATEWAY_URL, MAIL_URL, DEMO_SECRETS_FILE and IDENTITY_DATABASE_URL; `seed` only adds what is missing, so it may be run again.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from deploy import demo_portals, demo_questionnaires
from deploy.client import Portico, UnexpectedAnswer
from deploy.demo_portals import EMPLOYEE, SUPERVISOR
from deploy.journey import Journey

ORGANISATION = "harbor"
ADMIN = "admin@harbor.example.org"
STAFF = "staff@harbor.example.org"
PROVIDER = "provider@shelter.example.org"
PATIENT = "rose.ash"
FAMILY = "dora@family.example.org"
SAMPLE = Path(__file__).parent / "sample" / "resources.csv"
PROGRAM = "Night Shelter"


def seed() -> None:
    """Make what is missing: organisation, log-ins, directory, a ReferralQ with a program of 20 beds.

    Of the provider, patient and family portals one person each.
    """
    passwords = _passwords()
    features = "referralq,provider_portal,electronic_signature"
    _identity(
        passwords[ADMIN], "create-organisation", "--key", ORGANISATION, "--name", "Harbor County 2-1-1",
        "--admin-email", ADMIN, "--admin-password-file", "-", "--features", features,
    )  # fmt: skip
    admin = _client().log_in(ORGANISATION, ADMIN, passwords[ADMIN])
    accounts = {account["login"]: account for account in admin.get("/v1/accounts", limit=200)["items"]}
    known = accounts.keys()
    if accounts[ADMIN]["first_name"] is None:
        version = {"If-Match": f'"{accounts[ADMIN]["version"]}"'}
        name = {"first_name": "Alex", "last_name": "Harbor"}
        admin.send("PATCH", f"/v1/accounts/{accounts[ADMIN]['id']}", 200, json=name, headers=version)
    if STAFF not in known:
        admin.post("/v1/accounts", email=STAFF, first_name="Sam", last_name="Field")
        _set_password(STAFF, passwords)
    journey = _journey(admin, passwords)
    if not admin.get("/v1/directory/resources", q=PROGRAM)["items"]:
        journey.import_directory(SAMPLE.read_bytes(), SAMPLE.name)
    program = journey.find_program(PROGRAM)
    if not admin.get("/v1/queues")["items"]:
        queue = admin.post("/v1/queues", name="Housing")
        admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
        journey.set_capacity(program, 20)
    if PROVIDER not in known:
        account = admin.post("/v1/accounts", email=PROVIDER, first_name="Pat", last_name="Keeper")
        path = f"/v1/accounts/{account['id']}"
        admin.put(f"{path}/security-level", version=account["version"], security_level="provider_portal_user")
        admin.post(f"{path}/resources", expect=200, resource_id=program["id"])
        admin.put(
            f"{path}/provider-switches",
            can_edit_capacity=True,
            can_change_status=True,
            can_access_details=False,
        )
        _set_password(PROVIDER, passwords)
    if not admin.get("/v1/documents", limit=1)["items"]:
        _give_work(admin, journey, program)
    organisation = admin.get("/v1/organisation")
    if organisation["telephone"] is None:
        admin.put(
            "/v1/organisation/public-facts",
            version=organisation["version"],
            short_name=ORGANISATION,
            telephone="+1 415-555-0100",
            time_zone="America/Los_Angeles",
            published_realms=["staff", "provider", "patient", "family", "employee"],
        )
    if not admin.get("/v1/patients", limit=1)["items"]:
        _add_patient_and_family(admin, journey, passwords)
        _write_requests(admin, passwords)
        _open_clinic(admin)
    demo_questionnaires.add(admin)
    demo_portals.add(admin, ORGANISATION, passwords)
    _write_front_door(passwords)
    print(f"Demo organisation `{ORGANISATION}`. Log-ins:")
    for login, role in (
        (ADMIN, "administrator"),
        (STAFF, "staff"),
        (PROVIDER, f"provider of {PROGRAM}"),
        (PATIENT, "patient"),
        (FAMILY, "family"),
        (EMPLOYEE, f"employee of {demo_portals.EMPLOYER}"),
        (SUPERVISOR, "supervisor there"),
    ):
        print(f"  {role:<26} {login:<32} {passwords[login]}")


def _give_work(admin: Portico, journey: Journey, program: dict[str, Any]) -> None:
    """What waits for the provider: a referral to answer and a document to sign."""
    accounts = admin.get("/v1/accounts", limit=200)["items"]
    provider = next(each for each in accounts if each["login"] == PROVIDER)
    journey.found["queue"] = admin.get("/v1/queues")["items"][0]
    record = journey.enter_record(first_name="Jo", last_name="Ferry")
    journey.assign(record, program)
    journey.send_document(record, provider)


def _add_patient_and_family(admin: Portico, journey: Journey, passwords: dict[str, str]) -> None:
    """A patient whose username and password staff have set, and a daughter who may open the profile."""
    facts: dict[str, Any] = {"date_of_birth": "1941-03-05", "postal_code": "94103", "city": "Harbor"}
    facts |= {"first_name": "Rose", "last_name": "Ash", "email": "rose@example.org"}
    rose = admin.post("/v1/people", kinds=["patient", "client"], **facts)
    admin.put(
        f"/v1/patients/{rose['id']}/credentials",
        username=PATIENT,
        password=passwords[PATIENT],
        must_change=False,
        enable_access=True,
        attests_email_is_private=True,
    )
    dora = admin.post("/v1/people", first_name="Dora", last_name="Ash", kinds=["contact"], email=FAMILY)
    admin.post(f"/v1/clients/{rose['id']}/contacts", contact_id=dora["id"], relation="daughter")
    admin.post(f"/v1/clients/{rose['id']}/family-access/{dora['id']}", role="family")
    mail = journey.await_mail(FAMILY, lambda each: "temporary password: " in each["text"])
    temporary = mail["text"].partition("temporary password: ")[2].split()[0]
    _client().post(
        "/v1/sessions",
        organisation=ORGANISATION,
        realm="family",
        login=FAMILY,
        password=temporary,
        new_password=passwords[FAMILY],
    )


def _write_requests(admin: Portico, passwords: dict[str, str]) -> None:
    """What the patient has asked for: a refill that waits, and a question that is answered."""
    known = {
        "organisation": ORGANISATION,
        "realm": "patient",
        "login": PATIENT,
        "password": passwords[PATIENT],
    }
    token = _client().send("POST", "/v1/sessions", 201, json=known)["token"]
    patient = Portico(os.environ["GATEWAY_URL"], token)
    for code, text in (
        ("ask_a_clinical_question", "May I swim with the new bandage?"),
        ("refill_request", "I need the blue inhaler again, please."),
    ):
        patient.post("/v1/me/threads", portal="patient", type=code, text=text)
    question = admin.get("/v1/portal-queue", type="ask_a_clinical_question")["items"][0]
    admin.act(
        f"/v1/portal-queue/{question['id']}/answer",
        version=question["version"],
        text="Please wait two more days, then you may.",
        outcome="completed",
    )


def _open_clinic(admin: Portico) -> None:
    """Somebody with whom patients book check-ups by themselves, for which one patient is due."""
    kind = admin.post(
        "/v1/appointment-types",
        code="check_up",
        name="Check-up",
        minutes=30,
        preparation="Bring your medicines.",
        is_shown_to_supervisors=True,
    )
    provider = admin.post("/v1/appointment-providers", name="Dr. Ida Reed", type_ids=[kind["id"]])
    hours = [
        {"weekdays": [1, 2, 3, 4, 5], "opens": opens, "closes": closes}
        for opens, closes in (("09:00", "12:00"), ("13:00", "16:00"))
    ]
    admin.post(
        f"/v1/appointment-providers/{provider['id']}/schedules",
        place="Clinic at the harbor, second floor",
        time_zone="America/Los_Angeles",
        hours=hours,
    )
    content = admin.get("/v1/portals/patient/content")
    module = {"code": "my_appointments", "appointments": {"booking_mode": "self_scheduling"}}
    modules = [module, *(each for each in content["modules"] if each["code"] != "my_appointments")]
    version = {"If-Match": f'"{content["version"]}"'}
    admin.send("PATCH", "/v1/portals/patient/content", 200, json={"modules": modules}, headers=version)
    due_on = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=30)
    patients = [each["person_id"] for each in admin.get("/v1/patients", limit=1)["items"]]
    admin.post(
        f"/v1/appointment-types/{kind['id']}/invitations", person_ids=patients, due_on=due_on.isoformat()
    )


def _write_front_door(passwords: dict[str, str]) -> None:
    """What the page `/` of this installation shows: each portal with a log-in and what to try there."""
    ways: list[dict[str, str | None]] = [
        {"who": who, "login": login, "password": passwords[login], "entrance": entrance, "try_this": try_this}
        for who, login, entrance, try_this in (
            (
                f"Pat Keeper, provider of the {PROGRAM}",
                PROVIDER,
                f"/at/{ORGANISATION}/provider",
                "Answer a referral, confirm how many beds are free, sign a document.",
            ),
            (
                "Rose Ash, patient",
                PATIENT,
                f"/at/{ORGANISATION}/patient",
                "Read an answer, ask for a refill, book a check-up, see who has opened your record.",
            ),
            (
                "Dora Ash, Rose's daughter",
                FAMILY,
                f"/at/{ORGANISATION}/family",
                "Open the profile of your mother, as far as your role goes.",
            ),
            (
                "Nora Quay, employee of Harbor Works",
                EMPLOYEE,
                f"/at/{ORGANISATION}/works",
                "Sign the consent, answer a questionnaire, report an injury, see your work status.",
            ),
            (
                "Theo Lock, Nora's supervisor",
                SUPERVISOR,
                f"/at/{ORGANISATION}/works-lead",
                "See what concerns Nora's work, order an examination, review what she reports.",
            ),
            (
                "Sam Field, staff",
                STAFF,
                f"/at/{ORGANISATION}/staff",
                "Answer a request of a patient, see the appointments, enter a person and refer them.",
            ),
            (
                "The administrator",
                ADMIN,
                f"/at/{ORGANISATION}/staff",
                "Change the organisation's settings, users and directory.",
            ),
        )
    ]
    ways += [
        {"who": who, "login": None, "password": None, "entrance": entrance, "try_this": try_this}
        for who, entrance, try_this in (
            (
                f"The application for a job at {demo_portals.EMPLOYER}",
                f"/at/{ORGANISATION}/{demo_portals.APPLICANTS}",
                "Apply by a name alone, answer a questionnaire. Nobody signs in.",
            ),
            (
                "The caught mails",
                os.environ["MAIL_URL"],
                "Read what was mailed. No mail leaves this machine.",
            ),
        )
    ]
    path = Path(os.environ["DEMO_FRONT_DOOR_FILE"])
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(ways, file)


def play() -> None:
    """Play the journey on the running stack and print what happens."""
    passwords = _passwords()
    admin = _client().log_in(ORGANISATION, ADMIN, passwords[ADMIN])
    journey = _journey(admin, passwords)
    report = journey.import_directory(SAMPLE.read_bytes(), SAMPLE.name)
    counts = ", ".join(f"{report[name]} {name}" for name in ("added", "changed", "unchanged", "refused"))
    _say(f"Directory imported: {counts}")
    program = journey.find_program(PROGRAM)
    queue = journey.create_queue([program, journey.find_program("Family Housing First")])
    _say(f"ReferralQ `{queue['name']}` with {', '.join(status['label'] for status in queue['statuses'])}")
    used = admin.get(f"/v1/programs/{program['id']}/capacity")["used"]
    capacity = journey.set_capacity(program, used + 20)
    _say(f"{program['name']}: {capacity['free']} beds free")
    account = journey.create_provider("Adaeze", program)
    provider = journey.accept_invitation(account)
    _say(f"Provider {account['email']} has set a password through the link in the mail ({journey.mail_url})")
    record = journey.enter_record()
    referral = journey.assign(record, program)
    free = admin.get(f"/v1/programs/{program['id']}/capacity")["free"]
    _say(f"{record['number']} assigned; {free} beds free")
    journey.await_mail(
        account["email"], lambda mail: record["number"] in mail["text"] or record["number"] in mail["subject"]
    )
    _say("The provider got a mail with the record's number and no name")
    seen = provider.get(f"/v1/referrals/{referral['id']}")
    _say(f"The provider sees {len(seen['limited'])} fields: {', '.join(seen['limited'])}")
    changed = provider.put(
        f"/v1/referrals/{referral['id']}/status",
        version=seen["version"],
        status="enrolled",
        note="Intake done.",
    )
    document = journey.send_document(record, account)
    signed = provider.act(
        f"/v1/documents/{document['id']}/signature",
        version=document["version"],
        meaning="approval",
        note="Agreed.",
    )
    _say(f"A plan of care was sent and signed; it stands as `{signed['standing']}`")
    done = provider.put(
        f"/v1/referrals/{referral['id']}/status",
        version=changed["version"],
        status="completed",
        note="Moved in.",
    )
    free = admin.get(f"/v1/programs/{program['id']}/capacity")["free"]
    _say(f"{record['number']} is {done['limited']['status']}; {free} beds free again")
    demo_portals.play(admin, ORGANISATION, _say)


def _say(text: str) -> None:
    print(f"• {text}", flush=True)


def _client() -> Portico:
    return Portico(os.environ["GATEWAY_URL"])


def _journey(admin: Portico, passwords: dict[str, str]) -> Journey:
    staff = _client().log_in(ORGANISATION, STAFF, passwords[STAFF])
    return Journey(os.environ["GATEWAY_URL"], os.environ["MAIL_URL"], ORGANISATION, admin, staff)


def _passwords() -> dict[str, str]:
    """The demo's passwords, made once for this installation."""
    path = Path(os.environ["DEMO_SECRETS_FILE"])
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text()) if path.exists() else {}
    logins = (ADMIN, STAFF, PROVIDER, PATIENT, FAMILY, EMPLOYEE, SUPERVISOR)
    made = {login: f"demo-{secrets.token_urlsafe(12)}" for login in logins} | kept
    if made != kept:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(made, file)
    return made


def _set_password(login: str, passwords: dict[str, str]) -> None:
    """Set a password. The demo's addresses are made up, so the operator vouches for them."""
    _identity(
        passwords[login],
        "set-password",
        "--key",
        ORGANISATION,
        "--login",
        login,
        "--password-file",
        "-",
        "--email-is-verified",
    )


def _identity(password: str, *arguments: str) -> Any:
    """Run identity's command line for operators. The password goes through standard input, never the arguments."""
    command = [sys.executable, "-W", "ignore", "-m", "services.identity.organisations.admin", *arguments]
    answer = subprocess.run(command, input=password, text=True, capture_output=True, check=False)
    if answer.returncode:
        sys.exit(f"identity: {arguments[0]} failed\n{answer.stderr[-2000:]}")
    return json.loads(answer.stdout or "null")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("seed", "play"):
        sys.exit(__doc__)
    try:
        seed() if sys.argv[1] == "seed" else play()
    except UnexpectedAnswer as error:
        sys.exit(str(error))
    except requests.ConnectionError:
        sys.exit(f"Nothing answers at {os.environ['GATEWAY_URL']}. Start the system first: make run")
