"""An organisation's own words for its messages: preview, save, use in the next message, reset."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import wire
from services.contracts.errors import Refused
from services.contracts.notifications import templates as contract
from services.contracts.portals import messages
from services.notifications.deliveries import sending
from services.notifications.templates import own_words, product_words
from tests.integration.notifications.conftest import MARIA, FakeMailServer, Notifications, body
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


def test_the_product_s_own_words_would_pass(notifications: Notifications) -> None:
    for kind, declared in product_words.KINDS.items():
        default = declared.default
        words = {"subject": default.subject, "text": default.text, "html": default.html}
        own_words.check(kind, default)
        shown = notifications.call(contract.preview_message_template, ADMIN, kind=kind, **words)
        assert "{{" not in str(shown), kind


@pytest.mark.parametrize("name", ["first_name", "date_of_birth", "patient", "home_phone", "diagnosis_code"])
def test_a_field_of_a_person_s_record_is_refused_by_its_name(notifications: Notifications, name: str) -> None:
    with pytest.raises(Refused) as refused:
        save(notifications, 1, text=f"{WORDS['text']} {{{{ {name} }}}}")
    assert (refused.value.code, refused.value.field) == ("template_placeholder_unknown", "text")
    is_personal = name != "patient"
    assert (f"Never in a message: {name}" in str(refused.value.detail)) == is_personal


def test_a_name_stands_in_no_subject(notifications: Notifications) -> None:
    for kind, name in (("account_invited_with_name", "whose"), ("account_invited_with_username", "username")):
        words = {"subject": f"For {{{{ {name} }}}}", "text": f"{{{{ invitation_link }}}} {{{{ {name} }}}}"}
        with pytest.raises(Refused) as refused:
            save(notifications, 1, kind=kind, **words)
        assert (refused.value.code, refused.value.field) == ("template_invalid", "subject")


SIMPLE = "message_waiting"


def say(notifications: Notifications, version: int, text: str, language: str | None = None) -> Any:
    """Save words for the message that a message waits."""
    words = {"kind": SIMPLE, "subject": text, "text": text, "html": None}
    tag = {"language": language} if language else {}
    return notifications.call(contract.save_message_template, ADMIN, version=version, **words, **tag)


def told_to(notifications: Notifications, mails: FakeMailServer, language: str | None) -> str:
    """What the message says to somebody who reads this language."""
    notifications.identity.languages = {MARIA: language} if language else {}
    data = {"message_id": wire.new_id(), "person_id": "d" * 32, "type": "note", "account_ids": [MARIA]}
    notifications.deliver(messages.message_sent, data | {"is_notified": True})
    assert sending.send_next(notifications.runtime)
    return body(mails.taken[-1]).strip()


@pytest.mark.seed("S2-9")
def test_a_message_goes_out_in_the_language_of_its_reader_as_far_as_there_are_words(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    products = told_to(notifications, mails, "es")
    assert products.startswith("Harbor has left a message for you")
    say(notifications, 1, "Espera un mensaje", "es")
    assert told_to(notifications, mails, "es") == "Espera un mensaje"
    # A region reads its language, and whoever has chosen none the usual one: still the product's words.
    assert told_to(notifications, mails, "es-MX") == "Espera un mensaje"
    assert told_to(notifications, mails, None) == products
    assert told_to(notifications, mails, "fr") == products
    # Each language has words and versions of its own, and a region may have some.
    say(notifications, 1, "A message is here")
    say(notifications, 1, "Te espera un mensajito", "es-MX")
    assert [told_to(notifications, mails, tag) for tag in ("es", "es-mx", "fr", None)] == [
        "Espera un mensaje",
        "Te espera un mensajito",
        "A message is here",
        "A message is here",
    ]
    seen = notifications.call(contract.get_message_template, ADMIN, kind=SIMPLE, language="fr")
    assert (seen["language"], seen["languages"], seen["is_default"]) == ("fr", ["en", "es", "es-MX"], True)
    notifications.call(contract.reset_message_template, ADMIN, version=2, kind=SIMPLE, language="es-MX")
    assert told_to(notifications, mails, "es-MX") == "Espera un mensaje"
    with pytest.raises(Refused, match="invalid_request"):
        say(notifications, 1, "x", "Spanish, please")


@pytest.mark.seed("S2-9")
def test_the_time_of_an_appointment_is_said_in_the_words_s_language(notifications: Notifications) -> None:
    words = {"subject": "Cita", "text": "{{ appointment_time }}", "html": None, "kind": "appointment_booked"}
    shown = notifications.call(contract.preview_message_template, ADMIN, **words, language="es-MX")
    assert shown["text"].startswith("miércoles, 3 de marzo de 2027")
    unknown = notifications.call(contract.preview_message_template, ADMIN, **words, language="xx")
    assert unknown["text"].startswith("Wednesday, March 3, 2027")


@pytest.mark.seed("S2-135")
def test_every_version_is_kept_and_a_delivery_says_with_which_it_was_sent(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    told_to(notifications, mails, "es")
    say(notifications, 1, "Uno", "es")
    told_to(notifications, mails, "es")
    say(notifications, 2, "Dos", "es")
    told_to(notifications, mails, "es")
    used = {
        (row.template, row.template_language, row.template_version)
        for row in notifications.rows()
        if row.state == "sent"
    }
    assert used == {(SIMPLE, None, product_words.VERSION), (SIMPLE, "es", 2), (SIMPLE, "es", 3)}
    notifications.call(contract.reset_message_template, ADMIN, version=3, kind=SIMPLE, language="es")
    asked = {"kind": SIMPLE, "language": "es"}
    page = notifications.call(contract.list_message_template_versions, ADMIN, **asked, limit=2)
    rest = notifications.call(contract.list_message_template_versions, ADMIN, **asked, after=page["next"])
    assert [(each["number"], each["is_default"]) for each in page["items"]] == [(4, True), (3, False)]
    assert [(each["number"], each["subject"], each["saved_by"]) for each in rest["items"]] == [
        (2, "Uno", ADMIN.id)
    ]
    seen = notifications.call(contract.compare_message_template_version, ADMIN, **asked, number=3)
    assert seen["text_lines"] == [{"change": "gone", "line": "Uno"}, {"change": "new", "line": "Dos"}]
    first = notifications.call(contract.compare_message_template_version, ADMIN, **asked, number=2)
    assert {"change": "new", "line": "Uno"} in first["text_lines"]
    assert any(line["change"] == "gone" for line in first["html_lines"])
    for nothing in (1, 5):
        with pytest.raises(Refused, match="not_found"):
            notifications.call(contract.compare_message_template_version, ADMIN, **asked, number=nothing)


def test_a_message_has_words_in_a_limited_number_of_languages(
    notifications: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_words, "MOST_LANGUAGES", 1)
    say(notifications, 1, "Uno", "es")
    say(notifications, 2, "Dos", "es")
    with pytest.raises(Refused) as refused:
        say(notifications, 1, "Un", "fr")
    assert (refused.value.code, refused.value.field) == ("template_invalid", "language")
