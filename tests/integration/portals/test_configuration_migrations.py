"""The migrations of the configuration of portals keep what staff have written."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis import migrate
from services.contracts.portals import configuration as contract

BEFORE = {
    "mode": "request",
    "allows_past_due": False,
    "past_due_warning": "Call us.",
    "days_of_past": 30,
    "days_ahead": 10,
    "days_before_first": 2,
    "offers_first_available": False,
    "chooses_provider": False,
    "alert": "Dial 9-1-1.",
}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_settings_of_my_appointments_are_kept_under_their_new_names_and_back(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("portals", url, "0005")
    engine = sa.create_engine(url)
    table = sa.Table("portal_configurations", sa.MetaData(), autoload_with=engine)
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    row: dict[str, Any] = {"organisation_id": "a" * 32, "version": 2, "name": "N", "colour": "#fff"}
    row |= {"ticker": [], "configured_at": moment}
    modules = [{"code": "support"}, {"code": "my_appointments", "appointments": BEFORE}]
    contents = {"employee": {"modules": modules}, "supervisor": {}}
    with engine.begin() as connection:
        for number, (portal, content) in enumerate(contents.items()):
            connection.execute(
                table.insert().values(id=str(number) * 32, portal=portal, content=content, **row)
            )

    def kept(portal: str) -> Any:
        with engine.begin() as connection:
            return connection.scalar(sa.select(table.c.content).where(table.c.portal == portal))

    migrate.upgrade("portals", url, "0006")
    settings = kept("employee")["modules"][1]["appointments"]
    assert settings == {
        "booking_mode": "request_only",
        "visible_appointment_types": None,
        "past_due_scheduling": False,
        "past_due_warning": "Call us.",
        "days_past": 30,
        "days_ahead": 10,
        "lead_days": 2,
        "first_available_provider": False,
        "any_provider": True,
        "alert_text": "Dial 9-1-1.",
    }
    loaded = contract.Appointments().load(settings)  # what came later has its usual value
    assert settings.items() <= loaded.items()
    migrate.downgrade("portals", url, "0005")
    assert {portal: kept(portal) for portal in contents} == contents
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_types_of_documents_that_were_published_before_can_be_chosen(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("portals", url, "0032")
    engine = sa.create_engine(url)
    items = sa.Table("published_items", sa.MetaData(), autoload_with=engine)
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    published = (
        ("a", "document", {"title": "A", "document_type": "work_note"}),
        ("a", "document", {"title": "B", "document_type": "work_note"}),
        ("b", "document", {"title": "C", "document_type": "form"}),
        ("b", "allergy", {"substance": "Nuts"}),
    )
    with engine.begin() as connection:
        for number, (organisation, of_kind, values) in enumerate(published):
            row = {"id": str(number) * 32, "organisation_id": organisation * 32, "kind": of_kind}
            row |= {"person_id": "c" * 32, "first_person_id": "c" * 32, "values": values, "source": "x"}
            connection.execute(items.insert().values(revision=1, published_at=moment, **row))
    migrate.upgrade("portals", url, "0033")
    with engine.begin() as connection:
        found = connection.execute(
            sa.text("SELECT organisation_id, document_type FROM document_types ORDER BY organisation_id")
        ).all()
    assert [tuple(row) for row in found] == [("a" * 32, "work_note"), ("b" * 32, "form")]
    engine.dispose()
