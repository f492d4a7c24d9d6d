"""A21, and bandit's part of A5: no secret in the tree; hashes of all that others made, and a list of it; bandit's findings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.fault("A21")
CODE = ("services", "gateway", "deploy")
# The forms of secrets that are in use elsewhere. What looks random, or is called a password, is in our tree a name or a test's own.
FORMS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector", "IbmCosHmacDetector",
    "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector",
    "SendGridDetector", "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)  # fmt: skip
# An address with a password that stands for one.
PLACEHOLDER = re.compile(r"^(password|secret|…|\.\.\.|\{.*|<.*|p|\$.*|[A-Z_]+)$")


def secrets_in(files: list[str]) -> list[str]:
    """Place and kind of each secret in these files of the checkout."""
    with transient_settings({"plugins_used": [{"name": name} for name in FORMS]}):
        return [
            f"{name}:{found.line_number} {found.type}"
            for name in files
            for found in scan_file(str(CHECKOUT / name))
            if not (
                found.type == "Basic Auth Credentials" and PLACEHOLDER.fullmatch(found.secret_value or "")
            )
        ]


def tracked(*places: str) -> list[str]:
    """The files of the checkout in these folders."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--", *places], cwd=CHECKOUT, capture_output=True, check=False
    )
    if told.returncode:
        pytest.skip("this is no checkout of git")
    return [each for each in told.stdout.decode().split("\0") if each]


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_no_file_that_is_shipped_holds_a_secret() -> None:
    files = tracked(*CODE, "Makefile", "pyproject.toml", "*.md")
    found = secrets_in(files)
    print(f"A21: {len(files)} files, {len(found)} secrets")
    assert found == []


def test_a_secret_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text(f'KEY = "AKIA{"Z" * 16}"\nURL = "amqp://portico:kettle-violet@broker/"\n', "utf-8")
    assert [each.rpartition(":")[2] for each in secrets_in([str(file)])] == [
        "1 AWS Access Key",
        "2 Basic Auth Credentials",
    ]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-node.lock"])
def test_everything_of_others_is_pinned_by_its_hash(lock: str) -> None:
    text = (CHECKOUT / lock).read_text("utf-8").replace("\\\n", " ")
    required = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(required) >= 2
    without = [
        line.split()[0]
        for line in required
        if "==" not in line.split()[0] or not re.search(r"--hash=sha256:[0-9a-f]{64}", line)
    ]
    assert without == []


def test_nothing_is_installed_without_its_hash() -> None:
    """Neither here nor in the image."""
    for place in ("deploy/setup.sh", "deploy/image/Dockerfile"):
        told = (CHECKOUT / place).read_text("utf-8").replace("\\\n", " ")
        lines = [each for each in told.splitlines() if re.search(r"\bpip install\b|\bpip sync\b", each)]
        assert lines, place
        assert [each for each in lines if "--require-hashes" not in each] == [], place


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_list_of_what_is_used_can_be_made(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        str(CHECKOUT / "requirements.lock"),
        "-o",
        str(made),
    ]
    subprocess.run(command, check=True, capture_output=True)
    listed = json.loads(made.read_text())["components"]
    text = (CHECKOUT / "requirements.lock").read_text("utf-8")
    locked = set(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==", text, re.MULTILINE))
    print(f"A21: {len(listed)} packages in the list of {len(locked)} locked ones")
    assert {each["name"].lower() for each in listed} == {each.lower() for each in locked}
    assert [each["name"] for each in listed if "version" not in each] == []


def findings() -> list[dict[str, Any]]:
    """What bandit says of the code that is shipped."""
    command = [sys.executable, "-W", "ignore", "-m", "bandit", "-q", "-r", *CODE, "-f", "json"]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return list(json.loads(run.stdout)["results"])


@pytest.mark.full
@pytest.mark.fault("A5")
@pytest.mark.timeout(1800)
def test_bandit_finds_nothing_that_nobody_looked_at() -> None:
    """A statement that is put together from our own names says so to the linter, which has the same rule."""
    found = findings()
    high = [each for each in found if each["issue_severity"] == "HIGH"]
    joined = [each for each in found if each["test_id"] == "B608"]
    unseen = [each for each in joined if "S608" not in each["code"] and not is_excused(each)]
    print(f"A21: bandit {len(found)} findings, {len(high)} high")
    print(
        f"A5: bandit B608 {len(joined)}, each of our own names; {len(unseen)} that the linter was not told of"
    )
    assert (high, unseen) == ([], [])


def is_excused(finding: dict[str, Any]) -> bool:
    """Whether one of the finding's lines tells the linter why."""
    lines = (CHECKOUT / finding["filename"]).read_text("utf-8").splitlines()
    return any("S608" in lines[number - 1] for number in finding["line_range"])
