"""What a refused form tells: each problem beside its field, and of a conflict what is saved by now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from werkzeug.datastructures import MultiDict

from gateway.web import problems
from gateway.web.page import Action, Page
from services.contracts.errors import Refused
from services.contracts.identity import personal_data
from services.contracts.portals import portal_queue
from services.contracts.referrals import assignments, queues


@pytest.fixture
def english() -> Iterator[None]:
    with flask.Flask("site").app_context():
        flask.g.language = "en"
        yield


NOTE = Action("note", assignments.add_referral_note, "done")


@pytest.mark.usefixtures("english")
def test_every_problem_is_told_beside_its_field_or_in_the_summary():
    form = MultiDict({"note": "", "key": "k"})
    errors = [{"field": "note", "rule": "Too short."}, {"field": "is_internal", "rule": "Not a yes or no."}]
    told = problems.of(Refused("invalid_request", "Two problems.", errors=errors), NOTE, form)

    assert told.fields == {"note": "Note: Too short."}
    assert told.general == "Is internal: Not a yes or no."
    assert told.of("note", "note") == "Note: Too short."
    assert told.of("another", "note") is None  # another form of the same page


@pytest.mark.usefixtures("english")
def test_a_problem_names_its_field_as_the_form_does():
    form = MultiDict({"note": "", "key": "k"})
    told = problems.of(
        Refused("invalid_request", "One problem.", errors=[{"field": "note", "rule": "Too short."}]),
        NOTE,
        form,
    )
    told.note("another", "note", "Not this one")
    assert told.sentences == {"note": "Note: Too short."}
    told.note("note", "note", "Message to the person")
    assert told.of("note", "note") == "Message to the person: Too short."
    assert told.sentences == {"note": "Message to the person: Too short."}
    # So does a refusal that begins with the field's name in the API.
    signed = problems.of(
        Refused("invalid_request", "typed_name: type it.", "typed_name"), NOTE, MultiDict({"typed_name": ""})
    )
    assert signed.sentences == {"typed_name": "Typed name: type it."}
    signed.note("note", "typed_name", "Your name, as a signature")
    assert signed.sentences == {"typed_name": "Your name, as a signature: type it."}
    unshown = problems.of(Refused("invalid_request", "typed_name: type it.", "typed_name"), NOTE, form)
    assert (unshown.general, unshown.fields) == ("Typed name: type it.", {})
    # What the page is about has a label nowhere.
    erase = Action("erase", personal_data.erase_person, "")
    of_the_page = problems.of(
        Refused("still_employed", "person_id: this person works.", "person_id"), erase, form
    )
    assert (of_the_page.general, of_the_page.fields) == ("This person works.", {})
    # A refusal in whole words has no name in front.
    whole = problems.of(Refused("slot_taken", "Somebody was faster.", "note"), NOTE, form)
    whole.note("note", "note", "Time")
    assert whole.sentences == {"note": "Somebody was faster."}


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("Length must be between 1 and 7.", "From 1 to 7 are expected."),
        ("Shorter than minimum length 1.", "At least 1 is expected."),
        ("Longer than maximum length 7.", "At most 7 are possible."),
    ],
)
def test_a_list_has_no_characters(rule: str, told: str):
    action = Action("settings", portal_queue.change_queue_settings, "done")
    form = MultiDict({"working_days": "", "before_writing": ""})
    errors = [{"field": name, "rule": rule} for name in ("working_days", "before_writing")]
    problem = problems.of(Refused("invalid_request", "Two problems.", errors=errors), action, form)
    assert problem.fields["working_days"] == f"Working days: {told}"
    assert problem.fields["before_writing"].endswith(("characters are expected.", "characters fit."))


@pytest.mark.usefixtures("english")
def test_a_refusal_without_a_field_is_told_beside_the_named_one_or_in_the_summary():
    refusal, form = Refused("credentials_refused", "Wrong."), MultiDict({"password": ""})
    assert problems.of(refusal, NOTE, form).general == "Wrong."
    beside = problems.of(refusal, NOTE, form, "password")
    assert (beside.general, beside.fields) == (None, {"password": "Wrong."})


@pytest.mark.usefixtures("english")
def test_a_problem_of_a_row_is_told_in_that_row_where_other_rows_are_empty_or_moved():
    action = Action("edit_queue", queues.edit_queue, "done")
    rows = {"0.label": "", "1.label": "Enrolled", "1.place": "2", "2.label": "Referred", "2.place": "1"}
    form = MultiDict({f"statuses.{name}": text for name, text in rows.items()})
    told = problems.of(Refused("invalid_status_list", "Say the stage.", "statuses.1.label"), action, form)
    assert told.fields == {"statuses.1.label": "Say the stage."}
    assert problems.of(
        Refused("invalid_status_list", "Say the stage.", "statuses.0.label"), action, form
    ).fields == {"statuses.2.label": "Say the stage."}


# Protection


CHOICES = [("a", "First"), ("Under a heading", [("b", "Second"), ("c", "Third")])]


@pytest.mark.parametrize(
    ("value", "typed", "told"),
    [
        ("Rosa", ["Rosamund"], "Rosa"),
        ("Rosa", ["Rosa "], None),
        ("two\nlines", ["two\r\nlines"], None),
        (None, [""], None),
        (None, ["Rosa"], "nothing"),
        (7, ["7"], None),
        ("b", ["a"], "Second"),
        (["a", "c"], ["", "c"], "First, Third"),
        (["a", "c"], ["c", "a"], None),
        ("d", ["a"], "d"),  # a choice that there is no more
    ],
)
def test_of_a_conflict_a_field_tells_what_is_saved_by_now(
    value: Any, typed: list[str], told: str | None
) -> None:
    form = MultiDict([("name", each) for each in typed])
    problem = problems.Problem("edit", "version_conflict", 412, {}, None, form, {})
    assert problem.saved("edit", "name", value, "nothing", CHOICES) == told


@pytest.mark.parametrize(("action", "code"), [("other", "version_conflict"), ("edit", "invalid_request")])
def test_without_a_conflict_of_its_form_a_field_tells_nothing(action: str, code: str) -> None:
    problem = problems.Problem("edit", code, 412, {}, None, MultiDict({"name": "Rosamund"}), {})
    assert problem.saved(action, "name", "Rosa", "nothing") is None


@pytest.mark.usefixtures("english")
def test_a_text_whose_field_is_gone_is_left_to_be_shown_and_nothing_else_is():
    page = Page("/notes", "notes.html", actions=(NOTE,))
    form = MultiDict({"note": "Called twice.", "key": "k", "is_internal": "true", "form_token": "t"})
    told = problems.of(Refused("item_archived", "It is over."), NOTE, form)
    assert told.left(page) == ["Called twice."]
    told.note("note", "note", "Note")  # the page has drawn the field
    assert told.left(page) == []
