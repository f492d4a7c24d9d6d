"""Referrals of all programs, and offers to several of them (S0-3, S0-4, S0-11, S0-46)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from gateway.web.pages.staff.records import CHOSEN_QUEUE
from services.contracts.referrals import assignments, offers, queues, status_changes

_LISTED = 25
FILTERS = (
    "number",
    "queue_id",
    "program_id",
    "agency_id",
    "status",
    "is_open",
    "is_waitlisted",
    "is_overdue",
    "is_urgent",
    "is_consent_expired",
    "priority",
    "sort",
)
_OFFER = Read(offers.get_offer, given={"offer_id": Of("referral.progress.offer_id")}, without=("not_found",))

PAGES = (
    Page(
        "/staff/referrals",
        "staff/referrals/list.html",
        reads={
            "referrals": Read(
                assignments.list_referrals, given={"limit": _LISTED}, query=(*FILTERS, "after")
            ),
            "queues": Read(queues.list_queues, given={"include_inactive": True}),
        },
        watches=("referral:*",),
    ),
    Page(
        "/staff/referrals/{referral_id}",
        "staff/referrals/referral.html",
        reads={
            "referral": Read(assignments.get_referral),
            "queue": Read(queues.get_queue, given={"queue_id": Of("referral.progress.queue_id")}),
            "history": Read(assignments.list_referral_history),
            "offer": _OFFER,
        },
        actions=(
            Action("change_status", status_changes.change_status, "The status is changed."),
            Action("accept_referral", status_changes.accept_referral, "The referral is accepted."),
            Action(
                "unaccept_referral",
                status_changes.unaccept_referral,
                "The acceptance is taken back. The referral is offered again.",
            ),
            Action("decline_referral", status_changes.decline_referral, "The referral is declined."),
            Action(
                "withdraw_referral",
                status_changes.withdraw_referral,
                "The referral is taken back. Its provider no longer sees it.",
            ),
            Action("change_priority", assignments.change_priority, "The priority is changed."),
            Action("add_referral_note", assignments.add_referral_note, "The note is written."),
        ),
        watches=("referral:{referral_id}",),
    ),
    Page(
        "/staff/referrals/{referral_id}/reassign",
        "staff/referrals/reassign.html",
        reads={
            "referral": Read(assignments.get_referral),
            **CHOSEN_QUEUE,
            "notes": Read(assignments.list_referral_notes),
        },
        actions=(
            Action(
                "reassign_referral",
                status_changes.reassign_referral,
                "The referral is reassigned. This is the new one; the provider before no longer sees the old one.",
                then="/staff/referrals/{id}",
            ),
        ),
    ),
    Page(
        "/staff/offers",
        "staff/referrals/offers.html",
        reads={
            "offers": Read(
                offers.list_offers, given={"limit": _LISTED}, query=("state", "queue_id", "after")
            ),
            "queues": Read(queues.list_queues, given={"include_inactive": True}),
        },
    ),
    Page(
        "/staff/offers/{offer_id}",
        "staff/referrals/offer.html",
        reads={
            "offer": Read(offers.get_offer),
            "queue": Read(queues.get_queue, given={"queue_id": Of("offer.queue_id")}),
        },
        actions=(
            Action(
                "withdraw_offer",
                offers.withdraw_offer,
                "The offer is taken back. Every program that had not answered is told.",
            ),
        ),
    ),
)
