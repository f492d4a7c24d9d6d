"""The files of documents stay as long as a document refers to them, and no others do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from services.chassis import pdf_screening, unused_files
from services.chassis.blobs import UPLOADS
from services.chassis.loop import Loops
from services.contracts.errors import Refused
from services.signing import service as signing_service
from services.signing.documents import handlers, queries
from tests.support.in_process import BAYSIDE, HARBOR


def kept(office: Any) -> set[str]:
    """The files that are kept, by their SHA-256."""
    return {path.name for path in office.process.files() if path.parent.parent.name == HARBOR[0]}


@pytest.fixture
def sweep(office: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The service's own loop, and the gateway's for uploads."""
    runtime = office.process.runtime
    whole = SimpleNamespace(**vars(runtime) | {"loops": Loops()})
    monkeypatch.setattr(signing_service, "Runtime", lambda *_: whole)
    signing_service.start_runtime(runtime.settings)
    (loop,) = [each for each in whole.loops if each.name == unused_files.LOOP]

    def once() -> None:
        assert loop._work()
        runtime.blobs.sweep_passing(24 * 3600, UPLOADS)

    return once


def test_nine_refused_documents_leave_nothing(office: Any, sweep: Callable[[], None]) -> None:
    for number in range(9):
        with pytest.raises(Refused) as refused:
            office.send(b"No PDF, but a picture %d" % number)
        assert refused.value.code == "document_not_pdf"
    assert kept(office) == set()
    office.process.age_files(24.1)

    sweep()

    assert office.process.files() == []
    assert office.process.runtime.blobs.stored_bytes(HARBOR[0]) == 0


def test_what_was_sent_and_what_was_signed_stay(office: Any, sweep: Callable[[], None]) -> None:
    sent, pending = office.send(title="Signed"), office.send(title="Pending")
    signed = office.sign(sent)
    assert pending["sha256"] == sent["sha256"]
    office.process.age_files(1000)

    sweep()

    assert kept(office) == {sent["sha256"], signed["sha256"]}
    assert office.file(signed).startswith(b"%PDF-")
    assert office.file(pending) == office.file(sent)


def test_what_a_gateway_of_an_earlier_version_has_taken_in_is_sent(
    office: Any, sweep: Callable[[], None], pdf: Any
) -> None:
    sha256, size = office.process.runtime.blobs.put(HARBOR[0], [pdf()], 10**6)
    office.process.age_files(1000)
    sent = office.send(document={"sha256": sha256, "size": size})
    sweep()
    assert office.file(sent) == pdf()


def test_each_organisation_keeps_its_own(office: Any, sweep: Callable[[], None], pdf: Any) -> None:
    sent = office.send()
    office.process.runtime.blobs.put(BAYSIDE[0], [pdf()], 10**6)
    office.process.age_files(1000)

    sweep()

    assert kept(office) == {sent["sha256"]}
    assert [path.name for path in office.process.files()] == [sent["sha256"]]


def test_a_file_that_was_kept_and_not_recorded_goes_after_its_time_and_not_before(
    office: Any, sweep: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the two."""

    def ends(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(handlers, "send_document", ends)
    with pytest.raises(KeyboardInterrupt):
        office.send()
    office.process.age_files(23.9)
    sweep()
    assert len(kept(office)) == 1
    office.process.age_files(0.2)

    sweep()

    assert office.process.files() == []


def test_a_signed_file_that_was_not_recorded_goes_and_its_original_stays(
    office: Any, sweep: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = office.send()

    def ends(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(handlers, "sign_document", ends)
    with pytest.raises(KeyboardInterrupt):
        office.sign(sent)
    assert len(kept(office)) == 2
    office.process.age_files(24.1)

    sweep()

    assert kept(office) == {sent["sha256"]}


def test_an_upload_that_goes_while_it_is_screened_is_not_recorded(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = pdf_screening.screen

    def too_long(path: Path, **more: Any) -> Any:
        screened = screen(path, **more)
        office.process.runtime.blobs.sweep_passing(-1, UPLOADS)
        return screened

    monkeypatch.setattr(pdf_screening, "screen", too_long)
    with pytest.raises(Refused) as refused:
        office.send()

    assert (refused.value.code, refused.value.field) == ("not_found", "document")
    assert "Upload it again" in refused.value.detail
    assert office.titles() == []


def test_of_the_files_that_are_asked_for_those_of_documents_are_in_use(office: Any) -> None:
    sent, signed = office.send(), office.sign(office.send(title="Signed"))
    with office.process.database.reading(HARBOR[0]) as session:
        in_use = [
            queries.files_in_use(session, asked) for asked in ([sent["sha256"], "b"], [signed["sha256"]], [])
        ]
    assert in_use == [{sent["sha256"]}, {signed["sha256"]}, set()]


@pytest.mark.parametrize("column", ["original_sha256", "signed_sha256"])
def test_the_sweep_finds_documents_by_an_index(office: Any, column: str) -> None:
    """However many documents there are."""
    asked = f"SELECT {column} FROM documents WHERE organisation_id = 'a' AND {column} IN ('b', 'c')"
    with office.process.database.reading(HARBOR[0]) as session:
        queries.files_in_use(session, ["b", "c"])
        plan = " ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {asked}")))
    assert f"ix_documents_organisation_id_{column} (organisation_id=? AND {column}=?)" in plan
