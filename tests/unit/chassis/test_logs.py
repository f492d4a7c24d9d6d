"""Logs: one JSON object a line, allowed members only, no text of a person."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
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


def lost_and_found(target: str) -> subprocess.CompletedProcess[str]:
    """A process whose log goes to `target`, and that prints to its standard error what it learns of it."""
    script = f"""
        import logging, os, sys
        sys.stdout = open({target!r}, "w")
        from services.chassis import logs
        logs.configure("toy")
        logs.log.info("request")
        logging.getLogger("kombu").error("x")
        logs.log.info("request", **{{"\\ud800": 1}})
        sys.stderr.write(f"{{logs.is_writable()}}")
        os._exit(0)
        """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )


@pytest.mark.fault("A6")
def test_a_log_on_a_full_disk_is_known_and_stops_nothing():
    assert lost_and_found("/dev/full").stderr == "False"
    assert lost_and_found("/dev/null").stderr == "True"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


@pytest.mark.fault("A6")
@pytest.mark.timeout(20)
def test_a_log_that_nobody_reads_stops_nothing_and_tells_later_what_is_missing(pipe: tuple[int, int]):
    read, write = pipe
    output = logs.Output(write, "toy")
    line = b'{"event": "request"}' + b" " * 900

    for _ in range(100):
        output.write(line)

    assert not output.is_writable()
    kept = os.read(read, 1_000_000).count(b"\n")
    assert output.is_writable()
    told = json.loads(os.read(read, 1_000_000))
    assert (told["event"], told["service"], told["count"]) == ("log_lines_lost", "toy", 100 - kept)


@pytest.mark.fault("A6")
def test_a_line_after_one_that_broke_off_begins_anew(tmp_path: Path):
    """The disk was full in the middle of a line."""
    with (tmp_path / "log").open("wb") as file:
        output = logs.Output(file.fileno(), "toy")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        try:
            output.write(b'{"event": "request"}')
            assert not output.is_writable()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        output.write(b'{"event": "later"}')

    torn, told, later = (tmp_path / "log").read_text().splitlines()
    assert torn == '{"event": '
    assert json.loads(told)["count"] == 1
    assert json.loads(later) == {"event": "later"}


def test_an_error_is_told_by_its_place_in_our_code():
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads(SECRET)

    assert logs.where(error.value).startswith("test_logs.py:")


def test_an_error_from_elsewhere_has_no_place():
    assert logs.where(ValueError(SECRET)) == "outside"
