"""The set-up script installs from the lock file when that changed, and otherwise does nothing.

The tests assume that every Debian package is installed.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.layout import CHECKOUT

# Replaces the environment's Python and records its arguments.
RECORDER = '#!/bin/sh\necho "$@" >>"$(dirname "$0")/asked"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(CHECKOUT / "deploy" / "setup.sh", tmp_path / "deploy")
    (tmp_path / "requirements.lock").write_text("a==1 --hash=sha256:0\n")
    (tmp_path / "requirements-dev.lock").write_text("a==1 --hash=sha256:0\nb==1 --hash=sha256:0\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(RECORDER)
    python.chmod(0o755)
    return tmp_path


def set_up(checkout: Path, purpose: str) -> list[str]:
    """The arguments of pip in all runs so far, newest last."""
    subprocess.run([checkout / "deploy" / "setup.sh", purpose], check=True, capture_output=True)
    asked = checkout / ".venv" / "bin" / "asked"
    return [line.split()[-1] for line in asked.read_text().splitlines()] if asked.exists() else []


def test_a_second_run_installs_nothing(checkout: Path) -> None:
    assert set_up(checkout, "run") == ["requirements.lock"]
    assert set_up(checkout, "run") == ["requirements.lock"]


def test_a_changed_lock_is_installed(checkout: Path) -> None:
    set_up(checkout, "run")
    (checkout / "requirements.lock").write_text("a==2 --hash=sha256:0\n")
    assert set_up(checkout, "run") == ["requirements.lock", "requirements.lock"]


def test_what_the_tests_need_serves_a_run_too_but_not_the_other_way_round(checkout: Path) -> None:
    assert set_up(checkout, "run") == ["requirements.lock"]
    assert set_up(checkout, "test") == ["requirements.lock", "requirements-dev.lock"]
    (checkout / ".venv" / "requirements.lock.installed").unlink()
    assert set_up(checkout, "run") == ["requirements.lock", "requirements-dev.lock"]


def test_only_packages_with_the_locked_hash_are_accepted(checkout: Path) -> None:
    set_up(checkout, "run")
    assert "--require-hashes" in (checkout / ".venv" / "bin" / "asked").read_text()


def test_a_failed_install_is_tried_again(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(RECORDER + "exit 1\n")
    with pytest.raises(subprocess.CalledProcessError):
        set_up(checkout, "run")
    python.write_text(RECORDER)
    assert set_up(checkout, "run") == ["requirements.lock", "requirements.lock"]
