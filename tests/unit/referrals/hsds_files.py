"""Files in HSDS 3.x, small ones, and what is said of them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from services.referrals.directory_imports.report import FileRefused
from tests.unit.referrals.whole_files import Parsed, parse

KITCHEN, PANTRY = "5f1c0a52-6f0e-4a51-9a53-0d8f7a4d1c02", "5f1c0a52-6f0e-4a51-9a53-0d8f7a4d1c01"
TABLES = {
    "organizations.csv": [{"id": "1", "name": "Kitchen", "description": "Food."}],
    "services.csv": [
        {"id": "1", "organization_id": "1", "name": "Pantry", "status": "active", "minimum_age": "18"},
        {"id": "2", "organization_id": "1", "name": "Meals", "status": "defunct"},
    ],
    "locations.csv": [{"id": "1", "location_type": "physical", "name": "Customs House", "latitude": "37.9",
                       "longitude": "-122.4"}],
    "service_at_location.csv": [{"id": "7", "service_id": "1", "location_id": "1", "description": "Side door."}],
    "addresses.csv": [{"id": "1", "location_id": "1", "address_1": "1 Quay Street", "city": "Saltmarsh",
                       "state_province": "CA", "address_type": "physical"}],
    "phones.csv": [
        {"id": "1", "service_id": "1", "number": "555-0161", "type": "voice"},
        {"id": "2", "organization_id": "1", "number": "555-0160"},
    ],
    "languages.csv": [{"id": "1", "service_id": "1", "name": "Spanish"}],
    "attributes.csv": [{"id": "1", "link_id": "1", "link_entity": "service", "taxonomy_term_id": "9"}],
    "taxonomy_terms.csv": [{"id": "9", "code": "FOOD-1", "name": "Food pantries", "description": "Groceries."}],
}  # fmt: skip


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def a_package(tables: Mapping[str, list[dict[str, str]]] = TABLES, **more: bytes) -> bytes:
    """A zip with these tables as CSV, and other files."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
        for name, rows in tables.items():
            text = io.StringIO()
            columns = list(dict.fromkeys(column for row in rows for column in row))
            writer = csv.DictWriter(text, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
            file.writestr(name, text.getvalue())
        for name, content in more.items():
            file.writestr(name, content)
    return package.getvalue()


def a_service(**more: Any) -> dict[str, Any]:
    organization = {"id": KITCHEN, "name": "Kitchen", "description": "Food."}
    return {"id": PANTRY, "name": "Pantry", "status": "active", "organization": organization, **more}


def codes(parsed: Parsed) -> list[tuple[int, str | None, str]]:
    return [(problem.line, problem.column, problem.code) for problem in parsed.refused]


def warned(parsed: Parsed) -> list[str]:
    return [problem.code for problem in parsed.warnings]


def reason(data: bytes) -> str:
    with pytest.raises(FileRefused) as refusal:
        parse(data)
    return refusal.value.reason
