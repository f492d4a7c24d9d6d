"""Entrypoints of notices: whom an event concerns is identity's answer, when and where an appointment is portals'."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.errors import Refused
from services.contracts.identity import recipients
from services.contracts.notifications import notices as contract
from services.contracts.portals import (
    appointment_invitations,
    appointment_requests,
    appointments,
    published_items,
    responses,
)
from services.notifications.deliveries import sending
from services.notifications.deliveries.asking import appointment_of
from services.notifications.notices import handlers, settings
from services.notifications.notices.handlers import Recipients
from services.notifications.notices.rules import MANAGEMENT, PERSON, SUPERVISOR, Choices

_WORK_STATUS = "work_status"  # the kind of published items that notices are about


class NoticeEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_notice_settings)
    def get_notice_settings(self, call: Call) -> Any:
        return call.read(settings.get_notice_settings)

    @serves(contract.set_notice_settings)
    def set_notice_settings(self, call: Call) -> Any:
        _require_role(call, call.request["management_role_id"])
        return call.commit(settings.set_notice_settings)

    @listens(appointment_invitations.appointment_invited)
    def on_appointment_invited(self, incoming: IncomingEvent) -> None:
        """Invite the person to book."""
        context = {"invited_for": incoming.context.subject}
        _tell(incoming, "appointment_invited", incoming.data["person_id"], context)

    @listens(appointments.appointment_booked)
    def on_appointment_booked(self, incoming: IncomingEvent) -> None:
        """Confirm the appointment, and remind of it later."""
        _tell_of_appointment(incoming, "appointment_booked")

    @listens(appointments.appointment_moved)
    def on_appointment_moved(self, incoming: IncomingEvent) -> None:
        """Tell the new time, and remind of that."""
        _tell_of_appointment(incoming, "appointment_moved")

    @listens(appointments.appointment_cancelled)
    def on_appointment_cancelled(self, incoming: IncomingEvent) -> None:
        """Tell that it does not take place."""
        _tell_of_appointment(incoming, "appointment_cancelled")

    @listens(appointments.appointment_missed)
    def on_appointment_missed(self, incoming: IncomingEvent) -> None:
        """Tell that it was missed."""
        _tell_of_appointment(incoming, "appointment_missed")

    @listens(appointments.appointment_attended)
    def on_appointment_attended(self, incoming: IncomingEvent) -> None:
        """Remind nobody any more."""
        _apply(incoming, handlers.appointment_over, *_described(incoming))

    @listens(appointment_requests.appointment_request_declined)
    def on_appointment_request_declined(self, incoming: IncomingEvent) -> None:
        """Tell that there is an answer."""
        data, context = incoming.data, {"request_id": incoming.context.subject}
        _tell(incoming, "appointment_request_declined", data["person_id"], context, data["account_id"])

    @listens(responses.questionnaire_completed)
    def on_questionnaire_completed(self, incoming: IncomingEvent) -> None:
        """Tell that answers were sent."""
        _tell_of_response(incoming, "questionnaire_completed")

    @listens(responses.review_requested)
    def on_review_requested(self, incoming: IncomingEvent) -> None:
        """Tell the supervisors that a review waits."""
        _tell_of_response(incoming, "review_requested")

    @listens(responses.response_reviewed)
    def on_response_reviewed(self, incoming: IncomingEvent) -> None:
        """Tell the person that answers were reviewed."""
        if "person_id" in incoming.data:  # it was not, in earlier events
            _tell_of_response(incoming, "response_reviewed")

    @listens(published_items.item_published)
    def on_item_published(self, incoming: IncomingEvent) -> None:
        """Tell of a work status."""
        if incoming.data["kind"] == _WORK_STATUS:
            context = {"item_id": incoming.context.subject}
            _tell(incoming, "work_status_published", incoming.data["person_id"], context)


def _require_role(call: Call, role_id: str | None) -> None:
    """Raise Refused `not_found` for a management group that is no role of the staff."""
    if role_id is None:
        return
    try:
        call.ask(recipients.list_role_recipients, {"role_id": role_id})
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        detail = "There is no such role of the staff. Choose another one."
        raise Refused("not_found", detail, "management_role_id") from None


def _apply(incoming: IncomingEvent, handler: Any, *extra: Any) -> None:
    incoming.apply(handler, *extra)
    incoming.runtime.loops.wake(sending.LOOP)


def _tell(
    incoming: IncomingEvent, topic: str, person_id: str, context: dict[str, str], asker: str | None = None
) -> None:
    told = _recipients(incoming, topic, person_id, asker)
    _apply(incoming, handlers.tell, incoming.runtime.settings.mail_domain, topic, told, context)


def _tell_of_response(incoming: IncomingEvent, topic: str) -> None:
    data = incoming.data
    _tell(incoming, topic, data["person_id"], {"response_id": data["response_id"]})


def _tell_of_appointment(incoming: IncomingEvent, topic: str) -> None:
    appointment_id, described = _described(incoming)
    told = _recipients(incoming, topic, described["person_id"], incoming.data["account_id"])
    domain = incoming.runtime.settings.mail_domain
    _apply(incoming, handlers.appointment_changed, domain, topic, told, appointment_id, described)


def _described(incoming: IncomingEvent) -> tuple[str, Any]:
    """The appointment's id, and how it is now."""
    appointment_id = incoming.context.subject
    question = {"appointment_id": appointment_id}
    return appointment_id, appointment_of(incoming.ask(appointments.describe_appointment, question))


def _recipients(
    incoming: IncomingEvent, topic: str, person_id: str, booked_by: str | None = None
) -> Recipients:
    """Who is told of this topic now, by audience."""
    with incoming.runtime.database.reading(incoming.context.organisation_id) as session:
        choices: Choices = settings.choices_of(session)
    told: dict[str, Any] = {}
    question = {"person_id": person_id, "booked_by": booked_by}
    known = incoming.ask(recipients.list_person_recipients, question)
    told[PERSON], told[SUPERVISOR] = known["persons"], known["supervisors"]
    if MANAGEMENT in choices.told[topic] and choices.management_role_id:
        told[MANAGEMENT] = _management(incoming, choices.management_role_id)
    return told


def _management(incoming: IncomingEvent, role_id: str) -> Any:
    """The holders of the management's role; none once there is no such role."""
    try:
        return incoming.ask(recipients.list_role_recipients, {"role_id": role_id})["recipients"]
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        return []
