"""The child that draws: a record on standard input, the number of pages and the PDF on standard output."""

from __future__ import annotations

import pickle
import sys

from services.referrals.records.pdf.layout import render

if __name__ == "__main__":
    content, pages = render(pickle.load(sys.stdin.buffer))  # noqa: S301 - written by our own parent a moment ago
    sys.stdout.buffer.write(b"%d\n" % pages + content)
