"""Settings: a wrong one stops the start with its name and rule, and without its value."""

from __future__ import annotations

import pytest
from marshmallow import fields

from services.chassis.settings import ServiceSettings, SettingsError, describe, load_settings


class ToySettings(ServiceSettings):
    """A service's settings."""

    TOY_DATABASE_URL = fields.String(required=True, metadata={"help": "database address"})


GOOD = {
    "AMQP_URI": "pyamqp://toy:kettle-violet@127.0.0.1:5672/portico",
    "BLOB_DIR": "var/blobs",
    "PASSPORT_KEYS_FILE": "keys/public.json",
    "PASSPORT_PRIVATE_KEY_FILE": "keys/toy.pem",
    "PUBLIC_URL": "https://portal.example.org",
    "TOY_DATABASE_URL": "sqlite:///toy.db",
}


def test_settings_are_typed_and_have_defaults():
    settings = load_settings(ToySettings, {**GOOD, "RPC_TIMEOUT_S": "2.5", "PATH": "/usr/bin"})

    assert (settings.rpc_timeout_s, settings.heartbeat_s, settings.log_level) == (2.5, 10, "INFO")
    assert settings.toy_database_url == "sqlite:///toy.db"
    assert not hasattr(settings, "path")


@pytest.mark.fault("F19")
def test_an_answer_is_kept_for_a_day_at_least():
    assert load_settings(ToySettings, {**GOOD, "REQUESTS_KEPT_HOURS": "24"}).requests_kept_hours == 24
    with pytest.raises(SettingsError, match="REQUESTS_KEPT_HOURS"):
        load_settings(ToySettings, {**GOOD, "REQUESTS_KEPT_HOURS": "23"})


def test_an_empty_variable_counts_as_not_set():
    assert load_settings(ToySettings, {**GOOD, "LOG_LEVEL": ""}).log_level == "INFO"
    with pytest.raises(SettingsError, match="BLOB_DIR"):
        load_settings(ToySettings, {**GOOD, "BLOB_DIR": ""})


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_setting_is_named(name: str):
    with pytest.raises(SettingsError, match=f"(?m)^  {name}: Missing"):
        load_settings(ToySettings, {key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQP_URI", "toy:kettle-violet@127.0.0.1"),
        ("LOG_LEVEL", "kettle-violet"),
        ("PUBLIC_URL", "kettle-violet"),
        ("HEARTBEAT_S", "kettle-violet"),
        ("HEARTBEAT_S", "61"),
        ("RPC_TIMEOUT_S", "-17.25"),
        ("HEALTH_PORT", "70000"),
        ("RPC_WORKERS", "1000000"),
        ("DRAIN_S", "kettle-violet"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_told(name: str, value: str):
    with pytest.raises(SettingsError) as error:
        load_settings(ToySettings, {**GOOD, name: value})

    assert f"\n  {name}: " in str(error.value)
    assert value not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(SettingsError) as error:
        load_settings(ToySettings, {"LOG_LEVEL": "LOUD"})

    assert len(str(error.value).splitlines()) == 1 + len(GOOD) + 1


def test_every_setting_says_what_it_is():
    assert [name for name, field in ToySettings().fields.items() if not field.metadata.get("help")] == []
    assert "| `TOY_DATABASE_URL` | required | database address |" in describe(ToySettings)
