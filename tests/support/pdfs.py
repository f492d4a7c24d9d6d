"""PDFs that tests upload."""

from __future__ import annotations

import functools
import io

import pikepdf


@functools.cache
def a_pdf(title: str = "Plan", action: str | None = None) -> bytes:
    """A page without text. With `action`, such as `/JavaScript`, it does something when it is opened."""
    output = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.docinfo["/Title"] = title
        if action:
            pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name(action), JS="app.alert(1)")
        pdf.save(output, deterministic_id=True)
    return output.getvalue()
