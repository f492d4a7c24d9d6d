"""What is said of the last release agrees with its commit; a clone without its history says that it has no such code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.checks import released

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    run = subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A release whose last revision is 0002, and work since then."""
    migrations = tmp_path / "own" / "services" / "toy" / "migrations"
    migrations.mkdir(parents=True)
    git(tmp_path, "init", "-q", "own")
    for name in ("0001_create.py", "0002_change.py", "0003_since.py"):
        (migrations / name).touch()
        git(migrations, "add", ".")
        git(migrations, "commit", "-qm", name)
    return tmp_path / "own"


def recorded(monkeypatch: pytest.MonkeyPatch, clone: Path, commit: str, revision: str) -> None:
    monkeypatch.setattr(released, "CHECKOUT", clone)
    monkeypatch.setattr(released, "commit", lambda: commit)
    monkeypatch.setattr(released, "revisions", lambda: {"toy": revision})


def test_this_trees_record_agrees_with_the_commit() -> None:
    assert released.problems() == []


def test_a_record_that_does_not_agree_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = git(repository, "rev-parse", "HEAD~1")
    recorded(monkeypatch, repository, release, "0002")
    assert released.problems() == []
    recorded(monkeypatch, repository, release, "0003")
    assert released.problems() == [
        "deploy/checks/released.json: toy has 0003, and its last revision at that commit is 0002"
    ]
    recorded(monkeypatch, repository, "0" * 40, "0002")
    (problem,) = released.problems()
    assert "the repository has no commit 000" in problem


def test_only_a_clone_without_history_lacks_the_code(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = git(repository, "rev-parse", "HEAD~1")
    recorded(monkeypatch, repository, release, "0002")
    released.unpack(tmp_path / "code")
    names = [path.name for path in sorted((tmp_path / "code/services/toy/migrations").iterdir())]
    assert names == ["0001_create.py", "0002_change.py"]
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), "shallow")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / ".git").write_text("gitdir: nowhere\n")
    for clone, why in (
        (tmp_path / "shallow", "shallow"),
        (tmp_path / "code", "no clone"),
        (broken, "reads nothing"),
    ):
        recorded(monkeypatch, clone, release, "0002")
        assert released.problems() == []
        with pytest.raises(released.NotInClone, match=why):
            released.unpack(tmp_path / "more")
    recorded(monkeypatch, repository, "0" * 40, "0002")
    with pytest.raises(ValueError, match="has no commit"):
        released.unpack(tmp_path / "more")
