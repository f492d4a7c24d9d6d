"""Both organisations' objects in identity, for the tests about foreign ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from services.contracts.errors import Refused
from services.contracts.identity import (
    accounts,
    api_clients,
    audit,
    employees,
    family,
    hr_feed,
    merging,
    outside,
    partners,
    patients,
    people,
    personal_data,
    pickup_codes,
    realms,
    relationships,
)
from services.contracts.referrals import directory as referrals
from services.identity.credentials.models import LoginChange
from services.identity.models import Grant
from services.identity.patients.models import UnverifiedNotice
from services.identity.sessions.models import LoginSession
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.integration.identity.employees import activate
from tests.support.in_process import a_caller
from tests.support.two_organisations import KEYS, World, everybody, finished


def identity_world(folder: Path) -> World:
    """Identity: people, their accounts and access, in both organisations."""
    file = folder / "identity.db"
    identity = Identity(f"sqlite:///{file}", folder)
    created = {"harbor": identity.harbor, "bayside": identity.an_organisation("bayside")}
    organisations = {key: (each.organisation_id, key) for key, each in created.items()}
    world = World(identity, file, organisations, callers={})
    for key in KEYS:
        _IdentityObjects(world, identity, key).make()
        profile = {"person_id": world.objects[key]["person"][0], "role": "family", "permissions": []}
        world.callers_of["identity.get_my_profile", key] = a_caller(
            organisation=organisations[key], realm="family", scope={"profiles": [profile]}
        )
    world.requests.update(
        {
            "identity.mint_mail_link": lambda own, _: {"object_state": "offered"},
            "identity.explain_access": lambda own, member: (
                {"account_id": own["granted_account"][0], "permission": "profile.view_demographics"}
                if member == "person_id"
                else {"permission": "referral.read"}
            ),
            "identity.list_who_can_see": lambda own, member: (
                {"person_id": own["person"][0]} if member == "after" else {}
            ),
            "identity.preview_removal": lambda own, member: (
                {"account_id": own["granted_account"][0]}
                if member in ("grant_id", "person_id")
                else {"account_id": own["provider"][0], "assignment_id": own["assignment"][0]}
            ),
            "identity.create_person_account": lambda own, _: {"realm": "employee", "role": "employee"},
            "identity.end_person_kind": lambda own, _: {"kind": "client"},
            "identity.add_family_access": lambda own, _: {"role": "family"},
            "identity.start_patient_job": lambda own, _: {"kind": "enable", "attests_email_is_private": True},
            **{
                f"identity.set_{side}_relationship": lambda own, _: {
                    "kind": "portal_user",
                    "account_id": own["account"][1],
                }
                for side in ("account", "person")
            },
            "identity.break_glass": lambda own, _: {"object_type": "person"},
            "identity.check_username": lambda own, _: {"username": "ana.bayside"},
        }
    )
    mine = world.objects["bayside"]["program"][0]
    identity.answers[referrals.describe_resource.address] = lambda request: _describe_resource(request, mine)
    return finished(world)


def _describe_resource(request: Any, known: str) -> dict[str, Any]:
    """The answer of referrals to identity within Bayside."""
    if request["resource_id"] != known:
        raise Refused("not_found", "There is no such resource.")
    return {"id": known, "name": "Harbor House", "level": "program", "agency_id": "9" * 32}


class _IdentityObjects:
    """Makes one organisation's objects."""

    def __init__(self, world: World, identity: Identity, key: str) -> None:
        self.world, self.identity, self.key = world, identity, key
        token = identity.log_in(organisation=key)["token"]
        admin = identity.caller(token)
        self.caller = everybody(world.organisations[key], admin.id, session_id=admin.session_id)
        world.callers[key] = self.caller

    def call(self, operation: Any, **request: Any) -> Any:
        return self.identity.call(operation, self.caller, **request)

    def keep(self, kind: str, *ids: Any) -> None:
        self.world.keep(self.key, kind, *ids)

    def make(self) -> None:
        """Create all objects."""
        self._accounts()
        client, contact = self._family()
        self._patients()
        self._employees()
        self._outside()
        self._others(client, contact)

    def _person(self, *kinds: str, **more: Any) -> Any:
        name = {"first_name": f"Pat of {self.key}", "last_name": f"Quimby of {self.key}"}
        return self.call(people.create_person, kinds=list(kinds), **name, **more)

    def _accounts(self) -> None:
        self.keep("account", self.caller.id)
        invited = self.identity.an_account(password=None, admin=self.caller)
        self.keep("account", invited["id"])
        invitation = self.call(accounts.invite_account, account_id=invited["id"])
        self.keep("invitation", invitation["invitation_id"])
        provider = self.identity.an_account("provider_portal_user", password=None, admin=self.caller)
        self.keep("program", "8" * 31 + str(KEYS.index(self.key)))
        resource_id = self.world.objects[self.key]["program"][0]
        assigned = self.call(accounts.assign_resource, account_id=provider["id"], resource_id=resource_id)
        activate(self.identity, provider["id"])
        self.keep("provider", provider["id"])
        self.keep("assignment", assigned["resources"][0]["id"])
        self.identity.log_in(ADMIN, PASSWORD, organisation=self.key)
        with self.identity.database.reading(self.caller.organisation_id) as session:
            self.keep("session", *session.scalars(select(LoginSession.id)))
        client = self.call(api_clients.create_api_client, name=f"Board of {self.key}", scopes=["queue.read"])
        self.keep("api_client", client["id"])
        partner = self.call(partners.create_partner, name=f"partner-of-{self.key}")
        self.keep("partner", partner["id"])
        role = self.call(
            realms.create_role,
            realm="family",
            code="guardian",
            name=f"Guardian of {self.key}",
            permissions=[],
        )
        self.keep("role", role["id"])
        listed = self.call(realms.list_roles, realm="staff")["items"]
        self.keep("staff_role", *[each["id"] for each in listed])

    def _family(self) -> tuple[str, str]:
        client = self._person("client", email=f"client@{self.key}.example.org")["id"]
        contact = self._person("contact", email=f"kin@{self.key}.example.org")["id"]
        self.call(family.add_client_contact, client_id=client, contact_id=contact, relation="daughter")
        granted = self.call(family.add_family_access, client_id=client, person_id=contact, role="family")
        self.keep("person", client)
        self.keep("contact", contact)
        activate(self.identity, granted["account_id"])
        self.keep("granted_account", granted["account_id"])
        self.keep("account_cursor", self.caller.id, granted["account_id"])
        self.call(
            family.change_family_login,
            client_id=client,
            person_id=contact,
            email=f"newkin@{self.key}.example.org",
        )
        return client, contact

    def _patients(self) -> None:
        details = {"postal_code": "02139", "date_of_birth": "1980-02-29"}
        patient = self._person("patient", email=f"ana@{self.key}.example.org", **details)["id"]
        self.call(patients.enable_patient_access, person_id=patient, attests_email_is_private=True)
        self.call(
            patients.set_patient_credentials,
            person_id=patient,
            username=f"ana.{self.key}",
            password="copper kettle under snow",
            must_change=False,
        )
        self.keep("patient", patient)
        job = self.call(
            patients.start_patient_job,
            kind="enable",
            person_ids=[patient],
            attests_email_is_private=True,
        )
        self.keep("job", job["job_id"])
        data_job = self.call(personal_data.export_person, person_id=self.world.objects[self.key]["person"][0])
        self.keep("data_job", data_job["id"])
        self.identity.call(
            patients.request_patient_access,
            organisation=self.key,
            email=f"nobody@{self.key}.example.org",
            last_name="Nobody",
            **details,
        )
        with self.identity.database.reading(self.caller.organisation_id) as session:
            self.keep("notice", *session.scalars(select(UnverifiedNotice.id)))

    def _employees(self) -> None:
        employee = self._person("employee", email=f"robin@{self.key}.example.org")["id"]
        code = self.call(pickup_codes.create_pickup_code, person_id=employee)
        self.keep("pickup_code", code["id"])
        applicant = self.call(
            employees.register_applicant,
            first_name="Robin",
            last_name=f"Quay of {self.key}",
            email=f"robin.quay@{self.key}.example.org",
        )["person_id"]
        second, third = (self._person("patient")["id"] for _ in range(2))
        plan = self.call(merging.preview_merge, kept_id=second, merged_id=third)["plan"]
        merge = self.call(merging.merge_people, kept_id=second, merged_id=third, plan=plan)
        self.keep("merge", merge["id"])
        self.keep("merged", third)
        self.keep("employee", employee, second)
        self.keep("applicant", applicant)
        working = self._person("employee", email=f"kim@{self.key}.example.org")["id"]
        account = self.call(
            people.create_person_account, person_id=working, realm="employee", role="employee"
        )
        activate(self.identity, account["id"])
        self.keep("portal_user", working)
        line = "employee_number,last_name,is_active\n9,Quill of " + self.key + ",true\n"
        imported = self.call(
            hr_feed.upload_hr_feed,
            document=self.identity.upload(line.encode(), self.caller.organisation_id or ""),
            format="csv",
        )
        self.keep("hr_import", imported["id"])
        self.keep("blob", self.identity.upload(line.encode(), self.caller.organisation_id or ""))

    def _outside(self) -> None:
        provider = {"realm": "staff", "issuer": "https://id.example.org", "client_id": "portico"}
        more = {"client_secret": "s" * 30, "linking": "by_hand", "button_name": "Somewhere else"}
        self.call(outside.create_identity_provider, **provider, **more)
        linked = self.call(
            outside.link_account_outside_identity,
            account_id=self.caller.id,
            subject=f"ada-{self.key}",
        )
        self.keep("outside_identity", linked["id"])

    def _others(self, client: str, contact: str) -> None:
        related = self.call(
            relationships.set_account_relationship,
            account_id=self.world.objects[self.key]["account"][1],
            person_id=client,
            kind="contact",
        )
        self.keep("relationship", related["id"])
        emergency = self.call(
            audit.break_glass,
            object_type="person",
            object_id=client,
            reason_code="immediate_danger",
            reason=f"Fire in {self.key} today.",
        )
        self.keep("emergency", emergency["id"])
        granted = self.world.objects[self.key]["granted_account"][0]
        with self.identity.database.reading(self.caller.organisation_id) as session:
            self.keep("grant", *session.scalars(select(Grant.id).where(Grant.account_id == granted)))
            self.keep("login_change", *session.scalars(select(LoginChange.id)))
