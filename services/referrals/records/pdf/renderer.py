"""Drawing a record in a child process: reportlab and its fonts take 20 MB, which a service would never give back."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from services.contracts.errors import Refused
from services.referrals.records.pdf.content import PrintedRecord

CHECKOUT = Path(__file__).resolve().parents[4]
CHILD = "services.referrals.records.pdf.renderer_child"
WALL_S = 20


def draw(record: PrintedRecord) -> tuple[bytes, int]:
    """The PDF and its number of pages. Raises Refused `service_unavailable` when it takes too long."""
    try:
        # Through pipes, so that no personal data is written to a disk.
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-W", "ignore", "-m", CHILD],
            cwd=CHECKOUT,
            input=pickle.dumps(record),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8", "PYTHONPATH": str(CHECKOUT)},
            timeout=WALL_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise Refused("service_unavailable", "Making the PDF takes too long.", retry_after_s=5) from None
    pages, _, content = done.stdout.partition(b"\n")
    return content, int(pages)
