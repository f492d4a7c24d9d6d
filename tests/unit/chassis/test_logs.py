"""Logs: one JSON object a line, only what is allowed, nothing a person wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.chassis import logs

SECRET = "Rosalind Quimby"


@pytest.fixture
def configured(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Logging as a service has it; what the test before had comes back."""
    handlers, level = list(logging.root.handlers), logging.root.level
    logs.configure("toy")
    # What configure() promises to cache is cached on the logger that asks first: the test asks with one of its own.
    yield structlog.get_logger()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    """The objects that were written, and the text."""
    text = capsys.readouterr().out
    return [json.loads(line) for line in text.splitlines()], text


def test_a_line_says_which_service_when_and_how_bad(configured: Any, capsys: pytest.CaptureFixture[str]):
    configured.info("request", status=200, route="/v1/queues")

    ((entry,), _) = lines(capsys)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"service": "toy", "event": "request", "level": "info", "status": 200, "route": "/v1/queues"}


@pytest.mark.parametrize("key", ["contact_name", "email", "body", "note", "token", "password", "address"])
def test_a_key_that_is_not_allowed_loses_its_value(configured: Any, capsys: pytest.CaptureFixture[str], key: str):
    configured.warning("slip", **{key: SECRET})

    ((entry,), text) = lines(capsys)
    assert entry[key] == "<str>"
    assert SECRET not in text


def test_a_line_carries_the_ids_of_its_request(configured: Any, capsys: pytest.CaptureFixture[str]):
    correlation, trace = logs.correlation_id.set("corr-12345"), logs.traceparent.set("00-1-2-01")
    configured.info("request")
    logs.correlation_id.reset(correlation)
    logs.traceparent.reset(trace)

    ((entry,), _) = lines(capsys)
    assert (entry["correlation_id"], entry["trace"]) == ("corr-12345", "00-1-2-01")


def test_a_librarys_words_are_never_written(configured: Any, capsys: pytest.CaptureFixture[str]):
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("kombu").exception("Can't decode message body: %r", SECRET, extra={"body": SECRET})

    ((entry,), text) = lines(capsys)
    assert SECRET not in text
    assert entry["where"].startswith("test_logs.py:")
    del entry["where"]
    assert entry == {
        "service": "toy",
        "level": "error",
        "logger": "kombu",
        "event": "library_message",
        "error": "ValueError",
    }


def test_an_error_is_told_by_its_place_in_our_code():
    try:
        json.loads(SECRET)
    except ValueError as error:
        assert logs.where(error).startswith("test_logs.py:")


def test_an_error_from_elsewhere_has_no_place():
    assert logs.where(ValueError(SECRET)) == "outside"
