"""The errors of the published language. Every refusal has a stable code, a sentence and, where it applies, a field.

`CODES` is the one list of codes; each gives the HTTP status that the gateway answers with (RFC 9457 problem+json).
Clients rely on the codes: add new ones, but never rename one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """A request was understood and refused.

    `code` is one of CODES. `detail` is a sentence without personal data that says what to do. `field` is the dotted path of
    the request field concerned. `more` are further machine-readable members.
    """

    def __init__(self, code: str, detail: str, field: str | None = None, **more: Any) -> None:
        super().__init__(code)
        if code not in CODES:
            raise ValueError(f"unknown error code {code!r}: add it to services/contracts/errors.py")
        self.code = code
        self.detail = detail
        self.field = field
        self.more = more

    @property
    def status(self) -> int:
        """HTTP status of this refusal."""
        return CODES[self.code]


_MOST_TOLD, _MOST_TOLD_WITH_VALUES = 50, 500
_LONGEST_VALUE = 100


def lacking(permission: str, why: str = "", field: str | None = None) -> Refused:
    """`forbidden` for whoever lacks this permission, which it names. `why` is the sentence before that."""
    told = f"This needs the permission {permission}, which neither your role nor your switches give."
    return Refused("forbidden", f"{why} {told}".lstrip(), field, permission=permission)


def invalid(problems: Sequence[tuple[str, str]], given: Mapping[str, Any] | None = None) -> Refused:
    """`invalid_request` with every problem: pairs of the member's path and the rule that it breaks. The first is told as well.

    `given` is what the paths lead into: then each problem has the value that stands there. Only for what holds no personal data.
    """
    path, rule = problems[0]
    most = _MOST_TOLD if given is None else _MOST_TOLD_WITH_VALUES
    errors: list[dict[str, Any]] = [{"field": each, "rule": broken} for each, broken in problems[:most]]
    for error in errors if given is not None else ():
        error["value"] = _value_at(given, error["field"].split("."))
    return Refused("invalid_request", f"{path}: {rule}", path, errors=errors)


def _value_at(given: Any, path: Sequence[str]) -> str | float | bool | None:
    """The text, number or truth value at a path, a long text by its beginning. Null where there is none of these."""
    for name in path:
        if isinstance(given, Mapping):
            given = given.get(name)
        elif isinstance(given, list | tuple) and name.isdecimal() and int(name) < len(given):
            given = given[int(name)]
        else:
            return None
    if isinstance(given, str):
        return given[:_LONGEST_VALUE]
    return given if isinstance(given, int | float) else None


CODES: dict[str, int] = {
    # every service
    "invalid_request": 422,
    "malformed_request": 400,
    "request_too_large": 413,
    "unauthenticated": 401,
    "passport_expired": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "version_conflict": 412,
    "version_required": 428,
    "idempotency_key_reused": 422,
    "too_many_requests": 429,
    "method_not_allowed": 405,
    "unknown_operation": 404,
    "deadline_passed": 504,
    "timeout": 504,
    "service_unavailable": 503,
    "internal_error": 500,
    # identity
    "credentials_refused": 401,
    "feature_needs_another": 409,
    "feature_is_off": 409,
    "login_taken": 409,
    "short_name_taken": 409,
    "suffix_taken": 409,
    "not_a_provider_account": 409,
    "account_disabled": 409,
    "already_active": 409,
    "link_refused": 410,
    "password_refused": 422,
    "not_a_workforce_account": 409,
    "password_change_required": 403,
    "number_taken": 409,
    "role_taken": 409,
    "role_in_use": 409,
    "realm_has_accounts": 409,
    "not_a_contact": 409,
    "not_a_client": 409,
    "access_exists": 409,
    "login_is_fixed": 409,
    "already_logged_in": 409,
    "confirmation_required": 409,
    "relationship_exists": 409,
    "second_factor_required": 401,
    "challenge_refused": 410,
    "proof_required": 403,
    "proof_refused": 403,
    "second_factor_is_on": 409,
    "second_factor_is_off": 409,
    "second_factor_demanded": 409,
    "scope_refused": 422,
    "api_client_revoked": 409,
    "partner_name_taken": 409,
    "partner_revoked": 409,
    "too_many_partners": 409,
    "not_a_patient": 409,
    "access_not_enabled": 409,
    "details_missing": 422,
    "import_outdated": 409,
    "field_not_editable": 403,
    "not_an_employee": 409,
    "still_employed": 409,
    "pickup_code_refused": 410,
    "already_merged": 409,
    "merge_refused": 409,
    "merge_outdated": 409,
    "last_administrator": 409,
    "cannot_be_enabled": 409,
    "right_not_held": 403,
    "own_rights": 403,
    "second_person_needed": 403,
    "outside_state_refused": 410,
    "outside_sign_in_refused": 401,
    "outside_sign_in_required": 403,
    "outside_provider_failed": 502,
    "outside_identity_taken": 409,
    "last_way_in": 409,
    # gateway
    "cross_site_refused": 403,
    "origin_not_allowed": 403,
    "request_too_slow": 408,
    "storage_full": 413,
    "not_acceptable": 406,
    # referrals
    "resource_not_found": 422,
    "queue_name_taken": 409,
    "not_a_program": 422,
    "not_an_agency": 422,
    "agency_required": 422,
    "program_not_in_queue": 422,
    "already_assigned": 409,
    "consent_required": 409,
    "import_file_refused": 422,
    "export_not_ready": 409,
    "resource_inactive": 409,
    "resource_not_referable": 409,
    "invalid_queue": 422,
    "invalid_status_list": 422,
    "status_in_use": 409,
    "status_not_in_queue": 422,
    "status_unchanged": 409,
    "move_not_allowed": 409,
    "reason_required": 422,
    "outcome_required": 422,
    "reason_not_in_queue": 422,
    "outcome_not_in_queue": 422,
    "invalid_capacity": 422,
    "capacity_below_use": 409,
    "capacity_exhausted": 409,
    "capacity_not_claimed": 409,
    "capacity_schedule_clash": 409,
    "invalid_contact_record": 422,
    "search_refused": 400,
    "queue_has_open_referrals": 409,
    "program_has_open_referrals": 409,
    "offer_closed": 409,
    "selection_too_large": 422,
    "job_finished": 409,
    # portals
    "approval_required": 409,
    "publication_scheduled": 409,
    "nothing_to_publish": 409,
    "image_refused": 422,
    "too_many_images": 409,
    "consents_due": 403,
    "consent_outdated": 409,
    "consent_retired": 409,
    "consent_not_required": 409,
    "consent_not_given": 409,
    "appointment_type_taken": 409,
    "scheduling_not_offered": 409,
    "slot_taken": 409,
    "past_due": 409,
    "appointment_closed": 409,
    "too_late_to_change": 409,
    "too_many_appointments": 409,
    "appointment_request_closed": 409,
    "questionnaire_retired": 409,
    "questionnaire_unchanged": 409,
    "questionnaire_not_found": 422,
    "questionnaire_not_published": 409,
    "response_submitted": 409,
    "application_ended": 410,
    "message_type_taken": 409,
    "message_type_not_offered": 409,
    "item_archived": 409,
    "item_open": 409,
    "no_portal_account": 409,
    "saved_reply_taken": 409,
    "staff_group_taken": 409,
    "order_item_taken": 409,
    "order_open": 409,
    "result_link_refused": 422,
    "no_helper_action": 409,
    # notifications
    "email_address_invalid": 422,
    "email_header_invalid": 422,
    "template_kind_unknown": 422,
    "template_placeholder_unknown": 422,
    "template_placeholder_missing": 422,
    "template_invalid": 422,
    "template_value_missing": 422,
    "webhook_address_refused": 422,
    "webhook_limit_reached": 409,
    "webhook_paused": 409,
    "report_refused": 401,
    "delivery_ended": 409,
    "stopped_by_owner": 409,
    "kept_too_long": 422,
    "text_messages_not_offered": 409,
    "text_code_refused": 410,
    # signing
    "recipient_refused": 422,
    "already_decided": 409,
    "not_signed": 409,
    "not_declined": 409,
    "pages_unseen": 409,
    "not_opened": 409,
    "not_decided": 409,
    "reminded_lately": 409,
    "on_paper": 409,
    "not_on_paper": 409,
    "scan_expired": 410,
    "document_not_pdf": 415,
    "document_encrypted": 422,
    "document_active_content": 422,
    "document_too_large": 413,
    "document_too_many_pages": 422,
    "document_unreadable": 422,
    "document_already_signed": 409,
    "document_signatures_full": 422,
    "document_certified": 422,
    # downloads
    "range_not_satisfiable": 416,
}
