"""The pages of the dashboard and the statistics with a million referrals behind them, through the whole system on PostgreSQL."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, select

from gateway import cookies
from gateway.web.page import WHOLE
from services.chassis.unit_of_work import utc_now
from services.identity.models import Organisation
from tests.load.bars import Bar
from tests.load.pages_bench import part, took_ms
from tests.load.referrals_bench import DAYS, Filled
from tests.support.browser import PROGRAM, Browser, running_browser
from tests.support.stack import HARBOR, RunningStack, running_stack

MOST_MS, FIRST_TEXT_MS = 800.0, 300.0
LOADS = 20  # of each page in the browser
_FIRST_TEXT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def bench_reports(rounds: int, count: int = 1_000_000) -> list[Bar]:
    """Print the figures; the bars. Other programs only make a round slower, so the best round counts."""
    with running_stack(databases="postgresql") as portico:
        _fill(portico, count)
        bars, addresses = [], _addresses()
        print(f"\n{f'page with {count:,} referrals behind it':<56}{'p50':>10}{'p95':>10}{'first text':>13}")
        for address in addresses:
            whole = f"{portico.url}{address}{'&' if '?' in address else '?'}{WHOLE}=1"  # with its late parts
            turns = [took_ms(whole, portico.staff) for _ in range(rounds)]
            p50, p95 = (min(part(turn, percent) for turn in turns) for percent in (50, 95))
            first_text = _first_text_ms(portico, address) if PROGRAM else None
            shown = f"{first_text:>10.0f} ms" if first_text is not None else ""
            print(f"{address:<56}{p50:>7.1f} ms{p95:>7.1f} ms{shown}", flush=True)
            bars.append(Bar(f"p95 of {address} in milliseconds", p95, most=MOST_MS))
            if first_text is not None:
                bars.append(Bar(f"first text of {address} in milliseconds", first_text, most=FIRST_TEXT_MS))
    return bars


def _fill(portico: RunningStack, count: int) -> None:
    """Fill the database as its superuser, who can leave the foreign keys out, while the service is away."""
    cluster, supervisor = portico.stack.postgres, portico.stack.supervisor
    assert cluster is not None
    identity = create_engine(cluster.url("portico_identity"))
    with identity.connect() as connection:
        organisation = str(connection.scalar(select(Organisation.id).where(Organisation.key == HARBOR)))
    identity.dispose()
    supervisor.stop("referrals")
    with tempfile.TemporaryDirectory() as folder:
        Filled(cluster.url("portico_referrals"), count, Path(folder), (organisation, HARBOR)).service.close()
    supervisor.start("referrals")
    supervisor.wait_ready(60, ["referrals"])


def _addresses() -> list[str]:
    today = utc_now().date()
    year = f"from_on={today - datetime.timedelta(days=DAYS)}&to_on={today}"
    statistics = "/staff/reports/statistics"
    return [
        "/staff/reports",
        "/staff/reports/programs",
        statistics,
        f"{statistics}?{year}&group_by=queue",
        f"{statistics}?{year}&group_by=month",
    ]


def _first_text_ms(portico: RunningStack, address: str) -> float:
    """The time until a browser shows the first text, which 95 of 100 loads keep to."""
    with running_browser() as browser:
        site = portico.stack.public_url
        browser.send("Network.setCookie", name=cookies.NAME, value=portico.staff.token, url=site, secure=True)
        _load_ms(browser, site + address)  # the first load also starts the browser's parts
        took = [_load_ms(browser, site + address) for _ in range(LOADS)]
    return part(took, 95)


def _load_ms(browser: Browser, address: str) -> float:
    browser.go(address)
    return float(browser.wait_for(_FIRST_TEXT))
