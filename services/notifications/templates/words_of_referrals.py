"""Messages about referrals and capacity."""

from __future__ import annotations

from services.notifications.templates.declaring import declared, short
from services.notifications.templates.rendering import Kind

KINDS: tuple[Kind, ...] = (
    declared(
        "referral_assigned",
        "record_number organisation_name product_name portal_link",
        "New referral: record {{ record_number }}",
        "{{ organisation_name }} has assigned a referral to you.",
        "Contact record number: {{ record_number }}",
        "For reasons of privacy this message says no more. Read it here, once you have signed in:",
        "{{ portal_link }}",
    ),
    declared(
        "referral_assigned_with_text",
        "record_number organisation_name product_name portal_link partner_text",
        "New referral: record {{ record_number }}",
        "{{ organisation_name }} has assigned a referral to you.",
        "Contact record number: {{ record_number }}",
        "{{ partner_text }}",
        "For reasons of privacy this message says no more. Read it here, once you have signed in:",
        "{{ portal_link }}",
    ),
    declared(
        "referral_promoted",
        "record_number organisation_name product_name portal_link",
        "A place is free: record {{ record_number }}",
        "A referral from {{ organisation_name }} that waited for a place with you has one now.",
        "Contact record number: {{ record_number }}",
        "For reasons of privacy this message says no more. Read it here, once you have signed in:",
        "{{ portal_link }}",
    ),
    declared(
        "referral_promoted_with_text",
        "record_number organisation_name product_name portal_link partner_text",
        "A place is free: record {{ record_number }}",
        "A referral from {{ organisation_name }} that waited for a place with you has one now.",
        "Contact record number: {{ record_number }}",
        "{{ partner_text }}",
        "For reasons of privacy this message says no more. Read it here, once you have signed in:",
        "{{ portal_link }}",
    ),
    declared(
        "referral_withdrawn",
        "record_number organisation_name product_name portal_link",
        "No longer needed: record {{ record_number }}",
        "{{ organisation_name }} no longer needs your answer to a referral. There is nothing for you to do.",
        "Contact record number: {{ record_number }}",
        "It is no longer in your list. If you have questions about it, ask {{ organisation_name }}.",
        "{{ portal_link }}",
    ),
    declared(
        "referral_reassigned",
        "record_number organisation_name product_name portal_link",
        "Gone to somebody else: record {{ record_number }}",
        "{{ organisation_name }} has given a referral that you had to somebody else. There is nothing for you to do.",
        "Contact record number: {{ record_number }}",
        "It is no longer in your list. If you have questions about it, ask {{ organisation_name }}.",
        "{{ portal_link }}",
    ),
    declared(
        "capacity_stale",
        "organisation_name product_name portal_link",
        "Please confirm your capacity for {{ organisation_name }}",
        "What {{ organisation_name }} knows about the places you can offer will soon be out of date.",
        "Sign in and confirm it with one click, or say what has changed. Otherwise it will be shown as unknown:",
        "{{ portal_link }}",
        "You get this message because you may edit the capacity of a program.",
    ),
    short(
        "link_to_answer",
        "",
        "Sentence before the link that answers a referral",
        "Accept or decline it without signing in (this link is for you alone and holds for 7 days):",
    ),
    short(
        "link_to_capacity",
        "",
        "Sentence before the link that confirms capacity",
        "Confirm or change the numbers without signing in (this link is for you alone and holds for 7 days):",
    ),
)
