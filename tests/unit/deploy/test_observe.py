"""Alerts, dashboard and runbook: every metric in them exists, every alert has a page, and `make status` names what is wrong."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry

from deploy import status, watch
from deploy.layout import Ports
from gateway.live import server  # noqa: F401 - it has a metric
from services.chassis import metrics  # noqa: F401 - it has metrics

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
RULES = yaml.safe_load((DEPLOY / "observe" / "alerts.yaml").read_text())["groups"][0]["rules"]
PANELS = json.loads((DEPLOY / "observe" / "dashboard.json").read_text())["panels"]
OF_PROMETHEUS = {"up"}


def _names(registry: CollectorRegistry) -> set[str]:
    """The names of all samples that the metrics of a registry can have."""
    found = set()
    for family in registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(
            family.type, ("",)
        )
        found |= {f"{family.name}{suffix}" for suffix in suffixes}
    return found


KNOWN = _names(REGISTRY) | _names(watch.REGISTRY) | OF_PROMETHEUS


def _asked(expression: str) -> set[str]:
    """The metrics of an expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)|\"[^\"]*\"", "", expression)
    words = set(re.findall(r"[a-z_][a-z0-9_]+", bare))
    return words - {"max", "sum", "rate", "increase", "time", "histogram_quantile"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_exist_and_has_a_page(rule: dict[str, Any]) -> None:
    assert _asked(rule["expr"])
    assert _asked(rule["expr"]) <= KNOWN
    assert rule["labels"]["severity"] in ("page", "ticket")
    page = (DEPLOY.parent / rule["annotations"]["runbook"]).read_text()
    assert f"`{rule['alert']}`" in page
    assert f"`{rule['expr']}`" in page
    for part in ("**What it means.**", "**Look at**", "**Do**"):
        assert part in page


def test_a_metric_that_does_not_exist_would_be_noticed() -> None:
    assert _asked('max by (a) (portico_gone{b="portico_outbox_age_seconds"}) > 1') == {"portico_gone"}
    assert "portico_gone" not in KNOWN


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_that_exist(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert _asked(target["expr"]) <= KNOWN


def test_every_process_of_the_local_stack_is_scraped() -> None:
    scraped = yaml.safe_load((DEPLOY / "observe" / "prometheus.yaml").read_text())["scrape_configs"][0]
    [targets] = [each["targets"] for each in scraped["static_configs"]]
    ports = Ports(8400)
    services = [ports.health(service) for service in status.SERVICES]
    wanted = [ports.metrics, *services, ports.live_metrics, ports.watch]
    assert targets == [f"127.0.0.1:{port}" for port in wanted]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", str(DEPLOY / "observe" / "prometheus.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("offset", "days", "is_cut"),
    [(0, 3, False), (5, 3, True), (5, 90, False), (0, 100, False), (5, 89, True)],
)
def test_a_stream_is_cut_short_where_it_has_forgotten_what_is_younger_than_its_time(
    offset: int, days: int, is_cut: bool
) -> None:
    age, found = watch.reach(offset, NOW - datetime.timedelta(days=days), NOW)
    assert (age, found) == (days * 86400, is_cut)


def _seen(name: str, *, is_ready: bool = True, **metrics_: float) -> status.Seen:
    samples = {}
    for key, value in metrics_.items():
        metric, _, label = key.partition("__")
        kind, _, word = label.partition("_is_")
        samples[metric, ((kind, word.replace("__", ".")),) if label else ()] = value
    return status.Seen(name, 1, is_ready, samples)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (_seen("identity", is_ready=False), "identity is not ready"),
        (_seen("identity", portico_outbox_age_seconds__service_is_identity=61), "outbox of identity stands"),
        (
            _seen("notifications", portico_deliveries_oldest_seconds__channel_is_email=901),
            "messages by email",
        ),
        (_seen("watch", portico_watched_queue_consumers__queue_is_a=0), "nobody reads a"),
        (_seen("watch", portico_watched_queue_depth__queue_is_portico__parked=2), "2 messages are parked"),
        (_seen("watch", portico_partners_undone=1), "does not yet follow"),
        (_seen("watch", portico_stream_cut_short__organisation_is_harbor=1), "stream of harbor is cut short"),
        (_seen("watch", portico_disk_free_ratio__folder_is_var=0.09), "disk of var"),
    ],
)
def test_the_status_names_what_is_wrong_and_where_to_read_on(seen: status.Seen, words: str) -> None:
    told, wrong = status.lines([seen], {"identity": "0023"}, "0.1.0")
    assert [each for each in wrong if words in each], wrong
    assert len(wrong) == 1
    assert told[0] == "Portico 0.1.0"
    for page in re.findall(r"runbook/[a-z-]+\.md", wrong[0]):
        assert (DEPLOY / page).exists()


def test_the_status_of_a_good_day_names_nothing() -> None:
    good = [
        _seen("identity", portico_outbox_age_seconds__service_is_identity=60),
        _seen("notifications", portico_deliveries_oldest_seconds__channel_is_email=900),
        _seen(
            "watch", portico_watched_queue_consumers__queue_is_a=1, portico_disk_free_ratio__folder_is_var=0.1
        ),
    ]
    assert status.lines(good, {}, "0.1.0")[1] == []
