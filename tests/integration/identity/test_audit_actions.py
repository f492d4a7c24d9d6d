"""The actions of identity's audit trail are those that are listed, each about one kind of object."""

from __future__ import annotations

from tests.integration.identity.conftest import Identity
from tests.support.audited import OBJECT_TYPES, WRITTEN, named_in_source, never_written


def test_every_action_is_listed_with_its_kind_of_object() -> None:
    assert {action: kinds - {None} for action, kinds in named_in_source().items()} == {
        action: {kind} for action, kind in OBJECT_TYPES.items()
    }


def test_what_a_test_brings_about_is_noted(identity: Identity) -> None:
    identity.log_in()
    assert "session.started" in WRITTEN
    assert never_written(set(OBJECT_TYPES) - {"role.created"}) == [
        "no test brings about that identity writes role.created to its audit trail"
    ]
