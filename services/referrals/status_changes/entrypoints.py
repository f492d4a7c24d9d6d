"""Entrypoints for the course of a referral."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import status_changes
from services.referrals.status_changes import answers, endings, handlers


class StatusChangeEntrypoints:
    """What `Service` offers to move a referral through its statuses and to end it."""

    @serves(status_changes.change_status)
    def change_status(self, call: Call) -> Any:
        return call.commit(handlers.change_status)

    @serves(status_changes.get_answer_form)
    def get_answer_form(self, call: Call) -> Any:
        return call.read(answers.get_answer_form)

    @serves(status_changes.describe_answer)
    def describe_answer(self, call: Call) -> Any:
        return call.read(answers.describe_answer)

    @serves(status_changes.accept_referral)
    def accept_referral(self, call: Call) -> Any:
        return call.commit(handlers.accept_referral)

    @serves(status_changes.unaccept_referral)
    def unaccept_referral(self, call: Call) -> Any:
        return call.commit(handlers.unaccept_referral)

    @serves(status_changes.decline_referral)
    def decline_referral(self, call: Call) -> Any:
        return call.commit(handlers.decline_referral)

    @serves(status_changes.reassign_referral)
    def reassign_referral(self, call: Call) -> Any:
        return call.commit(endings.reassign_referral)

    @serves(status_changes.withdraw_referral)
    def withdraw_referral(self, call: Call) -> Any:
        return call.commit(endings.withdraw_referral)
