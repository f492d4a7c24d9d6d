"""An organisation's own words for its messages: preview, save, use in the next message, reset."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.notifications import templates as contract
from services.notifications.deliveries import sending
from services.notifications.templates import own_words, product_words
from tests.integration.notifications.conftest import FakeMailServer, Notifications, body
from tests.integration.notifications.test_deliveries_to_families import TEMPORARY, invite
from tests.support.in_process import BAYSIDE, a_caller

ADMIN = a_caller("organisation.manage")
KIND = "account_invited_with_password"
WORDS = {
    "kind": KIND,
    "subject": "Bienvenue chez {{ organisation_name }}",
    "text": "Bonjour,\n\nvotre identifiant : {{ username }}\nmot de passe : {{ temporary_password }}\n{{ portal_link }}\n",
    "html": None,
}


def save(notifications: Notifications, version: int, **words: Any) -> Any:
    return notifications.call(contract.save_message_template, ADMIN, version=version, **(WORDS | words))


def sent_invitation(notifications: Notifications, mails: FakeMailServer) -> Any:
    invite(notifications)
    assert sending.send_next(notifications.runtime)
    return mails.taken[-1]


@pytest.mark.seed("S1-16")
@pytest.mark.seed("S1-33")
def test_an_invitation_says_what_the_organisation_has_configured(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    saved = save(notifications, 1)
    assert (saved["version"], saved["is_default"]) == (2, False)
    message = sent_invitation(notifications, mails)
    assert message["Subject"] == "Bienvenue chez Harbor"
    assert f"mot de passe : {TEMPORARY}" in body(message)
    assert "votre identifiant : maria@harbor.example" in body(message)
    assert message.get_body(("html",)) is None

    back = notifications.call(contract.reset_message_template, ADMIN, version=2, kind=KIND)
    assert (back["version"], back["is_default"]) == (3, True)
    assert "has opened an account for you" in body(sent_invitation(notifications, mails))


@pytest.mark.seed("S1-16")
def test_the_words_of_one_organisation_are_not_those_of_another(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    stranger = a_caller("organisation.manage", organisation=BAYSIDE)
    notifications.call(contract.save_message_template, stranger, version=1, **WORDS)
    assert "Bienvenue" not in sent_invitation(notifications, mails)["Subject"]
    mine = notifications.call(contract.get_message_template, ADMIN, kind=KIND)
    assert (mine["version"], mine["is_default"]) == (1, True)


def test_every_kind_is_listed_with_what_it_may_and_must_mention(notifications: Notifications) -> None:
    save(notifications, 1)
    items = notifications.call(contract.list_message_templates, ADMIN)["items"]
    assert [each["kind"] for each in items] == sorted(product_words.KINDS)
    (own,) = [each for each in items if not each["is_default"]]
    assert own["subject"] == WORDS["subject"]
    assert own["needed"] == ["temporary_password", "username"]
    assert set(own["needed"]) < set(own["placeholders"])


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        ({"text": "Bonjour {{ username }}"}, "template_placeholder_missing", "text"),
        ({"html": "<p>{{ username }}</p>"}, "template_placeholder_missing", "html"),
        ({"subject": "{{ temporary_password }}"}, "template_invalid", "subject"),
        ({"text": "{{ patient_name }}"}, "template_placeholder_unknown", "text"),
        ({"html": "<script>alert(1)</script>"}, "template_invalid", "html"),
        ({"subject": " "}, "template_invalid", "subject"),
        ({"text": "x" * 10_001}, "template_invalid", "text"),
        ({"kind": "newsletter"}, "template_kind_unknown", "kind"),
    ],
)
def test_words_that_would_not_do_are_refused_when_tried_and_when_saved(
    notifications: Notifications, words: dict[str, Any], code: str, field: str
) -> None:
    for attempt in (
        lambda: save(notifications, 1, **words),
        lambda: notifications.call(contract.preview_message_template, ADMIN, **(WORDS | words)),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert (refused.value.code, refused.value.field) == (code, field)
    assert all(
        each["is_default"] for each in notifications.call(contract.list_message_templates, ADMIN)["items"]
    )


def test_a_preview_shows_made_up_values_and_keeps_nothing(notifications: Notifications) -> None:
    shown = notifications.call(contract.preview_message_template, ADMIN, **WORDS)
    assert shown["subject"] == "Bienvenue chez Harbor County 2-1-1"
    assert "{{" not in shown["text"]
    assert notifications.call(contract.get_message_template, ADMIN, kind=KIND)["is_default"]


def test_of_two_who_save_the_second_is_told(notifications: Notifications) -> None:
    save(notifications, 1)
    with pytest.raises(Refused) as refused:
        save(notifications, 1, subject="Mine")
    assert refused.value.code == "version_conflict"
    with pytest.raises(Refused) as unversioned:
        notifications.call(contract.save_message_template, ADMIN, **WORDS)
    assert unversioned.value.code == "version_required"


@pytest.mark.parametrize("kind", sorted(product_words.KINDS))
def test_the_product_s_own_words_would_pass(notifications: Notifications, kind: str) -> None:
    default = product_words.KINDS[kind].default
    words = {"subject": default.subject, "text": default.text, "html": default.html}
    own_words.check(kind, default)
    assert "{{" not in str(notifications.call(contract.preview_message_template, ADMIN, kind=kind, **words))
