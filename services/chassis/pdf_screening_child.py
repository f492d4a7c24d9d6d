"""Screening, within the limited child process: whether a PDF may be let in, as one line of JSON.

The line is `{"pages": 3}` or `{"code": "document_…", "detail": "…"}`.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pikepdf

# Keys and names that make a document do something or carry something else: ISO 32000-2, 12.6 (actions), 7.11.4
# (embedded files), 12.7.8 (XFA), 13 (multimedia). Their presence alone is refused: a document to be signed needs none of them.
FORBIDDEN_KEYS = frozenset(
    {
        *(
            "/JavaScript",
            "/JS",
            "/AA",
            "/Launch",
            "/SubmitForm",
            "/ImportData",
            "/GoToR",
            "/GoToE",
            "/Rendition",
        ),
        *("/EmbeddedFile", "/EmbeddedFiles", "/EF", "/XFA", "/NeedsRendering"),
        *("/RichMedia", "/RichMediaContent", "/RichMediaSettings"),
    }
)
FORBIDDEN_ACTIONS = frozenset(
    {
        *(
            "/JavaScript",
            "/Launch",
            "/SubmitForm",
            "/ImportData",
            "/ResetForm",
            "/GoToR",
            "/GoToE",
            "/GoToDp",
        ),
        *(
            "/Rendition",
            "/RichMediaExecute",
            "/Movie",
            "/Sound",
            "/GoTo3DView",
            "/Hide",
            "/SetOCGState",
            "/Trans",
        ),
    }
)
FORBIDDEN_KINDS = frozenset(
    {
        *("/EmbeddedFile", "/FileAttachment", "/Screen", "/Movie", "/Sound", "/3D"),
        *("/RichMedia", "/RichMediaSettings"),
    }
)
HARMLESS_ACTIONS = frozenset(("/GoTo", "/URI", "/Named", "/Thread"))
ACTION_KEYS = ("/A", "/OpenAction", "/Next", "/PA")
END_OF_FILE = re.compile(rb"startxref[\r\n\t ]+\d+[\r\n\t ]+%%EOF[\s\x00]*\Z")
WEB_ADDRESS = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
# A page without /Resources violates ISO 32000, but is common and unambiguous.
HARMLESS_WARNING = "Resources is missing or invalid; repairing"
INFLATE_STEP, DEFLATED_STEP = 1024 * 1024, 64 * 1024
FILTER_CHAIN_LIMIT = 3
CHEAP_FILTERS = frozenset(("/ASCII85Decode", "/A85", "/ASCIIHexDecode", "/AHx"))
LZW = frozenset(("/LZWDecode", "/LZW"))
LZW_PARAMETERS = ("/EarlyChange", "/Predictor", "/Colors", "/BitsPerComponent", "/Columns")
RUN_LENGTH = frozenset(("/RunLengthDecode", "/RL"))
FLATE = frozenset(("/FlateDecode", "/Fl"))
GROWING_FILTERS = FLATE | LZW | RUN_LENGTH


class Verdict(Exception):
    """The document is refused, with a code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.answer = {"code": code, "detail": detail}


def answer(file: BinaryIO, limits: dict[str, Any]) -> bytes:
    """The verdict as one line of JSON."""
    verdict: dict[str, Any]
    try:
        verdict = {"pages": judge(file, limits)}
    except Verdict as refused:
        verdict = refused.answer
    except (pikepdf.PdfError, MemoryError, RecursionError, ValueError, TypeError, KeyError, zlib.error):
        verdict = _unreadable().answer
    return json.dumps(verdict).encode()


