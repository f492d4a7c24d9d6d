"""The processes of the local stack, without starting them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.layout import Ports
from deploy.migrate import SERVICES
from deploy.stack import Stack, StackError, operate


def database_variables(env: dict[str, str]) -> list[str]:
    return sorted(name for name in env if name.endswith("_DATABASE_URL"))


def test_a_service_gets_its_own_database_and_private_key_only(tmp_path: Path) -> None:
    processes = {process.name: process for process in Stack(tmp_path).processes()}
    for service in SERVICES:
        env = dict(processes[service].env)
        assert database_variables(env) == [f"{service.upper()}_DATABASE_URL"]
        assert env["PASSPORT_PRIVATE_KEY_FILE"].endswith(f"/keys/{service}.pem")


def test_the_gateway_gets_no_database_and_no_private_key(tmp_path: Path) -> None:
    env = dict(Stack(tmp_path).processes()[-1].env)
    assert env["GATEWAY_PORT"] == "8400"
    assert database_variables(env) == []
    assert "PASSPORT_PRIVATE_KEY_FILE" not in env


def test_the_mail_catcher_gets_no_broker(tmp_path: Path) -> None:
    [mail] = [process for process in Stack(tmp_path).processes() if process.name == "mailcatcher"]
    assert not [name for name in mail.env if name.endswith("AMQP_URI")]


def test_the_watch_asks_the_broker_as_a_user_of_its_own_and_reads_identity_only(tmp_path: Path) -> None:
    [watch] = [process for process in Stack(tmp_path).processes() if process.name == "watch"]
    assert watch.env["AMQP_URI"].startswith("pyamqp://portico_watch:")
    assert watch.env["FEED_AMQP_URI"].startswith("pyamqp://portico_watch:")
    assert watch.env["FEED_AMQP_URI"].endswith("/portico-feeds")
    assert database_variables(dict(watch.env)) == ["IDENTITY_DATABASE_URL"]


def test_replicas_have_names_and_ports_of_their_own(tmp_path: Path) -> None:
    stack = Stack(tmp_path, replicas={"referrals": 3}, databases=dict.fromkeys(SERVICES, "x://"))
    names = [process.name for process in stack.processes()]
    assert [name for name in names if name.startswith("referrals")] == [
        "referrals-1",
        "referrals-2",
        "referrals-3",
    ]
    urls = [process.ready_url for process in stack.processes()]
    assert len(urls) == len(set(urls))


def test_all_ports_of_a_stack_lie_within_its_hundred_and_never_meet() -> None:
    ports = Ports(8400)
    health = [ports.health(service, replica) for service in SERVICES for replica in range(1, 11)]
    every = [
        ports.gateway,
        ports.metrics,
        ports.mail_web,
        ports.smtp,
        ports.broker,
        ports.broker + 1,
        ports.broker + 2,
        *health,
    ]
    assert len(every) == len(set(every))
    assert all(8400 <= port < 8500 for port in every)


def test_settings_point_the_stack_at_a_real_broker_and_database(tmp_path: Path) -> None:
    environ = {
        "AMQP_URI": "pyamqp://u:p@mq.example:5672/clinic",
        "IDENTITY_DATABASE_URL": "postgresql+psycopg2://db.example/identity",
    }
    stack = Stack(tmp_path, environ=environ)
    assert stack.broker is None
    assert stack.amqp_uri == environ["AMQP_URI"]
    assert stack.feed_amqp_uri == "pyamqp://u:p@mq.example:5672/portico-feeds"
    assert stack.database_url("identity") == environ["IDENTITY_DATABASE_URL"]
    assert stack.database_url("signing") == f"sqlite:///{tmp_path}/data/signing.db"


@pytest.mark.parametrize(
    ("name", "expected"), [("identity", {"A": "service"}), ("gateway", {"A": "gateway"})]
)
def test_extra_variables_reach_the_process_they_are_for(
    tmp_path: Path, name: str, expected: dict[str, str]
) -> None:
    extra = {"identity": {"A": "service"}, "gateway": {"A": "gateway"}}
    processes = {process.name: process for process in Stack(tmp_path, extra_env=extra).processes()}
    assert {key: processes[name].env[key] for key in expected} == expected
    assert "A" not in processes["signing"].env


def test_an_operators_command_finds_every_database_and_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    wanted = [
        *(f"{service.upper()}_DATABASE_URL" for service in SERVICES),
        "AMQP_URI",
        "GATEWAY_URL",
        "MAIL_URL",
    ]
    check = f"import os, sys; sys.exit(7 if set({wanted!r}) <= set(os.environ) else 1)"
    assert operate(Stack(tmp_path), [sys.executable, "-c", check]) == 7


def test_an_operators_command_and_every_process_with_files_know_the_bucket(tmp_path: Path) -> None:
    bucket = {"BLOB_S3_BUCKET": "files", "BLOB_S3_SECRET_KEY": "made-up"}
    stack = Stack(tmp_path, environ=bucket)
    assert stack.operator_env()["BLOB_S3_BUCKET"] == "files"
    assert Stack(tmp_path).operator_env()["BLOB_S3_BUCKET"] == ""
    for process in stack.processes():
        if process.name in ("gateway", *SERVICES):
            assert process.env.items() >= bucket.items(), process.name


def test_an_operators_command_needs_a_stack_that_ran_before(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make run"):
        operate(Stack(tmp_path / "never"), [sys.executable, "-c", ""])
    assert not (tmp_path / "never").exists()
