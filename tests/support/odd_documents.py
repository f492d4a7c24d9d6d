"""Documents of odd shapes that other programs write: valid PDFs, or ones that viewers open all the same."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import MDPPerm, SigFieldSpec

from services.signing.pdf.certificates import Credential
from services.signing.pdf.signature import RsaSigner

CONTENT = b"<</Length 40>>\nstream\nBT /F1 24 Tf 72 720 Td (Care plan) Tj ET\nendstream"
PLAIN = {
    1: b"<</Type/Catalog/Pages 2 0 R>>",
    2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    3: b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>>>",
    4: CONTENT,
    5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
}


def written(objects: dict[int, bytes], version: bytes = b"1.7", line: bytes = b"\n") -> bytes:
    """A PDF of these objects, with the first as its catalogue."""
    out, places = b"%PDF-" + version + line, {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj" % number + line + body + line + b"endobj" + line
    start, size = len(out), max(objects) + 1
    table = b"0000000000 65535 f \n" + b"".join(
        b"%010d 00000 n \n" % places[each] for each in sorted(objects)
    )
    assert sorted(objects) == list(range(1, size))
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return out + b"xref\n0 %d\n" % size + table + trailer


def _page(more: bytes, box: bytes = b"/MediaBox[0 0 595 842]") -> bytes:
    return PLAIN[3].replace(b"/MediaBox[0 0 595 842]", box + more)


def _catalogue(more: bytes) -> bytes:
    return PLAIN[1].replace(b">>", more + b">>")


def _stream(raw: bytes, filters: bytes) -> bytes:
    return b"<</Length %d%s>>\nstream\n" % (len(raw), filters) + raw + b"\nendstream"


def _saved(**how: Any) -> bytes:
    output = io.BytesIO()
    with pikepdf.open(io.BytesIO(written(PLAIN))) as document:
        document.save(output, **how)
    return output.getvalue()


def _updated(update: bytes, entry: bytes) -> bytes:
    """With an object of a later generation that nothing has freed."""
    first = written(PLAIN)
    place = len(first)
    body = first + update
    old = first.rindex(b"startxref\n") + 10
    previous = first[old : first.index(b"\n", old)]
    trailer = b"trailer\n<</Size 6/Root 1 0 R/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (previous, len(body))
    return body + b"xref\n" + entry % place + trailer


WIDGET = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(x)/Rect[10 10 90 40]>>"
# By name; each has one page that says "Care plan".
ODD: dict[str, Callable[[], bytes]] = {
    "plain": lambda: written(PLAIN),
    "version 1.2": lambda: written(PLAIN, b"1.2"),
    "version 2.0": lambda: written(PLAIN, b"2.0"),
    "lines that end in CR LF": lambda: written(PLAIN, line=b"\r\n"),
    "list of annotations elsewhere": lambda: written(PLAIN | {3: _page(b"/Annots 6 0 R"), 6: b"[]"}),
    "annotation that is null": lambda: written(PLAIN | {3: _page(b"/Annots[null]")}),
    "list of annotations that is null": lambda: written(PLAIN | {3: _page(b"/Annots null")}),
    "annotation within the page": lambda: written(
        PLAIN | {3: _page(b"/Annots[<</Subtype/Link/Rect[0 0 9 9]>>]")}
    ),
    "sides of the page elsewhere": lambda: written(
        PLAIN | {3: _page(b"", b"/MediaBox[0 0 6 0 R 7 0 R]"), 6: b"595", 7: b"842"}
    ),
    "size of the page elsewhere": lambda: written(
        PLAIN | {3: _page(b"", b"/MediaBox 6 0 R"), 6: b"[0 0 595 842]"}
    ),
    "size of the page from above": lambda: written(
        PLAIN | {2: b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]>>", 3: _page(b"", b"")}
    ),
    "size of the page turned round": lambda: written(PLAIN | {3: _page(b"", b"/MediaBox[595 842 0 0]")}),
    "page away from the origin": lambda: written(PLAIN | {3: _page(b"", b"/MediaBox[-100 -50 495 792.5]")}),
    "crop box elsewhere": lambda: written(PLAIN | {3: _page(b"/CropBox 6 0 R"), 6: b"[50 50 500 800]"}),
    "crop box beside the page": lambda: written(PLAIN | {3: _page(b"/CropBox[900 900 950 950]")}),
    "turn elsewhere": lambda: written(PLAIN | {3: _page(b"/Rotate 6 0 R"), 6: b"90"}),
    "turn by less than nothing": lambda: written(PLAIN | {3: _page(b"/Rotate -90")}),
    "turn that is none": lambda: written(PLAIN | {3: _page(b"/Rotate 45")}),
    "units of its own": lambda: written(PLAIN | {3: _page(b"/UserUnit 2")}),
    "tiny page": lambda: written(PLAIN | {3: _page(b"", b"/MediaBox[0 0 20 20]")}),
    "huge page": lambda: written(PLAIN | {3: _page(b"", b"/MediaBox[0 0 14400 14400]")}),
    "pages in a list elsewhere": lambda: written(
        PLAIN | {2: b"<</Type/Pages/Kids 6 0 R/Count 7 0 R>>", 6: b"[3 0 R]", 7: b"1"}
    ),
    "pages within pages": lambda: written(
        PLAIN
        | {2: b"<</Type/Pages/Kids[6 0 R]/Count 1>>", 3: PLAIN[3].replace(b"/Parent 2", b"/Parent 6")}
        | {6: b"<</Type/Pages/Parent 2 0 R/Kids[3 0 R]/Count 1>>"}
    ),
    "empty list of pages before": lambda: written(
        PLAIN
        | {2: b"<</Type/Pages/Kids[6 0 R 3 0 R]/Count 1>>", 6: b"<</Type/Pages/Parent 2 0 R/Kids[]/Count 0>>"}
    ),
    "empty list of pages after": lambda: written(
        PLAIN
        | {2: b"<</Type/Pages/Kids[3 0 R 6 0 R]/Count 1>>", 6: b"<</Type/Pages/Parent 2 0 R/Kids[]/Count 0>>"}
    ),
    "form elsewhere": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm 6 0 R"), 6: b"<</Fields[]>>"}),
    "fields elsewhere": lambda: written(
        PLAIN | {1: _catalogue(b"/AcroForm<</Fields 6 0 R/SigFlags 7 0 R>>"), 6: b"[]", 7: b"0"}
    ),
    "field that is null": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm<</Fields[null]>>")}),
    "field within the list": lambda: written(
        PLAIN | {1: _catalogue(b"/AcroForm<</Fields[<</FT/Tx/T(name)>>]>>")}
    ),
    "field that is a number": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm<</Fields[7]>>")}),
    "field without a name": lambda: written(
        PLAIN
        | {
            1: _catalogue(b"/AcroForm<</Fields[6 0 R]>>"),
            6: b"<</FT/Tx/Subtype/Widget/Rect[1 1 9 9]/P 3 0 R>>",
        }
    ),
    "form without fields": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm<</DA(/Helv 0 Tf)>>")}),
    "fields that are no list": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm<</Fields(none)>>")}),
    "form that is null": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm null")}),
    "form that is a list": lambda: written(PLAIN | {1: _catalogue(b"/AcroForm[]")}),
    "extensions elsewhere": lambda: written(
        PLAIN
        | {
            1: _catalogue(b"/Extensions 6 0 R"),
            6: b"<</ADBE 7 0 R>>",
            7: b"<</BaseVersion/1.7/ExtensionLevel 3>>",
        }
    ),
    "newer version in the catalogue": lambda: written(PLAIN | {1: _catalogue(b"/Version/2.0")}),
    "content in parts": lambda: written(
        PLAIN | {3: PLAIN[3].replace(b"4 0 R", b"[6 0 R 4 0 R]"), 6: _stream(b"q Q", b"")}
    ),
    "length of the content elsewhere": lambda: written(
        PLAIN | {4: CONTENT.replace(b"/Length 40", b"/Length 6 0 R"), 6: b"40"}
    ),
    "run lengths": lambda: written(PLAIN | {6: _stream(b"\x01ab\xfec\x80", b"/Filter/RunLengthDecode")}),
    "run lengths in hexadecimal": lambda: written(
        PLAIN | {6: _stream(b"016162FE6380>", b"/Filter[/AHx/RL]")}
    ),
    "LZW": lambda: written(
        PLAIN
        | {
            6: _stream(
                bytes.fromhex("800B6050220C0C8501"), b"/Filter/LZWDecode/DecodeParms<</EarlyChange 1>>"
            )
        }
    ),
    "LZW around a photograph": lambda: written(
        PLAIN | {6: _stream(bytes.fromhex("800B6050220C0C8501"), b"/Filter[/LZWDecode/DCTDecode]")}
    ),
    "hexadecimal": lambda: written(PLAIN | {6: _stream(b"71 20 51>", b"/Filter/ASCIIHexDecode")}),
    "compressed objects": lambda: _saved(object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "made for the web": lambda: _saved(linearize=True),
    "compressed anew": lambda: _saved(recompress_flate=True, compress_streams=True),
    "updated once": lambda: _updated(b"5 0 obj\n" + PLAIN[5] + b"\nendobj\n", b"5 1\n%010d 00000 n \n"),
    "generation that nothing freed": lambda: _updated(
        b"5 1 obj\n" + PLAIN[5] + b"\nendobj\n", b"5 1\n%010d 00001 n \n"
    ),
    "empty signature field": lambda: written(
        PLAIN
        | {
            1: _catalogue(b"/AcroForm<</Fields[6 0 R]>>"),
            3: _page(b"/Annots[6 0 R]"),
            6: b"<</FT/Sig/T(theirs)/Subtype/Widget/Rect[24 8 200 54]/P 3 0 R>>",
        }
    ),
    "filled form": lambda: written(
        PLAIN | {1: _catalogue(b"/AcroForm<</Fields[6 0 R]>>"), 3: _page(b"/Annots[6 0 R]"), 6: WIDGET}
    ),
}


def shown_as(turned: int, crop: str | None = None) -> bytes:
    """A page that is shown turned, and only in part."""
    return written(
        PLAIN | {3: _page(b"/Rotate %d%s" % (turned, f"/CropBox{crop}".encode() if crop else b""))}
    )


_OUTSIDER: list[Credential] = []


def outsider() -> Credential:
    """Somebody whom nobody here trusts."""
    if not _OUTSIDER:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Outside signer")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(7).not_valid_before(now - timedelta(days=1))
        _OUTSIDER.append(
            Credential(key, made.not_valid_after(now + timedelta(days=9)).sign(key, hashes.SHA256()))
        )
    return _OUTSIDER[0]


def signed_outside(pdf: bytes, names: Iterator[str] | list[str], box: Any = None, **how: Any) -> bytes:
    """Signed by an outsider, invisibly unless there is a box."""
    for name in names:
        metadata = PdfSignatureMetadata(field_name=name, md_algorithm="sha256", **how)
        field = SigFieldSpec(name, on_page=-1, box=box) if box else None
        signer = PdfSigner(metadata, RsaSigner(outsider()), new_field_spec=field)
        pdf = signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf))).getvalue()
    return pdf


def certified(permission: MDPPerm) -> bytes:
    """A document whose author allows so much and no more."""
    return signed_outside(written(PLAIN), ["Author"], certify=True, docmdp_permissions=permission)
