"""Large documents go up, are signed and come down in parts, and no process grows by their size."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.client import Portico
from tests.support.odd_documents import PLAIN, written
from tests.support.stack import RunningStack

MIB = 2**20
MOST_MORE = 24 * MIB  # a process that reads one whole would grow by more
LOOKED_EVERY_S = 0.005
PROVIDER = "large.keeper@shelter.example.org"


def of_bytes(size: int) -> bytes:
    """A document with a photograph that cannot be compressed any more."""
    photograph = (
        b"<</Type/XObject/Subtype/Image/Width 9/Height 9/Filter/DCTDecode/Length %d>>\nstream\n" % size
    )
    return written(PLAIN | {6: photograph + os.urandom(size) + b"\nendstream"})


def peak_of(process: psutil.Process) -> int:
    """The most memory that a process ever held, in bytes. 0: it has ended."""
    try:
        status = (
            Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        )
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((each for each in status if each.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


class Watched:
    """The peaks of gateway and signing, and of the children in which signing reads files, by the job that they do."""

    def __init__(self, portico: RunningStack) -> None:
        names = ("gateway", "signing")
        self.processes = {name: psutil.Process(portico.stack.supervisor.pid(name)) for name in names}
        self.peaks: dict[str, int] = {}

    @contextmanager
    def watching(self) -> Iterator[dict[str, int]]:
        """Peaks while this goes on."""
        self.peaks = {}
        done = threading.Event()
        for each in self.processes.values():
            for one in (each, *each.children(recursive=True)):
                Path(f"/proc/{one.pid}/clear_refs").write_text("5")  # the peak begins anew
        watcher = threading.Thread(target=self._watch, args=(done,))
        watcher.start()
        try:
            yield self.peaks
        finally:
            done.set()
            watcher.join()

    def _watch(self, done: threading.Event) -> None:
        while True:
            is_last = done.wait(LOOKED_EVERY_S)
            for name, process in self.processes.items():
                for each in (process, *process.children(recursive=True)):
                    self._note(name, process, each)
            if is_last:
                return

    def _note(self, name: str, process: psutil.Process, each: psutil.Process) -> None:
        if each != process:
            try:
                command = each.cmdline()
            except psutil.Error:
                return
            job = next((one for one in command if one.endswith("_child.py") and "limited" not in one), None)
            name = Path(job).name if job else name
        self.peaks[name] = max(self.peaks.get(name, 0), peak_of(each))


def sent_signed_and_read(portico: RunningStack, account: Any, provider: Portico, content: bytes) -> bytes:
    """A document goes the whole way; what is downloaded at its end."""
    sent = portico.staff.upload(
        "/v1/documents",
        content,
        "plan.pdf",
        "application/pdf",
        expect=201,
        title="Large",
        recipient_account_id=account["id"],
    )
    address = f"/v1/documents/{sent['id']}"
    assert provider.get(f"{address}/pages")["pages"] == 1
    assert provider.download(f"{address}/pages/1/picture").startswith(b"\x89PNG")
    signed = provider.act(
        f"{address}/signature", version=provider.get(address)["version"], meaning="approval"
    )
    assert signed["state"] == "signed"
    return provider.download(f"{address}/file")


@pytest.mark.seed("S4-12", "S4-14")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [32 * MIB, pytest.param(49 * MIB, marks=pytest.mark.full)])
def test_no_process_grows_by_the_size_of_a_document(portico: RunningStack, size: int) -> None:
    account, provider = portico.create_provider(f"{size}.{PROVIDER}", [])
    watched = Watched(portico)
    small, large = of_bytes(1000), of_bytes(size)
    sent_signed_and_read(portico, account, provider, small)  # what is loaded once
    with watched.watching() as before:
        sent_signed_and_read(portico, account, provider, small)
    with watched.watching() as peaks:
        signed = sent_signed_and_read(portico, account, provider, large)

    more = {name: (peak - before.get(name, 0)) // MIB for name, peak in peaks.items()}
    print("more memory in MiB:", more)
    assert signed.startswith(large)
    assert {"gateway", "signing", "pdf_screening_child.py", "trial_child.py", "drawing_child.py"} <= set(more)
    assert max(more.values()) * MIB <= MOST_MORE


def test_a_download_that_broke_off_goes_on(portico: RunningStack) -> None:
    account, provider = portico.create_provider(f"parts.{PROVIDER}", [])
    whole = sent_signed_and_read(portico, account, provider, of_bytes(2 * MIB))
    (document,) = provider.get("/v1/documents")["items"]
    address = f"{provider.url}/v1/documents/{document['id']}/file"
    etag = provider._session.head(address, timeout=30).headers["ETag"]

    parts = [
        provider._session.get(
            address, headers={"Range": f"bytes={start}-{start + MIB - 1}", "If-Range": etag}, timeout=30
        )
        for start in range(0, len(whole), MIB)
    ]

    assert [each.status_code for each in parts] == [206] * len(parts)
    assert hashlib.sha256(b"".join(each.content for each in parts)).digest() == hashlib.sha256(whole).digest()
    beyond = provider._session.get(address, headers={"Range": f"bytes={len(whole)}-"}, timeout=30)
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
