"""Audit rows that wait to be sealed: the metrics show them before `verify` reports a fault."""

from __future__ import annotations

import datetime

from prometheus_client import REGISTRY

from tests.integration.identity.conftest import Identity
from tests.integration.identity.test_audit_chain import the_sealer, write


def measured(identity: Identity, after: datetime.timedelta = datetime.timedelta(0)) -> tuple[float, float]:
    """Rows that wait and the age of the oldest, by the metrics at `after` from now."""
    assert the_sealer(identity, after=after).measure()
    labels = {"service": "identity"}
    rows = REGISTRY.get_sample_value("portico_audit_unsealed", labels)
    age_s = REGISTRY.get_sample_value("portico_audit_unsealed_age_seconds", labels)
    assert rows is not None
    assert age_s is not None
    return rows, age_s


def test_what_waits_to_be_sealed_shows_in_the_metrics(either: Identity) -> None:
    the_sealer(either).seal()
    assert measured(either) == (0, 0)
    write(either, 3)
    rows, age_s = measured(either, datetime.timedelta(minutes=5))
    assert rows == 3
    assert 300 <= age_s < 330
    the_sealer(either).seal()
    assert measured(either) == (0, 0)
