"""Files that people add to answers and messages: a PDF or a picture, screened before anybody can read it."""

from __future__ import annotations

from services.contracts.files import PDF_REFUSALS

MOST_BYTES = 10 * 1024 * 1024
# What a file may be refused for.
REFUSALS = (*PDF_REFUSALS, "image_refused")