def judge(file: BinaryIO, limits: dict[str, Any]) -> int:
    """The number of pages of an acceptable document. Raises Verdict, or what pikepdf raises on damage."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - 2048))
    if not END_OF_FILE.search(file.read()):
        # The file is cut off, or has data after its end: it could be a second format, too, as ZIP is read from the end.
        raise _unreadable()
    try:
        # Recovery guesses, and two parsers that guess differently show two different documents.
        document = pikepdf.open(file, attempt_recovery=False, access_mode=pikepdf.AccessMode.stream)
    except pikepdf.PasswordError:
        raise Verdict(
            "document_encrypted", "The document is encrypted. Save it without a password."
        ) from None
    with document:
        if document.is_encrypted or "/Encrypt" in document.trailer:
            raise Verdict("document_encrypted", "The document is encrypted. Save it without protection.")
        _judge_objects(document, limits)
        pages = len(document.pages)
    if not pages:
        raise _unreadable()
    if pages > limits["max_pages"]:
        raise Verdict("document_too_many_pages", f"A document may have at most {limits['max_pages']} pages.")
    return pages


def _judge_objects(document: pikepdf.Pdf, limits: dict[str, Any]) -> None:
    budget = _DecodeBudget(limits["max_decoded_bytes"])
    _judge_dictionary(document.trailer)
    for thing in document.objects:
        for each in _nested(thing):
            _judge_dictionary(each)
            if isinstance(each, pikepdf.Stream):
                _judge_image(each, limits["max_image_pixels"])
                budget.spend_on(each)
    if not all(str(each).endswith(HARMLESS_WARNING) for each in document.get_warnings()):
        # qpdf read something as null or guessed, so a viewer might show something else than was judged.
        raise _unreadable()


def _nested(thing: Any) -> Iterator[Any]:
    """The dictionaries and streams directly inside an object. Referenced objects are in `document.objects` themselves."""
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if isinstance(each, pikepdf.Dictionary | pikepdf.Stream):
            yield each
            waiting.extend(value for value in _values(each) if not value.is_indirect)
        elif isinstance(each, pikepdf.Array):
            waiting.extend(value for value in _items(each) if not value.is_indirect)


def _values(dictionary: Any) -> list[Any]:
    return [value for _, value in dictionary.items() if isinstance(value, pikepdf.Object)]


def _items(array: Any) -> list[Any]:
    return [value for value in array if isinstance(value, pikepdf.Object)]


def _judge_dictionary(dictionary: Any) -> None:
    found = FORBIDDEN_KEYS.intersection(dictionary.keys())
    if found or (_name(dictionary, "/S") in FORBIDDEN_ACTIONS and not _is_structure(dictionary)):
        raise _active()
    if _name(dictionary, "/Subtype") in FORBIDDEN_KINDS or _name(dictionary, "/Type") in FORBIDDEN_KINDS:
        raise _active()
    if _name(dictionary, "/S") == "/URI" and not WEB_ADDRESS.match(str(dictionary.get("/URI", ""))):
        raise _active()
    for key in ACTION_KEYS:
        action = dictionary.get(key)
        if (
            isinstance(action, pikepdf.Dictionary)
            and "/S" in action
            and _name(action, "/S") not in HARMLESS_ACTIONS
        ):
            raise _active()


def _is_structure(dictionary: Any) -> bool:
    """Whether it is a page transition or structure element: their /S names a kind, and no action."""
    return _name(dictionary, "/Type") in ("/StructElem", "/Trans")


def _judge_image(stream: Any, max_pixels: int) -> None:
    if _name(stream, "/Subtype") != "/Image":
        return
    width, height = stream.get("/Width", 0), stream.get("/Height", 0)
    if int(width) < 0 or int(height) < 0 or int(width) * int(height) > max_pixels:
        raise Verdict("document_too_large", "The document contains an image that is too large.")


def _name(dictionary: Any, key: str) -> str | None:
    value = dictionary.get(key)
    return str(value) if isinstance(value, pikepdf.Name) else None


class _DecodeBudget:
    """Counts what the streams of a document expand to.

    Flate and run lengths are counted piece by piece. The rare LZW is expanded whole; the memory limit of this process bounds it.
    """

    def __init__(self, total: int) -> None:
        self._left = total

    def spend_on(self, stream: Any) -> None:
        """Raises Verdict when the document's streams together expand beyond the limit."""
        filters = [str(each) for each in _filters(stream)]
        if len(filters) > FILTER_CHAIN_LIMIT or sum(each in GROWING_FILTERS for each in filters) > 1:
            # Nested compression turns a small file into a huge one. No ordinary program writes it.
            raise _unreadable()
        if GROWING_FILTERS.isdisjoint(filters):
            return
        # A view: of a large stream there is no second copy.
        data = memoryview(stream.get_raw_stream_buffer())
        for number, each in enumerate(filters):
            if each in FLATE:
                self._inflate(data)
                return
            if each in RUN_LENGTH:
                self._count_runs(data)
                return
            if each in LZW:
                self._expand_whole(stream, data, number)
                return
            if each not in CHEAP_FILTERS:
                if not GROWING_FILTERS.isdisjoint(
                    filters
                ):  # a picture within compressed data, and not the other way round
                    raise _unreadable()
                return
            data = memoryview(_decode_text(each, bytes(data)))

    def _count_runs(self, data: memoryview) -> None:
        """ISO 32000-2, 7.4.5: a length below 128 goes before so many bytes and one more; one above it before a byte that repeats."""
        at, end = 0, len(data)
        while at < end and data[at] != 128:
            length = data[at]
            self._take(length + 1 if length < 128 else 257 - length)
            at += length + 2 if length < 128 else 2

    def _expand_whole(self, stream: Any, data: memoryview, number: int) -> None:
        """What LZW expands to, whatever filters come after it."""
        document = pikepdf.new()
        alone = pikepdf.Stream(document, bytes(data))
        alone["/Filter"] = pikepdf.Name.LZWDecode
        parameters = stream.get("/DecodeParms", stream.get("/DP"))
        if isinstance(parameters, pikepdf.Array):
            parameters = parameters[number] if number < len(parameters) else None
        if isinstance(parameters, pikepdf.Dictionary):
            alone["/DecodeParms"] = pikepdf.Dictionary(
                {name: int(value) for name, value in parameters.items() if name in LZW_PARAMETERS}
            )
        self._take(len(alone.read_bytes()))

    def _inflate(self, data: memoryview) -> None:
        engine = zlib.decompressobj()
        for start in range(0, len(data), DEFLATED_STEP):
            part: bytes | memoryview = data[start : start + DEFLATED_STEP]
            while part and not engine.eof:
                try:
                    self._take(len(engine.decompress(part, INFLATE_STEP)))
                except zlib.error:
                    # Readers show the data before the damage, so that much is counted. The parser has judged the structure.
                    return
                part = engine.unconsumed_tail

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Verdict("document_too_large", "The document expands to more data than is allowed.")


def _filters(stream: Any) -> list[Any]:
    value = stream.get("/Filter", pikepdf.Array())
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def _decode_text(name: str, data: bytes) -> bytes:
    """ASCII85 or ASCII hexadecimal to bytes. Raises ValueError for any other character."""
    if name in ("/ASCII85Decode", "/A85"):
        return base64.a85decode(data.partition(b"~>")[0].removeprefix(b"<~"), ignorechars=b" \t\n\r\v\f\x00")
    digits = b"".join(data.partition(b">")[0].replace(b"\x00", b"").split())
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _active() -> Verdict:
    return Verdict(
        "document_active_content",
        "The document contains scripts, actions, forms that send data, media or attached files. Print it to a new PDF.",
    )


def _unreadable() -> Verdict:
    return Verdict(
        "document_unreadable",
        "The document is damaged or too complex to be read safely. Print it to a new PDF.",
    )
