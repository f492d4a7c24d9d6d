"""Which actions identity writes to its audit trail: each is listed here with its kind of object, and some test brings it about.

A test fails at once if an action is written about another kind of object. When the whole suite has run, its summary names
each action that no test has brought about.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.chassis import operations, unit_of_work
from tests.seeds import is_whole_suite

IDENTITY = Path(__file__).resolve().parents[2] / "services" / "identity"
WRITERS = ("audit", "note_reading", "note_readings")
WRITTEN: set[str] = set()
# The actions that the source names where it writes them. Others are made of a kind and a word.
OBJECT_TYPES: Mapping[str, str] = {
    "access.break_glass_ended": "emergency_access",
    "access.break_glass_reviewed": "emergency_access",
    "account.activated": "account",
    "account.created": "account",
    "account.disabled": "account",
    "account.drafted": "account",
    "account.email_verified": "account",
    "account.enabled": "account",
    "account.level_changed": "account",
    "account.login_changed": "account",
    "account.not_opened": "person",
    "account.notifications_changed": "account",
    "account.preferences_changed": "account",
    "account.read": "account",
    "account.renamed": "account",
    "account.switches_changed": "account",
    "account.username_set": "account",
    "api_client.changed": "api_client",
    "api_client.revoked": "api_client",
    "api_session.refused": "api_client",
    "api_session.started": "api_client",
    "consent.noted": "consent",
    "contact.added": "client_contact",
    "contact.disabled": "client_contact",
    "contacts.read": "person",
    "credential.link_made": "account",
    "credential.link_requested": "account",
    "credential.password_set": "account",
    "employee.added": "person",
    "employee.changed": "person",
    "employee.ended": "person",
    "family_access.read": "account",
    "grant.changed": "grant",
    "grant.notice_given": "grant",
    "grant.opened": "grant",
    "grant.revoked": "grant",
    "hr_import.applied": "hr_import",
    "hr_import.begun": "hr_import",
    "hr_import.failed": "hr_import",
    "hr_import.lines_read": "hr_import",
    "hr_import.read": "hr_import",
    "identity_provider.changed": "identity_provider",
    "identity_provider.checked": "identity_provider",
    "identity_provider.created": "identity_provider",
    "identity_provider.deleted": "identity_provider",
    "mail_link.made": "account",
    "organisation.created": "organisation",
    "organisation.features_changed": "organisation",
    "organisation.portal_reminder_requested": "account",
    "organisation.public_facts_changed": "organisation",
    "organisation.web_origins_changed": "organisation",
    "outside_identity.linked": "account",
    "outside_identity.listed": "account",
    "outside_identity.unlinked": "account",
    "outside_sign_in.completed": "account",
    "outside_sign_in.refused": "identity_provider",
    "patient.access_disabled": "account",
    "patient.access_enabled": "account",
    "patient.credentials_set": "account",
    "patient.registered": "person",
    "patient.not_verified": "login",
    "patient.not_verified_told": "unverified_notice",
    "patient_access.listed": "organisation",
    "patient_access.read": "person",
    "patients.job_finished": "patient_job",
    "patients.job_started": "patient_job",
    "patients.settings_changed": "organisation",
    "person.changed": "person",
    "person.created": "person",
    "person.disabled": "person",
    "person.enabled": "person",
    "person.erased": "person",
    "person.erasure_ordered": "person",
    "person.export_downloaded": "person",
    "person.export_ordered": "person",
    "person.exported": "person",
    "person.kind_ended": "person",
    "person.kind_started": "person",
    "person.read": "person",
    "pickup_code.activated": "pickup_code",
    "pickup_code.created": "pickup_code",
    "pickup_code.made": "pickup_code",
    "pickup_code.refused": "pickup_code",
    "portal_entry.changed": "realm",
    "profile.read": "person",
    "realm.changed": "realm",
    "relationship.ended": "relationship",
    "relationship.set": "relationship",
    "resource.assigned": "account",
    "resource.removed": "account",
    "role.changed": "role",
    "role.created": "role",
    "role.second_factor_changed": "role",
    "second_factor.begun": "account",
    "second_factor.recovery_code_used": "account",
    "second_factor.recovery_codes_made": "account",
    "second_factor.refused": "account",
    "second_factor.throttled": "account",
    "session.all_ended": "account",
    "session.ended": "account",
    "session.listed": "account",
    "session.others_ended": "account",
    "session.password_change_required": "account",
    "session.proof_refused": "account",
    "session.proven": "account",
    "session.second_factor_required": "account",
    "session.started": "account",
}


class AnotherObject(AssertionError):
    """An action is written about another kind of object than the one that is listed."""


def named_in_source() -> dict[str, set[str | None]]:
    """The actions that identity's source names where it writes them, each with its kinds of object; None where not named."""
    trees = [
        ast.parse(path.read_text()) for path in IDENTITY.rglob("*.py") if path.parent.name != "migrations"
    ]
    found: dict[str, set[str | None]] = {}
    for tree in trees:
        constants = dict(pair for node in tree.body for pair in _constants(node))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in WRITERS
            ):
                action, kind, *_ = (*(_text(each, constants) for each in node.args[:2]), None, None)
                if action is not None:
                    found.setdefault(action, set()).add(kind)
    return found


def _constants(node: ast.stmt) -> list[tuple[str, str]]:
    if not isinstance(node, ast.Assign):
        return []
    names, values = node.targets[0], node.value
    if isinstance(names, ast.Tuple) and isinstance(values, ast.Tuple):
        pairs = list(zip(names.elts, values.elts, strict=False))
    else:
        pairs = [(names, values)]
    return [
        (name.id, value.value)
        for name, value in pairs
        if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]


def _text(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return constants.get(node.id) if isinstance(node, ast.Name) else None


def never_written(written: set[str]) -> list[str]:
    """Actions that no test has brought about, one sentence each."""
    missing = sorted(set(OBJECT_TYPES) - written)
    return [f"no test brings about that identity writes {action} to its audit trail" for action in missing]


def _noting(audit_row: Callable[..., Any]) -> Callable[..., Any]:
    def noted(
        caller: Any,
        context: Any,
        organisation: Any,
        at: Any,
        action: str,
        object_type: str,
        *rest: Any,
        **more: Any,
    ) -> Any:
        WRITTEN.add(action)
        if OBJECT_TYPES.get(action, object_type) != object_type:
            raise AnotherObject(
                f"{action} is written about {object_type}, and listed about {OBJECT_TYPES[action]}"
            )
        return audit_row(caller, context, organisation, at, action, object_type, *rest, **more)

    return noted


class AuditResults:
    """pytest plugin: collects the actions of all test processes, and names what is missing after the whole suite."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._patch = pytest.MonkeyPatch()
        for module in (operations, unit_of_work):
            self._patch.setattr(module, "audit_row", _noting(unit_of_work.audit_row))

    def pytest_testnodedown(self, node: object) -> None:
        """Add the actions of another test process."""
        WRITTEN.update(getattr(node, "workeroutput", {}).get("audited", ()))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand the actions of this process on, or look for what is missing."""
        self._patch.undo()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["audited"] = sorted(WRITTEN)
            return
        if exitstatus == pytest.ExitCode.OK and is_whole_suite(session.config):
            self.missing = never_written(WRITTEN)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what is missing."""
        if self.missing:
            terminalreporter.section("audit actions that no test has brought about")
            for line in self.missing:
                terminalreporter.write_line(line)
