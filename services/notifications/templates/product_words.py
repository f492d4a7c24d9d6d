"""The kinds of message and what each says unless an organisation has words of its own.

Each kind lists the placeholders it may use. None of them is an address or a note, so none of these can be mailed by mistake.
The only name is `whose`: the recipient's own first name, where several people have one address.
"""

from __future__ import annotations

import html

from services.contracts.errors import Refused
from services.notifications.templates.rendering import ONE_PLACEHOLDER, Kind, Template

# The version of the product's words. Raise it when one of them changes its meaning: each delivery records what it used.
VERSION = 1
SIGNATURE = "{{ organisation_name }} · {{ portal_name }}"


def _declared(name: str, placeholders: str, subject: str, *paragraphs: str) -> Kind:
    """A kind whose default text and HTML say the same. A paragraph `{{ …_link }}` becomes a link.

    Every message ends with the organisation and the portal that it is from, whatever it says before.
    """
    paragraphs = (*paragraphs, SIGNATURE)
    blocks = (
        f'<p><a href="{each}">{each}</a></p>'
        if ONE_PLACEHOLDER.fullmatch(each)
        else f"<p>{html.escape(each)}</p>"
        for each in paragraphs
    )
    body = "\n".join(blocks)
    default = Template(subject, "\n\n".join(paragraphs) + "\n", f"{body}\n")
    return Kind(name, frozenset((*placeholders.split(), "organisation_name", "portal_name")), default)


def _of_appointment(name: str, subject: str, *paragraphs: str) -> Kind:
    """A kind about an appointment, to its person: when and where it is, never what for, with whom or whose."""
    return _declared(
        name, "organisation_name product_name portal_link appointment_time place", subject, *paragraphs
    )


def _of_somebody(topic: str, supervisors: str, management: str) -> tuple[Kind, Kind]:
    """The kinds of a topic for supervisors and for the management group: that something happened, not to whom."""
    return (
        _declared(
            f"{topic}_supervisor",
            "organisation_name product_name portal_link",
            "News of one of your people",
            supervisors,
            "Sign in to read it:",
            "{{ portal_link }}",
            "You get this message because you supervise somebody at {{ organisation_name }}.",
        ),
        _declared(
            f"{topic}_management",
            "organisation_name product_name portal_link",
            "News for the management of {{ organisation_name }}",
            management,
            "Sign in to read it:",
            "{{ portal_link }}",
            "You get this message because you belong to the management group of {{ organisation_name }}.",
        ),
    )


WHEN, WHERE = "When: {{ appointment_time }}", "Where: {{ place }}"
PRIVACY = (
    "For reasons of privacy this message says no more. Sign in to see the rest, to move or to cancel it:"
)


def _reminders() -> tuple[Kind, ...]:
    return tuple(
        _of_appointment(
            f"appointment_reminder_{name}",
            f"Your appointment at {{{{ organisation_name }}}} is {words}",
            f"You have an appointment at {{{{ organisation_name }}}} {words}.",
            WHEN,
            WHERE,
            PRIVACY,
            "{{ portal_link }}",
        )
        for name, words in (
            ("60", "in 60 days"),
            ("30", "in 30 days"),
            ("15", "in 15 days"),
            ("7", "in 7 days"),
            ("near", "soon"),
        )
    )


