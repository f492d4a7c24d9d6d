"""The help pages: one declaration for each task, in the words that people search for. Its text is `templates/help/tasks/…`."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One help page.

    `title` is a text to be translated, `words` are further words that people search for. `beside` are the beginnings of the
    addresses of pages that lead here.
    """

    name: str
    title: str
    words: str = ""
    beside: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        """The template of its text."""
        return f"help/tasks/{self.name.replace('-', '_')}.html"

    @property
    def address(self) -> str:
        """Where it is."""
        return f"/help/{self.name}"


TASKS = (
    Task("sign-in", "Sign in to your portal", "log in login account entrance", ("/sign-in", "/at")),
    Task(
        "find-my-portal", "Find your portal", "where address website lost organisation", ("/find-my-portal",)
    ),
    Task("forgotten-password", "Set a new password when you have forgotten it", "reset lost recover"),
    Task(
        "invitation",
        "Accept an invitation and set your first password",
        "new user registration temporary create account",
        ("/credentials",),
    ),
    Task("expired-link", "Get a new link when yours has expired", "90 minutes invalid used renew"),
    Task(
        "patient-access",
        "Get access as a registered patient",
        "activate username forgot self-activation portal",
        ("/patient-access", "/register"),
    ),
    Task(
        "pickup-code",
        "Open an account with a pick-up code",
        "employee employer registration code",
        ("/pickup-code",),
    ),
    Task(
        "apply",
        "Answer the questions of an employer when you apply for work",
        "applicant application job candidate terminal kiosk",
        ("/application",),
    ),
    Task("confirm-email", "Confirm your e-mail address", "verify verification", ("/verify-email",)),
    Task(
        "second-factor",
        "Set up a second factor",
        "two-factor 2fa mfa totp authenticator recovery phone",
        ("/account/second-factor", "/sign-in/step", "/sign-in/recovery-codes"),
    ),
    Task(
        "change-password",
        "Change your password",
        "new security",
        ("/account/password", "/account/proof"),
    ),
    Task(
        "my-account",
        "Look after your account and your devices",
        "log out sign out settings notifications e-mails text messages sms mobile session",
        ("/account",),
    ),
    Task(
        "who-opened-my-record",
        "See who has opened your record",
        "privacy access audit history",
        ("/account/openings",),
    ),
    Task(
        "family-access",
        "Use the Family Portal for a relative or client",
        "contact proxy parent child profile grant",
        ("/family", "/patient"),
    ),
    Task(
        "questionnaire",
        "Answer a questionnaire, stop and come back",
        "form survey injury report answers draft send review supervisor",
    ),
    Task(
        "employee-portal",
        "Find your way in your portal",
        "start home overview supervisor resources support health at work",
        ("/portal", "/consents"),
    ),
    Task(
        "manage-appointments",
        "Set up and manage appointments",
        "calendar schedule hours holidays provider type slot book request no-show invite due",
        ("/staff/appointments", "/staff/people/{person_id}/appointments"),
    ),
    Task(
        "appointments",
        "Book, move or cancel an appointment",
        "schedule slot time doctor visit request calendar reminder",
        (
            "/portal/{portal}/appointments",
            "/portal/{portal}/scheduling",
            "/family/{person_id}/appointments",
            "/patient/appointments",
        ),
    ),
    Task(
        "write-a-message",
        "Write to your organisation and see what became of it",
        "secure message request refill question appointment inbox sent answer reply",
    ),
    Task(
        "provider-portal",
        "Find your way in the Provider Portal",
        "start home overview community based organization partner",
        ("/provider",),
    ),
    Task(
        "find-referral",
        "Find a referral by its number",
        "search list contact record help-seeker client filter",
        ("/provider/referrals",),
    ),
    Task(
        "referral-status",
        "Change the status of a referral and write a note",
        "update accept decline enroll complete outcome help-seeker",
        ("/provider/referrals/",),
    ),
    Task(
        "capacity",
        "Say how many people you can take",
        "update beds places full waitlist resource confirm program",
        ("/provider/capacity",),
    ),
    Task(
        "schedule-capacity",
        "Schedule a change of capacity",
        "plan future later holiday date",
        ("/provider/capacity/",),
    ),
    Task(
        "sign-document",
        "Read and sign a document",
        "electronic signature review plan of care pdf approve",
        ("/signing",),
    ),
    Task(
        "send-document",
        "Send a document to be signed, by mail, by fax or on paper",
        "signature plan of care provider cover sheet scan copy wet reminder days",
        ("/staff/documents",),
    ),
    Task(
        "verify-signature",
        "Verify a signed document",
        "genuine forged check signature certificate decision public key",
        ("/verify",),
    ),
    Task("decline-document", "Decline to sign a document", "refuse reject wrong return correction"),
    Task(
        "staff-work",
        "See what waits for you as staff",
        "dashboard overview overdue failed mails jobs keyboard shortcuts keys",
        ("/staff",),
    ),
    Task(
        "requests-and-messages",
        "Answer requests and messages from portals",
        "queue secure message patient reply template saved draft dismiss complete archive un-archive refill helper action claim "
        "overdue escalation surrogate supervisor absence out-of-office vacation group department",
        ("/staff/queue", "/staff/message-types", "/staff/staff-groups"),
    ),
    Task(
        "portal-go-live",
        "Set up a portal and tell people about it",
        "configure publish roll-out communication approval training timeline logo colour news branding",
        ("/staff/portals",),
    ),
    Task(
        "intake",
        "Enter a contact record and refer it",
        "new call help-seeker queue assign program",
        ("/staff/intake", "/staff/records"),
    ),
)


def beside(address: str) -> str:
    """The help that fits the page at this address; the list of all where none does."""
    fitting = [(len(start), task) for task in TASKS for start in task.beside if _begins(address, start)]
    return max(fitting, key=lambda each: each[0])[1].address if fitting else "/help"


def _begins(address: str, start: str) -> bool:
    """Whether an address begins so. A part in braces stands for any."""
    if start.endswith("/"):
        return address.startswith(start)
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(start))
    return re.match(f"{pattern}/", f"{address}/") is not None
