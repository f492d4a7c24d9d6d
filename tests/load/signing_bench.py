"""Documents signed a second, beside a bare loop of pyHanko with the same loaded key and the same time stamps, in one process.

Both make a PAdES B-T signature. Ours also draws what readers see of it: a page, or a stamp with name, time and meaning.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import SigSeedSubFilter

from services.signing.pdf.certificates import Authority
from services.signing.pdf.signature import RsaSigner, sign
from services.signing.pdf.timestamps import timestamper
from tests.load.bars import Bar
from tests.support.pdfs import a_pdf

DOCUMENTS = 20  # of each turn
OF_BARE, P95_S = 0.8, 1.0


def bench_signing(rounds: int) -> list[Bar]:
    """Print both rates, by processor time, and the bars."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), "a passphrase for a measurement")
        credential, clock = authority.signer_for("harbor", "Harbor House"), timestamper("local", authority)
        pdf = a_pdf("Plan of care")

        def ours() -> None:
            sign(
                io.BytesIO(pdf),
                io.BytesIO(),
                signer=credential,
                timestamper=clock,
                signer_name="Ana Ruiz",
                reason="",
                meaning="Approval",
                location="",
                signed_at=datetime.now(UTC),
                field_name="signature",
            )

        metadata = PdfSignatureMetadata(
            field_name="signature", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        )
        signer = PdfSigner(metadata, signer=RsaSigner(credential), timestamper=clock)

        def bare() -> None:
            signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), output=io.BytesIO())

        ours(), bare()  # what is loaded with the first document
        figures = [(_cpu_s(ours), _cpu_s(bare)) for _ in range(rounds)]
        took = sorted(_wall_s(ours) for _ in range(DOCUMENTS))
    own, plain = (statistics.median(each) for each in zip(*figures, strict=True))
    print(f"signed a second of processor time: ours {1 / own:.1f}, bare pyHanko {1 / plain:.1f}")
    return [
        Bar("documents signed / bare pyHanko", plain / own, least=OF_BARE),
        Bar("seconds to sign, p95", took[int(len(took) * 0.95) - 1], most=P95_S),
    ]


def _cpu_s(work: Callable[[], None]) -> float:
    """Seconds of processor time of one document."""
    began = time.process_time()
    for _ in range(DOCUMENTS):
        work()
    return (time.process_time() - began) / DOCUMENTS


def _wall_s(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