UNEXPECTED = "If you did not expect this message, you can ignore it."

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _declared(
            "referral_assigned",
            "record_number organisation_name product_name portal_link",
            "New referral: record {{ record_number }}",
            "{{ organisation_name }} has assigned a referral to you.",
            "Contact record number: {{ record_number }}",
            "For reasons of privacy this message says no more. Read it here, once you have signed in:",
            "{{ portal_link }}",
        ),
        _declared(
            "referral_assigned_with_text",
            "record_number organisation_name product_name portal_link partner_text",
            "New referral: record {{ record_number }}",
            "{{ organisation_name }} has assigned a referral to you.",
            "Contact record number: {{ record_number }}",
            "{{ partner_text }}",
            "For reasons of privacy this message says no more. Read it here, once you have signed in:",
            "{{ portal_link }}",
        ),
        _declared(
            "referral_promoted",
            "record_number organisation_name product_name portal_link",
            "A place is free: record {{ record_number }}",
            "A referral from {{ organisation_name }} that waited for a place with you has one now.",
            "Contact record number: {{ record_number }}",
            "For reasons of privacy this message says no more. Read it here, once you have signed in:",
            "{{ portal_link }}",
        ),
        _declared(
            "referral_promoted_with_text",
            "record_number organisation_name product_name portal_link partner_text",
            "A place is free: record {{ record_number }}",
            "A referral from {{ organisation_name }} that waited for a place with you has one now.",
            "Contact record number: {{ record_number }}",
            "{{ partner_text }}",
            "For reasons of privacy this message says no more. Read it here, once you have signed in:",
            "{{ portal_link }}",
        ),
        _declared(
            "referral_withdrawn",
            "record_number organisation_name product_name portal_link",
            "No longer needed: record {{ record_number }}",
            "{{ organisation_name }} no longer needs your answer to a referral. There is nothing for you to do.",
            "Contact record number: {{ record_number }}",
            "It is no longer in your list. If you have questions about it, ask {{ organisation_name }}.",
            "{{ portal_link }}",
        ),
        _declared(
            "referral_reassigned",
            "record_number organisation_name product_name portal_link",
            "Gone to somebody else: record {{ record_number }}",
            "{{ organisation_name }} has given a referral that you had to somebody else. There is nothing for you to do.",
            "Contact record number: {{ record_number }}",
            "It is no longer in your list. If you have questions about it, ask {{ organisation_name }}.",
            "{{ portal_link }}",
        ),
        _declared(
            "capacity_stale",
            "organisation_name product_name portal_link",
            "Please confirm your capacity for {{ organisation_name }}",
            "What {{ organisation_name }} knows about the places you can offer will soon be out of date.",
            "Sign in and confirm it with one click, or say what has changed. Otherwise it will be shown as unknown:",
            "{{ portal_link }}",
            "You get this message because you may edit the capacity of a program.",
        ),
        _declared(
            "account_invited",
            "organisation_name product_name invitation_link lifetime",
            "{{ organisation_name }} invites you to {{ product_name }}",
            "{{ organisation_name }} has opened an account for you. Open this link and choose a password:",
            "{{ invitation_link }}",
            "The link works once and for {{ lifetime }}. After that, open it all the same: it offers to send you a new one.",
            UNEXPECTED,
        ),
        _declared(
            "account_invited_with_username",
            "organisation_name product_name invitation_link lifetime username",
            "{{ organisation_name }} invites you to {{ product_name }}",
            "{{ organisation_name }} has opened an account for you. Your username: {{ username }}",
            "Open this link and choose a password:",
            "{{ invitation_link }}",
            "The link works once and for {{ lifetime }}. After that, open it all the same: it offers to send you a new one.",
            UNEXPECTED,
        ),
        _declared(
            "account_invited_with_name",
            "organisation_name product_name invitation_link lifetime whose",
            "{{ organisation_name }} invites you to {{ product_name }}",
            "{{ organisation_name }} has opened an account for {{ whose }}. Several people have this e-mail address: only "
            "{{ whose }} should use the link.",
            "Open it and choose a password:",
            "{{ invitation_link }}",
            "The link works once and for {{ lifetime }}. After that, open it all the same: it offers to send you a new one.",
            UNEXPECTED,
        ),
        _declared(
            "account_invited_with_password",
            "organisation_name product_name username temporary_password portal_link lifetime",
            "{{ organisation_name }} invites you to {{ product_name }}",
            "{{ organisation_name }} has opened an account for you. Sign in here:",
            "{{ portal_link }}",
            "Your username: {{ username }}",
            "Your temporary password: {{ temporary_password }}",
            "It works for {{ lifetime }}; you choose your own when you sign in for the first time.",
            UNEXPECTED,
        ),
        _declared(
            "password_reset",
            "organisation_name product_name reset_link lifetime",
            "Choose a new password for {{ product_name }}",
            "A new password was asked for your account with {{ organisation_name }}. Open this link to choose one:",
            "{{ reset_link }}",
            "The link works once and for {{ lifetime }}. Until you use it, your old password stays.",
            UNEXPECTED,
        ),
        _declared(
            "password_reset_with_username",
            "organisation_name product_name reset_link lifetime username",
            "Choose a new password for {{ product_name }}",
            "A new password was asked for your account with {{ organisation_name }}. Its username: {{ username }}",
            "Open this link to choose a password:",
            "{{ reset_link }}",
            "The link works once and for {{ lifetime }}. Until you use it, your old password stays.",
            UNEXPECTED,
        ),
        _declared(
            "password_reset_with_name",
            "organisation_name product_name reset_link lifetime whose",
            "Choose a new password for {{ product_name }}",
            "A new password was asked for the account of {{ whose }} with {{ organisation_name }}. Several people have this "
            "e-mail address: only {{ whose }} should use the link.",
            "Open it to choose a password:",
            "{{ reset_link }}",
            "The link works once and for {{ lifetime }}. Until it is used, the old password stays.",
            UNEXPECTED,
        ),
        _declared(
            "password_tries_refused_with_name",
            "organisation_name product_name reset_link lifetime whose",
            "Somebody has tried to sign in to an account of yours",
            "Somebody has tried too many wrong passwords for the account of {{ whose }} with {{ organisation_name }}. Nobody "
            "got in that way, and the password stays as it is. If it was somebody else, there is nothing to do.",
            "If {{ whose }} has forgotten the password, this link chooses another one:",
            "{{ reset_link }}",
            "The link works once and for {{ lifetime }}. This message comes once a day at most.",
        ),
        _declared(
            "password_tries_refused",
            "organisation_name product_name reset_link lifetime",
            "Somebody has tried to sign in to your account",
            "Somebody has tried too many wrong passwords for your account with {{ organisation_name }}. Nobody got in that "
            "way, and your password stays as it is. If it was somebody else, there is nothing to do.",
            "If it was you and you have forgotten your password, open this link to choose another one:",
            "{{ reset_link }}",
            "The link works once and for {{ lifetime }}. This message comes once a day at most.",
        ),
        _declared(
            "password_tries_refused_with_username",
            "organisation_name product_name reset_link lifetime username",
            "Somebody has tried to sign in to your account",
            "Somebody has tried too many wrong passwords for an account with {{ organisation_name }}. Its username: "
            "{{ username }}",
            "Nobody got in that way, and the password stays as it is. If it was somebody else, there is nothing to do.",
            "If it was you and you have forgotten your password, open this link to choose another one:",
            "{{ reset_link }}",
            "The link works once and for {{ lifetime }}. This message comes once a day at most.",
        ),
        _declared(
            "email_confirmation",
            "organisation_name product_name confirmation_link lifetime",
            "Please confirm your e-mail address",
            "{{ organisation_name }} has been given this address as yours. Open this link to confirm it:",
            "{{ confirmation_link }}",
            "The link works once and for {{ lifetime }}. Its page shows the way on to your access.",
            UNEXPECTED,
        ),
        _declared(
            "identity_not_verified",
            "organisation_name product_name",
            "Your account could not be verified",
            "Somebody has asked {{ organisation_name }} for access to {{ product_name }} with this e-mail address.",
            "The account could not be verified with what was entered. If it was you, check it and try again, or ask "
            "{{ organisation_name }} to compare it with what is on file.",
            UNEXPECTED,
        ),
        _declared(
            "document_ready_to_sign",
            "organisation_name product_name portal_link",
            "A document from {{ organisation_name }} is ready to be signed",
            "{{ organisation_name }} has sent you a document to sign or decline. Read it here:",
            "{{ portal_link }}",
            "For reasons of privacy this message says nothing about its content.",
        ),
        _declared(
            "document_reminder",
            "organisation_name product_name portal_link",
            "A document from {{ organisation_name }} still waits for you",
            "{{ organisation_name }} has sent you a document, and it is neither signed nor declined yet. Read it here:",
            "{{ portal_link }}",
            "For reasons of privacy this message says nothing about its content.",
        ),
        _declared(
            "document_signed",
            "organisation_name product_name document_number portal_link",
            "Document {{ document_number }} was signed",
            "Document {{ document_number }} was signed and has come back. See it here:",
            "{{ portal_link }}",
        ),
        _declared(
            "document_declined",
            "organisation_name product_name document_number portal_link",
            "Document {{ document_number }} was declined",
            "Document {{ document_number }} was declined. The reasons are with the document:",
            "{{ portal_link }}",
        ),
        _declared(
            "document_to_read",
            "organisation_name product_name portal_link",
            "{{ organisation_name }} has sent you a document to read",
            "{{ organisation_name }} has sent you a document to read. You need not sign it. It is here:",
            "{{ portal_link }}",
            "For reasons of privacy this message says nothing about its content.",
        ),
        _declared(
            "signed_document_declined",
            "organisation_name product_name document_number portal_link",
            "Document {{ document_number }} was declined after you had signed it",
            "You have signed document {{ document_number }} of {{ organisation_name }}. Another signer has declined it, so it "
            "does not take effect. See it here:",
            "{{ portal_link }}",
        ),
        _declared(
            "signature_request_expired",
            "organisation_name product_name document_number portal_link",
            "Nobody has signed document {{ document_number }} in time",
            "The last day of a signer of document {{ document_number }} has passed. Send it again with a new day here:",
            "{{ portal_link }}",
        ),
        _declared(
            "login_email_changed",
            "organisation_name product_name portal_link",
            "Your log-in to {{ product_name }} has changed",
            "The log-in e-mail of your account with {{ organisation_name }} was changed. This address no longer opens it.",
            "If you did not expect this, call {{ organisation_name }}.",
        ),
        _declared(
            "account_closed",
            "organisation_name product_name portal_link",
            "One of your accounts with {{ organisation_name }} was closed",
            "{{ organisation_name }} had two records of you and has joined them. The account with this address was closed; "
            "the other one stays, with all that both could see. Sign in with that one:",
            "{{ portal_link }}",
            "If you did not expect this, or have only one account, call {{ organisation_name }}.",
        ),
        _declared(
            "portal_reminder",
            "organisation_name product_name portal_link",
            "Your way in at {{ organisation_name }}",
            "Somebody has asked where this e-mail address can sign in. {{ organisation_name }} has an account with it. "
            "Its portals are here:",
            "{{ portal_link }}",
            "Keep this address: it stays the same. Other organisations that know you send a message of their own.",
            UNEXPECTED,
        ),
        _declared(
            "pickup_code",
            "organisation_name product_name pickup_code portal_link lifetime",
            "Your code for {{ product_name }} at {{ organisation_name }}",
            "{{ organisation_name }} has made a pick-up code for you. Open an account with it here:",
            "{{ portal_link }}",
            "Your pick-up code: {{ pickup_code }}",
            "It works once and for {{ lifetime }}. You choose your own log-in and password.",
            UNEXPECTED,
        ),
        _declared(
            "password_changed",
            "organisation_name product_name portal_link",
            "The password of your account was changed",
            "The password of your account with {{ organisation_name }} is another one now. If it was you, there is nothing to do.",
            "If it was not you, call {{ organisation_name }} at once. Your account:",
            "{{ portal_link }}",
        ),
        _declared(
            "second_factor_enabled",
            "organisation_name product_name portal_link",
            "Your account has a second factor now",
            "A second factor was set up for your account with {{ organisation_name }}: signing in takes a code as well.",
            "If it was not you, call {{ organisation_name }} at once.",
        ),
        _declared(
            "second_factor_removed",
            "organisation_name product_name portal_link",
            "The second factor of your account was taken away",
            "The second factor of your account with {{ organisation_name }} was removed or reset.",
            "If you did not expect this, call {{ organisation_name }} at once and change your password:",
            "{{ portal_link }}",
        ),
        _declared(
            "outside_identity_linked",
            "organisation_name product_name portal_link",
            "Your account can be opened with another sign-in now",
            "Your account with {{ organisation_name }} was linked with an account of an outside sign-in service.",
            "If you did not expect this, call {{ organisation_name }} at once.",
        ),
        _declared(
            "outside_identity_unlinked",
            "organisation_name product_name portal_link",
            "An outside sign-in was taken away from your account",
            "Your account with {{ organisation_name }} can no longer be opened with the outside sign-in service.",
            "If you did not expect this, call {{ organisation_name }}. Sign in here:",
            "{{ portal_link }}",
        ),
        _declared(
            "account_enabled",
            "organisation_name product_name portal_link",
            "Your account at {{ organisation_name }} is open again",
            "{{ organisation_name }} has enabled your account again. Sign in here:",
            "{{ portal_link }}",
            "If you have forgotten your password, use “Forgotten password” on the sign-in page.",
        ),
        _declared(
            "test_message",
            "organisation_name product_name portal_link",
            "Test mail of {{ organisation_name }}",
            "{{ organisation_name }} can send you e-mails: this is the test that you have asked for.",
            "{{ portal_link }}",
        ),
        _declared(
            "profile_granted",
            "organisation_name product_name portal_link",
            "You can see another profile at {{ organisation_name }}",
            "{{ organisation_name }} has given your account access to another profile. Sign in to see whose it is:",
            "{{ portal_link }}",
            "If you did not expect this, call {{ organisation_name }}.",
        ),
        _declared(
            "daily_digest",
            "organisation_name product_name portal_link counted",
            "Your summary of the day from {{ organisation_name }}",
            "New for you at {{ organisation_name }}: {{ counted }}.",
            "Sign in to read them:",
            "{{ portal_link }}",
            "You get one such summary a day because you have chosen it under “My account”. What is urgent comes at once.",
        ),
        _declared(
            "access_ending",
            "organisation_name product_name portal_link",
            "Your access at {{ organisation_name }} ends soon",
            "The access to a profile that {{ organisation_name }} has given you ends within a week. Sign in to see which:",
            "{{ portal_link }}",
            "If you still need it, ask {{ organisation_name }} to extend it.",
        ),
        _declared(
            "break_glass_used",
            "organisation_name product_name portal_link",
            "Emergency access was used at {{ organisation_name }}",
            "Somebody at {{ organisation_name }} has given themselves emergency access to a record.",
            "Who, to what and why is in the report of emergency accesses. Sign in and review it:",
            "{{ portal_link }}",
            "You get this message because you may read the audit trail.",
        ),
        _declared(
            "message_waiting",
            "organisation_name product_name portal_link",
            "A message from {{ organisation_name }} is waiting for you",
            "{{ organisation_name }} has left a message for you. Sign in to read it:",
            "{{ portal_link }}",
        ),
        _declared(
            "request_overdue",
            "organisation_name product_name portal_link",
            "A request waits past its time at {{ organisation_name }}",
            "Nobody has answered a request of the portal queue in its time. Sign in to see it:",
            "{{ portal_link }}",
            "You get this message because it is yours, because you stand in for a colleague, or because you supervise its group.",
        ),
        _declared(
            "appointment_invited",
            "organisation_name product_name portal_link",
            "Please book an appointment at {{ organisation_name }}",
            "You are due for an appointment at {{ organisation_name }}. Sign in to see until when, and book a time:",
            "{{ portal_link }}",
        ),
        _of_appointment(
            "appointment_booked",
            "Your appointment at {{ organisation_name }}",
            "Your appointment at {{ organisation_name }} is booked.",
            WHEN,
            WHERE,
            PRIVACY,
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "appointment_booked",
            "An appointment was booked for one of the people whom you supervise at {{ organisation_name }}.",
            "An appointment was booked at {{ organisation_name }}.",
        ),
        _of_appointment(
            "appointment_moved",
            "Your appointment at {{ organisation_name }} has another time",
            "Your appointment at {{ organisation_name }} was moved. This holds now:",
            WHEN,
            WHERE,
            PRIVACY,
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "appointment_moved",
            "An appointment of one of the people whom you supervise at {{ organisation_name }} was moved.",
            "An appointment at {{ organisation_name }} was moved.",
        ),
        _of_appointment(
            "appointment_cancelled",
            "Your appointment at {{ organisation_name }} is cancelled",
            "This appointment at {{ organisation_name }} does not take place:",
            WHEN,
            WHERE,
            "If you still need one, sign in and book another time:",
            "{{ portal_link }}",
        ),
        _of_appointment(
            "appointment_released",
            "Your appointment at {{ organisation_name }} is cancelled: please book another one",
            "This appointment at {{ organisation_name }} does not take place, and its time was released for others:",
            WHEN,
            WHERE,
            "You are still due for one. Sign in to see until when, and book another time:",
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "appointment_cancelled",
            "An appointment of one of the people whom you supervise at {{ organisation_name }} was cancelled.",
            "An appointment at {{ organisation_name }} was cancelled.",
        ),
        _of_appointment(
            "appointment_missed",
            "You missed an appointment at {{ organisation_name }}",
            "You had an appointment at {{ organisation_name }} and were not there:",
            WHEN,
            WHERE,
            "Sign in to book another one:",
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "appointment_missed",
            "One of the people whom you supervise at {{ organisation_name }} missed an appointment.",
            "Somebody missed an appointment at {{ organisation_name }}.",
        ),
        *_reminders(),
        _declared(
            "appointment_request_declined",
            "organisation_name product_name portal_link",
            "{{ organisation_name }} has answered your request",
            "{{ organisation_name }} has answered your request for an appointment. Sign in to read the answer:",
            "{{ portal_link }}",
        ),
        _declared(
            "questionnaire_completed",
            "organisation_name product_name portal_link",
            "{{ organisation_name }} has your answers",
            "The answers that were sent to {{ organisation_name }} have arrived. You can read them here:",
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "questionnaire_completed",
            "One of the people whom you supervise at {{ organisation_name }} has sent answers.",
            "Answers to a questionnaire were sent to {{ organisation_name }}.",
        ),
        *_of_somebody(
            "review_requested",
            "Answers of one of the people whom you supervise at {{ organisation_name }} wait for your review.",
            "Answers at {{ organisation_name }} wait for the review of a supervisor.",
        ),
        _declared(
            "review_requested",
            "organisation_name product_name portal_link",
            "Your answers are being reviewed",
            "Your answers have arrived at {{ organisation_name }} and wait for the review of a supervisor.",
            "{{ portal_link }}",
        ),
        _declared(
            "response_reviewed",
            "organisation_name product_name portal_link",
            "Your answers were reviewed",
            "The answers that you sent to {{ organisation_name }} were reviewed. Sign in to read more:",
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "response_reviewed",
            "Answers of one of the people whom you supervise at {{ organisation_name }} were reviewed.",
            "Answers at {{ organisation_name }} were reviewed by a supervisor.",
        ),
        _declared(
            "work_status_published",
            "organisation_name product_name portal_link",
            "News from {{ organisation_name }} in your portal",
            "{{ organisation_name }} has published something new about you. Sign in to read it:",
            "{{ portal_link }}",
        ),
        *_of_somebody(
            "work_status_published",
            "The work status of one of the people whom you supervise at {{ organisation_name }} has changed.",
            "The work status of somebody at {{ organisation_name }} has changed.",
        ),
        *_of_somebody(
            "appointment_invited",
            "One of the people whom you supervise at {{ organisation_name }} is due for an appointment.",
            "Somebody at {{ organisation_name }} is due for an appointment.",
        ),
        *_of_somebody(
            "appointment_request_declined",
            "A request for an appointment of one of the people whom you supervise at {{ organisation_name }} was answered.",
            "A request for an appointment at {{ organisation_name }} was answered.",
        ),
    )
}


def kind_of(name: str) -> Kind:
    """A kind of message. Raises Refused `template_kind_unknown`."""
    try:
        return KINDS[name]
    except KeyError:
        known = ", ".join(sorted(KINDS))
        raise Refused("template_kind_unknown", f"Known kinds of message: {known}.", "kind") from None
