"""The demo's employer: its portals are published, and an applicant's name becomes a merged chart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import demo_portals
from deploy.demo_questionnaires import (
    INJURY,
    INJURY_ITEMS,
    INJURY_SETTINGS,
    RESPIRATOR,
    RESPIRATOR_ITEMS,
    RESPIRATOR_SETTINGS,
    published,
)
from tests.support.stack import HARBOR, RunningStack

PASSWORDS = dict.fromkeys((demo_portals.EMPLOYEE, demo_portals.SUPERVISOR), "lantern-orchid-quarry-7")


def test_the_demo_plays_from_an_applicants_name_to_the_merged_chart(
    portico: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = portico.admin
    monkeypatch.setenv("GATEWAY_URL", portico.url)
    published(api, RESPIRATOR, RESPIRATOR_ITEMS, RESPIRATOR_SETTINGS)
    published(api, INJURY, INJURY_ITEMS, INJURY_SETTINGS)
    try:
        demo_portals.add(api, HARBOR, PASSWORDS)
        for portal, (_, name) in demo_portals.PORTALS.items():
            assert api.get(f"/v1/public/{HARBOR}/portals/{portal}")["name"] == name
        demo_portals.add(api, HARBOR, PASSWORDS)  # again it changes nothing
        assert [each["number"] for each in api.get("/v1/portals/works/versions")["items"]] == [2]
        told: list[str] = []
        demo_portals.play(api, HARBOR, told.append)
    finally:
        # What the demo requires of all employees would be asked of those of other tests.
        api.put("/v1/portals/works/consents", consent_ids=[])
        for each in api.get("/v1/order-items")["items"]:
            if each["name"] in demo_portals.ORDERED:
                path = f"/v1/order-items/{each['id']}"
                api.put(path, version=each["version"], name=each["name"], explanation=None, is_offered=False)
        for portal in demo_portals.PORTALS:
            version = api.get(f"/v1/portals/{portal}/definition")["version"]
            headers = {"If-Match": f'"{version}"'}
            api.send("PATCH", f"/v1/portals/{portal}", 200, json={"is_enabled": False}, headers=headers)
    assert "by name alone" in told[0]
    assert "has a task for Reed, Robin" in told[-2]
    assert "1 questionnaire and 1 certification" in told[-1]


def test_without_a_running_system_the_demo_says_so_in_one_line(tmp_path: Path) -> None:
    nowhere = {"GATEWAY_URL": "http://127.0.0.1:9", "MAIL_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-W", "ignore", "-m", "deploy.demo", "play"]
    env = os.environ | nowhere | {"DEMO_SECRETS_FILE": str(tmp_path / "demo.json")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Nothing answers at http://127.0.0.1:9. Start the system first: make run\n"
