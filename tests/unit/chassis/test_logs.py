"""Logs: one JSON object a line, allowed members only, no text of a person."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from services.chassis import logs

CHECKOUT = Path(__file__).resolve().parents[3]
SECRET = "Rosalind Quimby"
PERSONAL = ("contact_name", "email", "body", "note", "token", "password", "address")


def written_by(work: str) -> list[dict[str, Any]]:
    """The log of a separate process, as `configure` changes the whole process."""
    script = "import logging\nfrom services.chassis import logs\nlogs.configure('toy')\n" + textwrap.dedent(
        work
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=30
    )
    assert SECRET not in done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_says_which_service_when_and_how_bad():
    (entry,) = written_by("logs.log.info('request', status=200, route='/v1/queues')")

    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "service": "toy",
        "event": "request",
        "level": "info",
        "status": 200,
        "route": "/v1/queues",
    }


def test_a_key_that_is_not_allowed_loses_its_value():
    (entry,) = written_by(f"logs.log.warning('slip', **dict.fromkeys({PERSONAL!r}, {SECRET!r}))")

    assert {key: entry[key] for key in PERSONAL} == dict.fromkeys(PERSONAL, "<str>")
    assert not logs.ALLOWED & set(PERSONAL)


def test_a_value_that_is_not_text_loses_it_too():
    (entry,) = written_by(f"logs.log.info('slip', contact={{'name': {SECRET!r}}}, row=[{SECRET!r}])")

    assert (entry["contact"], entry["row"]) == ("<dict>", "<list>")


def test_a_line_carries_the_ids_of_its_request():
    (entry,) = written_by(
        """
        logs.correlation_id.set("corr-12345")
        logs.traceparent.set("00-1-2-01")
        logs.log.info("request")
        """
    )

    assert (entry["correlation_id"], entry["trace"]) == ("corr-12345", "00-1-2-01")


def test_a_librarys_words_are_never_written():
    (entry,) = written_by(
        f"""
        secret = {SECRET!r}
        try:
            raise ValueError(secret)
        except ValueError:
            logging.getLogger("kombu").exception("Can't decode message body: %r", secret)
        logging.getLogger("kombu").info(secret)
        """
    )

    assert entry.pop("where").startswith("<string>:")
    assert entry == {
        "service": "toy",
        "level": "error",
        "logger": "kombu",
        "event": "library_message",
        "error": "ValueError",
    }


def test_an_error_is_told_by_its_place_in_our_code():
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads(SECRET)

    assert logs.where(error.value).startswith("test_logs.py:")


def test_an_error_from_elsewhere_has_no_place():
    assert logs.where(ValueError(SECRET)) == "outside"
