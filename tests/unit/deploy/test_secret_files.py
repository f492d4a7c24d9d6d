"""Secrets on disk."""

from __future__ import annotations

import stat
from pathlib import Path

from deploy.secret_files import kept_secret, write_private


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "secret"
    first = kept_secret(path)
    assert len(first) == 64
    assert kept_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_writing_closes_a_file_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a longer text than the next one")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
