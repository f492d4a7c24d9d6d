"""The choices of `make run` about databases and processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.databases import WrongChoice, kind_of, replicas_of, too_many
from deploy.migrate import SERVICES
from deploy.stack import Stack, StackError


def kept_in(folder: Path, kind: str) -> None:
    file = folder / ("data/identity.db" if kind == "sqlite" else "postgres/data/PG_VERSION")
    file.parent.mkdir(parents=True)
    file.touch()


def test_without_a_choice_the_data_decides(tmp_path: Path) -> None:
    assert kind_of(tmp_path, None) == "sqlite"
    kept_in(tmp_path, "postgresql")
    assert kind_of(tmp_path, None) == kind_of(tmp_path, "postgresql") == "postgresql"


@pytest.mark.parametrize(("there", "wanted"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_another_kind_than_that_of_the_data_is_refused(tmp_path: Path, there: str, wanted: str) -> None:
    kept_in(tmp_path, there)
    with pytest.raises(WrongChoice, match=f"is in {there}.*make clean-data"):
        kind_of(tmp_path, wanted)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongChoice, match="DATABASE: sqlite or postgresql"):
        kind_of(tmp_path, "mysql")


def test_numbers_of_processes_are_read() -> None:
    assert replicas_of(None, SERVICES) == replicas_of("", SERVICES) == {}
    assert replicas_of("identity=2 referrals=10", SERVICES) == {"identity": 2, "referrals": 10}


@pytest.mark.parametrize("text", ["referrals", "gateway=2", "referrals=0", "referrals=11", "referrals=x"])
def test_a_wrong_number_names_itself_and_the_form(text: str) -> None:
    with pytest.raises(WrongChoice, match=f"SCALE: {text}: .*from 1 to 10"):
        replicas_of(f"identity=2 {text}", SERVICES)


def test_replicas_on_sqlite_are_refused_with_the_way_out(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "var", replicas={"referrals": 2, "identity": 1})
    with pytest.raises(StackError, match="referrals=2 needs DATABASE=postgresql") as refused:
        stack.start()
    assert "identity=1" not in str(refused.value)
    assert too_many({"referrals": 2}, {"referrals": "postgresql+psycopg2://a:b@127.0.0.1:1/referrals"}) == []
