"""Every setting works under `make run`, and a wrong one is told in one line before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import topology
from deploy.layout import CHECKOUT, DECIDED
from deploy.migrate import SERVICES
from deploy.settings import settings_of
from deploy.stack import Stack, StackError, port_base
from services.chassis import migrate

PROCESSES = ("gateway", *SERVICES)
SETTINGS = [(process, name) for process in PROCESSES for name in sorted(settings_of(process)().fields)]


@pytest.mark.parametrize(("process", "name"), SETTINGS)
def test_a_setting_reaches_its_process_or_is_refused_with_what_to_do_instead(
    process: str, name: str, tmp_path: Path
) -> None:
    stack = Stack(tmp_path, environ={name: "amqp://given.example/x"})
    env = {each.name: each.env for each in stack.processes()}
    if name in DECIDED:
        assert env[process][name] != "amqp://given.example/x"
        with pytest.raises(StackError, match=f"{name}: {DECIDED[name]}"):
            stack.start()
    else:
        assert env[process][name] == "amqp://given.example/x"


@pytest.mark.parametrize(("process", "name"), SETTINGS)
def test_an_empty_setting_counts_as_not_given(process: str, name: str, tmp_path: Path) -> None:
    without, empty = (
        {each.name: each.env for each in Stack(tmp_path, environ=environ).processes()}[process]
        for environ in ({}, {name: ""})
    )
    assert {key for key in without if without[key] != empty[key] and not key.endswith("AMQP_URI")} == set()


def test_a_process_gets_no_setting_that_is_another_ones(tmp_path: Path) -> None:
    env = {each.name: each.env for each in Stack(tmp_path, environ={"SMTP_PASSWORD": "x"}).processes()}
    assert [name for name in env if "SMTP_PASSWORD" in env[name]] == ["notifications"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("SESSION_IDLE_MINUTES=soon", "SESSION_IDLE_MINUTES: A number from 1"),
        ("IDENTITY_DATABASE_URL=nonsense", "IDENTITY_DATABASE_URL: an address like postgresql"),
        ("GATEWAY_THREADS=many", "GATEWAY_THREADS: Not a valid integer."),
    ],
)
def test_a_wrong_value_prevents_the_start(setting: str, told: str, tmp_path: Path) -> None:
    name, _, value = setting.partition("=")
    with pytest.raises(StackError) as refused:
        Stack(tmp_path, environ={name: value}).start()
    assert told in str(refused.value)
    assert not (tmp_path / "broker").exists()


@pytest.mark.parametrize("text", ["abc", "80", "65500", "-1", "8400.5"])
def test_a_port_base_without_room_for_all_ports_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTICO_PORT_BASE", text)
    with pytest.raises(StackError, match="PORTICO_PORT_BASE: a number from 1024 to 65436 is expected"):
        port_base()


@pytest.mark.parametrize(("text", "base"), [("", 8400), ("1024", 1024), ("65436", 65436)])
def test_a_port_base_with_room_is_taken(text: str, base: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTICO_PORT_BASE", text)
    assert port_base() == base


def test_make_run_tells_a_wrong_value_in_one_plain_line(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from deploy import stack; "
        "stack.CHECKOUT = Path(sys.argv[1]); sys.exit(stack.main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)],
        cwd=CHECKOUT,
        env={**os.environ, "LOG_LEVEL": "LOUD"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line]
    assert line == "make run: wrong settings. LOG_LEVEL: Must be one of: DEBUG, INFO, WARNING, ERROR."


def test_a_database_that_is_not_there_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTALS_DATABASE_URL", "postgresql+psycopg2://someone:hidden@127.0.0.1:1/portals")
    assert migrate.main(["upgrade", "portals"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("PORTALS_DATABASE_URL: the database is away: connection to server at")
    assert (told.count("\n"), "hidden" in told) == (1, False)


def test_a_broker_that_is_not_there_is_one_line_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQP_URI", "amqp://someone:hidden@127.0.0.1:1/")
    monkeypatch.setattr(sys, "argv", ["topology"])
    with pytest.raises(SystemExit) as ended:
        topology.main()
    told = str(ended.value)
    assert told.startswith("AMQP_URI: the broker cannot be used: ConnectionRefusedError")
    assert (told.count("\n"), "hidden" in told) == (0, False)
