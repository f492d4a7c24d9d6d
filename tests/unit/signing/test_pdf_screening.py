"""Screening of uploads: harmless documents, and generated hostile ones of every kind."""

from __future__ import annotations

import functools
import hashlib
import io
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from services.chassis.pdf_screening import Limits, screen
from services.contracts.errors import Refused
from tests.support.bars import hold_at_best

Build = Callable[..., bytes]

EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys, time
from pathlib import Path
from services.chassis.pdf_screening import Limits, screen
from services.contracts.errors import Refused

beats = []

def beat():
    while True:
        beats.append(time.monotonic())
        eventlet.sleep(0.01)

def one(path):
    try:
        return screen(Path(path).read_bytes()).pages
    except Refused as refused:
        return refused.code

eventlet.spawn(beat)
eventlet.sleep(0)
print(*eventlet.GreenPool(4).imap(one, sys.argv[1:]), max(later - earlier for earlier, later in zip(beats, beats[1:])))
"""


def _changed(change: Callable[[pikepdf.Pdf], None], **saving: Any) -> bytes:
    """A one-page document after a change by pikepdf."""
    output = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        change(pdf)
        pdf.save(output, **saving)
    return output.getvalue()


def _written(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    """A document written by hand: object number -> body, object 1 is the catalog."""
    output = bytearray(b"%PDF-1.7\n")
    offsets = {}
    for number, body in objects.items():
        offsets[number] = len(output)
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(output), max(objects) + 1
    output += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        output += b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 00000 f \n"
    output += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(output)


def _page_with(extra: bytes = b"", catalog: bytes = b"", **more: bytes) -> bytes:
    """A hand-written one-page document; `extra` goes into the page, `o4=…` adds object 4."""
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] %s >>" % extra,
    }
    return _written(objects | {int(name[1:]): body for name, body in more.items()})


def _stream(data: bytes, entries: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _bomb(megabytes: int) -> bytes:
    """So many megabytes of compressed zeros. One compressed megabyte is repeated, which takes a tenth of the time."""
    piece = bytes(1024 * 1024)
    engine = zlib.compressobj(9)
    first, again = (engine.compress(piece) + engine.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    end = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()
    checksum = functools.reduce(lambda last, _: zlib.adler32(piece, last), range(megabytes), 1)
    return first + again * (megabytes - 1) + end + checksum.to_bytes(4, "big")


def _script(pdf: pikepdf.Pdf) -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS="app.alert(1)")


def _open_script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = _script(pdf)


def _named_script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array(["run", pdf.make_indirect(_script(pdf))])))


def _page_event(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.AA = Dictionary(O=Dictionary(S=Name.URI, URI="https://example.org"))


def _annotation(**entries: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        annotation = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), **entries)
        pdf.pages[0].obj.Annots = Array([annotation])

    return change


def _attachment(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["invoice.exe"] = b"MZ"


def _xfa(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array(), XFA=pdf.make_stream(b"<xdp/>"))


def _deep_action(pdf: pikepdf.Pdf) -> None:
    inner: Any = Dictionary(S=Name.Launch, F="calc.exe")
    for _ in range(40):
        inner = Dictionary(Nested=Array([1, inner]))
    pdf.Root.PieceInfo = inner


def _chained_action(pdf: pikepdf.Pdf) -> None:
    _annotation(A=Dictionary(S=Name.URI, URI="https://example.org", Next=Array([_script(pdf)])))(pdf)


def _in_front(junk: bytes) -> bytes:
    return junk + _changed(lambda _: None)


def _with_archive_behind() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.js", "alert(1)")
    return _changed(lambda _: None) + archive.getvalue()


def _xref_loop() -> bytes:
    document = _written({1: b"<< /Type /Catalog >>"})
    start = document.rindex(b"xref\n0")
    return _written({1: b"<< /Type /Catalog >>"}, b"/Prev %d" % start)


def _page_tree_loop() -> bytes:
    return _written(
        {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"}
    )


def _page_tree_explosion() -> bytes:
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        40: b"<< /Type /Page /MediaBox [0 0 9 9] /Parent 39 0 R >>",
    }
    for number in range(2, 40):
        objects[number] = b"<< /Type /Pages /Count 9 /Kids [%s] >>" % (b"%d 0 R " % (number + 1) * 10)
    return _written(objects)


def _object_stream_bomb() -> bytes:
    packed = _bomb(600)
    body = _stream(packed, b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode")
    output = bytearray(b"%PDF-1.7\n1 0 obj\n" + body + b"\nendobj\n")
    start = len(output)
    entries = (
        b"\0\0\0\0\0" + b"\1" + (9).to_bytes(4, "big") + b"\2\0\0\0\1" + b"\1" + start.to_bytes(4, "big")
    )
    xref = _stream(entries, b"/Type /XRef /Size 4 /W [1 4 0] /Root 2 0 R")
    return bytes(output + b"3 0 obj\n" + xref + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % start)


def _many_pages(count: int) -> bytes:
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    kids = b" ".join(b"%d 0 R" % number for number in range(3, count + 3))
    objects[2] = b"<< /Type /Pages /Count 1 /Kids [%s] >>" % kids
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
    return _written(objects | dict.fromkeys(range(3, count + 3), page))


def _encrypted(user: str) -> bytes:
    return _changed(lambda _: None, encryption=pikepdf.Encryption(user=user, owner="owner"))


def _one_page() -> bytes:
    return _changed(lambda _: None)


NOT_PDF, ENCRYPTED, ACTIVE = "document_not_pdf", "document_encrypted", "document_active_content"
LARGE, PAGES, UNREADABLE = "document_too_large", "document_too_many_pages", "document_unreadable"

HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": (NOT_PDF, lambda: b""),
    "html": (NOT_PDF, lambda: b"<html><script>alert(1)</script></html>"),
    "picture": (NOT_PDF, lambda: b"\x89PNG\r\n\x1a\n" + bytes(99)),
    "polyglot_with_html_in_front": (NOT_PDF, lambda: _in_front(b"<script>alert(1)</script>\n")),
    "header_not_at_byte_0": (NOT_PDF, lambda: _in_front(b"\n")),
    "polyglot_with_an_archive_behind": (UNREADABLE, _with_archive_behind),
    "encrypted": (ENCRYPTED, lambda: _encrypted("secret")),
    "encrypted_for_its_owner_only": (ENCRYPTED, lambda: _encrypted("")),
    "script_on_open": (ACTIVE, lambda: _changed(_open_script)),
    "script_on_open_in_an_object_stream": (
        ACTIVE,
        lambda: _changed(_open_script, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    ),
    "script_by_name": (ACTIVE, lambda: _changed(_named_script)),
    "script_with_a_disguised_name": (
        ACTIVE,
        lambda: _page_with(catalog=b"/OpenAction << /S /J#61vaScript /J#53 (x) >>"),
    ),
    "script_behind_a_reference": (
        ACTIVE,
        lambda: _page_with(catalog=b"/OpenAction 4 0 R", o4=b"<< /S 5 0 R >>", o5=b"/JavaScript"),
    ),
    "script_after_a_link": (ACTIVE, lambda: _changed(_chained_action)),
    "script_in_an_address": (
        ACTIVE,
        lambda: _changed(_annotation(A=Dictionary(S=Name.URI, URI="javascript:alert(1)"))),
    ),
    "unknown_action": (ACTIVE, lambda: _changed(_annotation(A=Dictionary(S=Name("/Unheard"))))),
    "launch": (ACTIVE, lambda: _changed(_annotation(A=Dictionary(S=Name.Launch, F="calc.exe")))),
    "launch_deep_inside": (ACTIVE, lambda: _changed(_deep_action)),
    "page_event": (ACTIVE, lambda: _changed(_page_event)),
    "submit_form": (
        ACTIVE,
        lambda: _changed(_annotation(A=Dictionary(S=Name.SubmitForm, F="https://x.example"))),
    ),
    "import_data": (ACTIVE, lambda: _changed(_annotation(A=Dictionary(S=Name.ImportData, F="data.fdf")))),
    "go_to_another_file": (ACTIVE, lambda: _changed(_annotation(A=Dictionary(S=Name.GoToR, F="other.pdf")))),
    "attached_file": (ACTIVE, lambda: _changed(_attachment)),
    "file_attachment_annotation": (ACTIVE, lambda: _page_with(b"/Annots [<< /Subtype /FileAttachment >>]")),
    "rich_media": (ACTIVE, lambda: _page_with(b"/Annots [<< /Subtype /RichMedia >>]")),
    "xfa_form": (ACTIVE, lambda: _changed(_xfa)),
    "unreferenced_script": (ACTIVE, lambda: _page_with(o4=b"<< /S /JavaScript /JS (x) >>")),
    "truncated": (UNREADABLE, lambda: _one_page()[:-40]),
    "truncated_in_the_middle": (UNREADABLE, lambda: _one_page()[:200]),
    "cross_references_in_a_loop": (UNREADABLE, _xref_loop),
    "cross_references_elsewhere": (UNREADABLE, lambda: _one_page().replace(b"startxref\n", b"startxref\n9")),
    "page_tree_in_a_loop": (UNREADABLE, _page_tree_loop),
    "page_tree_that_explodes": (UNREADABLE, _page_tree_explosion),
    "no_pages": (
        UNREADABLE,
        lambda: _written({1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Kids [] /Count 0 >>"}),
    ),
    "a_thousand_nested_arrays": (UNREADABLE, lambda: _page_with(o4=b"[" * 200_000)),
    "decompression_bomb": (
        LARGE,
        lambda: _page_with(b"/Contents 4 0 R", o4=_stream(_bomb(500), b"/Filter /FlateDecode")),
    ),
    "bomb_in_a_bomb": (
        UNREADABLE,
        lambda: _page_with(o4=_stream(zlib.compress(_bomb(450)), b"/Filter [/FlateDecode /FlateDecode]")),
    ),
    "bomb_in_an_object_stream": (UNREADABLE, _object_stream_bomb),
    "run_length_bomb": (
        UNREADABLE,
        lambda: _page_with(o4=_stream(b"\x81A" * 4_000_000, b"/Filter /RunLengthDecode")),
    ),
    "endless_image": (
        LARGE,
        lambda: _page_with(o4=_stream(b"", b"/Type /XObject /Subtype /Image /Width 90000 /Height 90000")),
    ),
    "ten_thousand_pages": (PAGES, lambda: _many_pages(10_000)),
    "twenty_one_megabytes": (LARGE, lambda: _one_page() + b" " * 21 * 1024 * 1024),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_is_refused(kind: str) -> None:
    code, build = HOSTILE[kind]
    with pytest.raises(Refused) as refused:
        screen(build(), field="document")
    assert (refused.value.code, refused.value.field) == (code, "document")


def test_a_plain_document_is_let_in_with_its_pages_size_and_hash(document: Build, tmp_path: Path) -> None:
    pdf = document(pages=3)
    screened = screen(pdf)
    assert (screened.pages, screened.bytes) == (3, len(pdf))
    assert screened.sha256 == hashlib.sha256(pdf).hexdigest()
    path = tmp_path / "$(touch hacked)|.pdf"
    path.write_bytes(pdf)
    assert screen(path) == screened


def test_a_signed_document_is_let_in(document: Build, signed_by: Build) -> None:
    assert screen(signed_by(document(pages=2))).pages == 3


@pytest.mark.parametrize(
    "build",
    [
        lambda: _changed(_annotation(A=Dictionary(S=Name.URI, URI="https://example.org/"))),
        lambda: _page_with(catalog=b"/OpenAction [3 0 R /Fit]"),
        lambda: _page_with(catalog=b"/OpenAction << /S /GoTo /D [3 0 R /Fit] >>"),
        lambda: _page_with(b"/Trans << /S /Dissolve >> /Group << /S /Transparency >>"),
        lambda: _page_with(b"/Contents 4 0 R", o4=_stream(b"0 0 9 9 re f", b"")),
        lambda: _page_with(
            b"/Contents 4 0 R", o4=_stream(b"302030203920392072652066>", b"/Filter /ASCIIHexDecode")
        ),
        lambda: _changed(lambda _: None, linearize=True),
        lambda: _changed(lambda _: None, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    ],
    ids=[
        "link",
        "destination",
        "go_to",
        "transition",
        "plain_content",
        "hexadecimal",
        "linearised",
        "object_streams",
    ],
)
def test_harmless_documents_are_let_in(build: Callable[[], bytes]) -> None:
    assert screen(build()).pages == 1


def test_limits_are_settings(document: Build) -> None:
    pdf = document()
    with pytest.raises(Refused) as refused:
        screen(document(pages=4), limits=Limits(max_pages=3))
    assert refused.value.code == "document_too_many_pages"
    assert screen(document(pages=3), limits=Limits(max_pages=3)).pages == 3
    with pytest.raises(Refused) as refused:
        screen(pdf, limits=Limits(max_bytes=len(pdf) - 1))
    assert refused.value.code == "document_too_large"
    assert screen(pdf, limits=Limits(max_bytes=len(pdf))).bytes == len(pdf)


def test_a_child_that_runs_out_of_time_is_a_refusal(document: Build) -> None:
    with pytest.raises(Refused) as refused:
        screen(document(), limits=Limits(wall_s=0.001))
    assert refused.value.code == "document_unreadable"


def test_a_child_that_runs_out_of_memory_is_a_refusal(document: Build) -> None:
    with pytest.raises(Refused) as refused:
        screen(document(), limits=Limits(memory_bytes=1024 * 1024))
    assert refused.value.code == "document_unreadable"


def test_screening_under_eventlet_lets_the_loop_go_on(document: Build, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(document(pages=2))
    bad.write_bytes(_changed(_open_script))
    hold_at_best(lambda: screen_under_eventlet(good, bad))


def screen_under_eventlet(good: Path, bad: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EVENTLET, *[str(each) for each in (good, bad, good)]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *verdicts, longest_stall_s = done.stdout.split()
    assert verdicts == ["2", "document_active_content", "2"]
    assert float(longest_stall_s) < 0.5
