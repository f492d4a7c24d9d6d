"""Contact records: finding and changing one, its intake with the first referral, referring it (S0-3, S0-48, S0-49)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.referrals import assignments, intakes, offers, queues, records, reports

_LISTED = 25
_PROGRAMS = 200
_ALIKE = 10
# A ReferralQ of the page's address, and its programs with what they have free.
CHOSEN_QUEUE = {
    "queues": Read(queues.list_queues),
    "queue": Read(queues.get_queue, query=("queue_id",), without=("not_found",)),
    "programs": Read(
        reports.list_program_demand,
        given={"queue_id": Of("queue.id"), "limit": _PROGRAMS},
        query=("after",),
        needs="referral.read",
    ),
}
_HAS_QUEUE = {"queue_id": "0" * 32}
WITH_QUEUE = (
    State("ReferralQ chosen", query=_HAS_QUEUE),
    State("ReferralQ chosen, one error", errors="one", query=_HAS_QUEUE),
    State("ReferralQ chosen, many errors", errors="many", query=_HAS_QUEUE),
)

PAGES = (
    Page(
        "/staff/records",
        "staff/records/list.html",
        reads={
            "records": Read(
                records.search_contact_records,
                given={"limit": _LISTED},
                query=("after",),
                sealed=("number", "name", "phone", "postal_code"),
                is_list=True,
            ),
        },
    ),
    Page(
        "/staff/records/{contact_record_id}",
        "staff/records/record.html",
        reads={
            "record": Read(records.get_contact_record),
            "alike": Read(records.list_possible_duplicates),
            "referrals": Read(assignments.list_referrals, given={"limit": 100}, needs="referral.read"),
            "offers": Read(offers.list_offers, given={"limit": 100}, needs="referral.read"),
            "changes": Read(records.list_contact_record_changes),
        },
    ),
    Page(
        "/staff/records/{contact_record_id}/edit",
        "staff/records/edit.html",
        reads={"record": Read(records.get_contact_record)},
        actions=(
            Action(
                "edit_contact_record",
                records.edit_contact_record,
                "The contact record is saved.",
                then="/staff/records/{contact_record_id}",
            ),
        ),
    ),
    Page(
        "/staff/records/{contact_record_id}/refer",
        "staff/records/refer.html",
        reads={"record": Read(records.get_contact_record), **CHOSEN_QUEUE},
        actions=(
            Action(
                "assign_referral",
                assignments.assign_referral,
                "The contact record is referred.",
                then="/staff/referrals/{id}",
            ),
        ),
        states=WITH_QUEUE,
    ),
    Page(
        "/staff/records/{contact_record_id}/offer",
        "staff/records/offer.html",
        reads={"record": Read(records.get_contact_record), **CHOSEN_QUEUE},
        actions=(
            Action(
                "create_offer",
                offers.create_offer,
                "The offer is sent to each of the programs.",
                then="/staff/offers/{id}",
            ),
        ),
        states=WITH_QUEUE,
    ),
    Page(
        "/staff/intake",
        "staff/records/intake.html",
        reads={
            "alike": Read(
                records.search_contact_records,
                given={"limit": _ALIKE},
                sealed=("name", "phone", "postal_code"),
            ),
            **CHOSEN_QUEUE,
        },
        actions=(
            Action(
                "create_intake",
                intakes.create_intake,
                "The contact record is entered and its referral is sent.",
                then="/staff/records/{contact_record[id]}",
            ),
        ),
        states=WITH_QUEUE,
    ),
)
