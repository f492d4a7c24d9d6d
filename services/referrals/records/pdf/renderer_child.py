"""The child process that draws: it reads a record from standard input and writes the number of pages and the PDF."""

from __future__ import annotations

import pickle
import sys

from services.referrals.records.pdf.layout import render

if __name__ == "__main__":
    content, pages = render(pickle.load(sys.stdin.buffer))  # noqa: S301 - written by our own parent a moment ago
    sys.stdout.buffer.write(b"%d\n" % pages + content)
