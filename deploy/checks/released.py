"""The last release, whose code has to work on this code's schema: its commit, and the last revision of each service in it.

Both stand in `released.json`; a release moves them on. A clone with its history has the code of that commit.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_FILE = Path(__file__).with_name("released.json")


class NotInClone(Exception):
    """The code of the last release is not here: a clone without its history, or no clone at all."""


@cache
def commit() -> str:
    """The commit of the last release."""
    return str(json.loads(_FILE.read_text("utf-8"))["commit"])


@cache
def revisions() -> Mapping[str, str]:
    """The last revision of each service in the last release."""
    found: dict[str, str] = json.loads(_FILE.read_text("utf-8"))["revisions"]
    return found


def unpack(folder: Path) -> None:
    """Write the code of the last release into a folder. Raises NotInClone, and ValueError for a commit that no clone has."""
    archive = _git("archive", "--format=tar", commit())
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def problems() -> list[str]:
    """What `released.json` says wrongly, one sentence each; nothing where the code of the last release is not here."""
    found = []
    for service, revision in revisions().items():
        try:
            names = (
                _git("ls-tree", "--name-only", commit(), f"services/{service}/migrations/").decode().split()
            )
        except NotInClone:
            return []
        except ValueError as error:
            return [str(error)]
        last = max(name.rpartition("/")[2][:4] for name in names if name.rpartition("/")[2][:1].isdigit())
        if last != revision:
            found.append(
                f"deploy/checks/released.json: {service} has {revision}, and its last revision at that commit is {last}"
            )
    return found


def _git(*arguments: str) -> bytes:
    git = shutil.which("git")
    if git is None or not (CHECKOUT / ".git").exists():
        raise NotInClone("this is no clone of the repository")
    command = [git, "-C", str(CHECKOUT)]
    run = subprocess.run([*command, *arguments], capture_output=True, check=False)
    if run.returncode == 0:
        return run.stdout
    if subprocess.run([*command, "rev-parse", "HEAD"], capture_output=True, check=False).returncode != 0:
        raise NotInClone("git reads nothing of this clone")  # for instance, it is somebody else's
    is_shallow = subprocess.run(
        [*command, "rev-parse", "--is-shallow-repository"], capture_output=True, check=False
    )
    if is_shallow.stdout.strip() == b"true":
        raise NotInClone(f"the clone is shallow and lacks {commit()}: fetch its history")
    raise ValueError(f"deploy/checks/released.json: the repository has no commit {commit()}")
