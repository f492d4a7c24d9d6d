"""A FHIR bundle of any shape is read or refused, and never fails."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.portals.published_items import fhir

_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
_JSON = st.recursive(
    _LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("coding", "code", "text", "display", "value", "unit", "reference", "start")),
            inner,
        )
    ),
    max_leaves=6,
)
_RESOURCE = st.fixed_dictionaries(
    {"resourceType": st.sampled_from([*fhir._READERS, "Patient"]) | _LEAF, "id": st.just("1") | _LEAF},
    optional=dict.fromkeys(
        (
            "status", "category", "code", "valueQuantity", "valueString", "valueCodeableConcept", "referenceRange", "reaction",
            "dosage", "effectivePeriod", "effectiveDateTime", "medicationCodeableConcept", "vaccineCode", "subject", "patient",
            "verificationStatus",
        ),
        st.sampled_from(("final", "completed", "2026-01-01")) | _JSON,
    ),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.fixed_dictionaries({"resource": _RESOURCE | _JSON}) | _JSON, max_size=3))
def test_whatever_the_entries_are_each_is_read_or_named(entries: list[Any]) -> None:
    with contextlib.suppress(Refused):
        reading = fhir.read_bundle({"resourceType": "Bundle", "entry": entries}, 100)
        assert len(reading.items) + len(reading.not_understood) == len(entries)
        for item in reading.items:
            assert all(isinstance(value, str) for value in item["values"].values())
