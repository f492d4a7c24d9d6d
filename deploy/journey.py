"""One referral through all five services, step by step, over HTTP and mail as people and systems use them.

`make demo` prints it; a system test plays it with further checks. Every step raises if it gets another answer than expected.
"""

from __future__ import annotations

import io
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from deploy.client import Portico

_LINK = re.compile(r"https?://\S+#token=([A-Za-z0-9_-]+)")


@dataclass
class Journey:
    """The steps and their shared state. `admin` and `staff` are logged in; `mail_url` is the mail catcher."""

    gateway_url: str
    mail_url: str
    organisation: str
    admin: Portico
    staff: Portico
    suffix: str = field(default_factory=lambda: secrets.token_hex(3))
    found: dict[str, Any] = field(default_factory=dict)

    def import_directory(self, content: bytes, file_name: str = "resources.csv") -> dict[str, Any]:
        """An administrator imports a resource directory in iCarol's export format."""
        report: dict[str, Any] = self.admin.upload("/v1/directory/imports", content, file_name, "text/csv")
        return report

    def find_program(self, name: str) -> dict[str, Any]:
        """A program whose name begins with this text."""
        items = self.staff.get("/v1/directory/resources", q=name)["items"]
        return next(
            item
            for item in items
            if item["level"] == "program" and item["name"].lower().startswith(name.lower())
        )

    def create_queue(self, programs: list[dict[str, Any]]) -> dict[str, Any]:
        """Staff create a ReferralQ with the usual statuses and put programs in it."""
        queue = self.admin.post("/v1/queues", name=f"Housing {self.suffix}")
        for program in programs:
            queue = self.admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
        self.found["queue"] = queue
        return dict(queue)

    def set_capacity(self, program: dict[str, Any], beds: int) -> dict[str, Any]:
        """Staff set the number of a program's beds."""
        return dict(self.admin.put(f"/v1/programs/{program['id']}/capacity", total=beds, unit="beds"))

    def create_provider(self, first_name: str, resource: dict[str, Any], **switches: bool) -> dict[str, Any]:
        """Staff create a provider account: profile, then level, then resources and switches, then the invitation."""
        email = f"{first_name.lower()}.{self.suffix}@provider.example.org"
        account = self.admin.post("/v1/accounts", email=email, first_name=first_name, last_name="Okafor")
        path = f"/v1/accounts/{account['id']}"
        self.admin.put(
            f"{path}/security-level", version=account["version"], security_level="provider_portal_user"
        )
        self.admin.post(f"{path}/resources", expect=200, resource_id=resource["id"])
        wanted = {
            "can_edit_capacity": True,
            "can_change_status": True,
            "can_access_details": False,
        } | switches
        self.admin.put(f"{path}/provider-switches", **wanted)
        self.admin.post(f"{path}/invitations", expect=202)
        return {**self.admin.get(path), "email": email}

    def accept_invitation(self, account: dict[str, Any]) -> Portico:
        """The provider sets a password through the link in the mail, once, and logs in."""
        link = self.await_mail(account["email"], lambda mail: bool(_LINK.search(mail["text"])))
        token = _LINK.search(link["text"]).group(1)  # type: ignore[union-attr]  # the awaited mail has a link
        password = f"a long enough phrase {secrets.token_hex(8)}"
        visitor = Portico(self.gateway_url)
        visitor.post("/v1/credentials/links/redeem", expect=204, token=token, password=password)
        self.found.setdefault("passwords", {})[account["email"]] = password
        self.found.setdefault("used_tokens", []).append(token)
        return visitor.log_in(self.organisation, account["email"], password)

    def enter_record(self, **members: Any) -> dict[str, Any]:
        """Staff enter a contact record."""
        person = {
            "first_name": "Rosalind",
            "last_name": "Quimby",
            "postal_code": "20009",
            "phone": "(555) 555-0142",
        } | members
        return dict(self.staff.post("/v1/contact-records", **person))

    def assign(
        self, record: dict[str, Any], program: dict[str, Any], note: str = "Please call before noon."
    ) -> dict[str, Any]:
        """Staff assign the record to a program; one bed is taken."""
        queue = self.found["queue"]
        return dict(
            self.staff.post(
                "/v1/referrals",
                contact_record_id=record["id"],
                queue_id=queue["id"],
                program_id=program["id"],
                note=note,
            )
        )

    def send_document(self, record: dict[str, Any], recipient: dict[str, Any]) -> dict[str, Any]:
        """Staff send a PDF about the record for signature."""
        form = {
            "title": "Plan of care",
            "recipient_account_id": recipient["id"],
            "contact_record_id": record["id"],
        }
        return dict(
            self.staff.upload(
                "/v1/documents", a_pdf(record["number"]), "plan.pdf", "application/pdf", expect=201, **form
            )
        )

    def await_mail(
        self, address: str, fits: Callable[[dict[str, Any]], bool], timeout_s: float = 20
    ) -> dict[str, Any]:
        """Wait for a mail to an address that fits; the newest one."""
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            for mail in self.mails_to(address):
                if fits(mail):
                    return mail
            time.sleep(0.1)
        raise TimeoutError("the mail did not arrive")

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """Mails to an address, newest first."""
        messages = requests.get(f"{self.mail_url}/messages.json", timeout=5).json()
        mails = messages["messages"] if isinstance(messages, dict) else messages
        return [mail for mail in mails if address in str(mail["to"])]


def a_pdf(record_number: str) -> bytes:
    """A one-page plan of care with the record's number and no name."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(72, 760, "Plan of care")
    canvas.setFont("Helvetica", 11)
    lines = (
        f"Contact record {record_number}",
        "Two visits a week for eight weeks.",
        "Goal: own housing by spring.",
    )
    for index, line in enumerate(lines):
        canvas.drawString(72, 720 - 18 * index, line)
    canvas.save()
    return buffer.getvalue()
