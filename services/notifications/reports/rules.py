"""What an answer to a text message asks for. Pure."""

from __future__ import annotations

import re

# The words of CTIA's Messaging Principles, and the Spanish ones.
_STOP = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "ALTO", "PARAR", "BAJA"}
)
_START = frozenset({"START", "UNSTOP", "SUBSCRIBE", "ALTA"})


def word_of(text: str) -> str:
    """`stop`, `start` or `other`. Only a text that is the word alone counts: "stop by at ten" stops nothing."""
    word = re.sub(r"[^A-Z]", "", text.upper())
    if word in _STOP:
        return "stop"
    return "start" if word in _START else "other"
