"""Reads a JSON text of any size element by element, without holding the whole text."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from services.referrals.directory.hsds_storable import number_of
from services.referrals.directory_imports.report import FileRefused

MAX_ELEMENT = 8_000_000
_PIECE = 256 * 1024
_SPACE = " \t\r\n"


def elements(file: BinaryIO) -> Iterator[tuple[str | None, int, Any]]:
    """Name of the array, line and value of each element of a top-level array or of an object's arrays.

    An object that has an `id` before its arrays is one element by itself. The name is None for an element outside a named
    array. Raises FileRefused with reason `not_json`, `undecodable` or `element_too_large`.
    """
    text = _Text(file)
    opening = text.peek()
    if opening == "[":
        yield from ((None, line, value) for line, value in text.array())
    elif opening == "{":
        yield from _members(text)
    else:
        raise text.refusal("The file must hold a JSON array or object.")
    if text.peek():
        raise text.refusal("Something follows the end of the JSON value.")


def _members(text: _Text) -> Iterator[tuple[str | None, int, Any]]:
    whole: dict[str, Any] = {}
    begun_on = text.line
    text.expect("{")
    while text.peek() != "}":
        if text.peek() == ",":
            text.expect(",")
        name = text.value()
        if not isinstance(name, str):
            raise text.refusal("A member's name must be a string.")
        text.expect(":")
        if text.peek() == "[" and "id" not in whole:
            yield from ((name, line, value) for line, value in text.array())
        else:
            whole[name] = text.value()
    text.expect("}")
    if "id" in whole:
        yield None, begun_on, whole


class _Text:
    """A window on the text that moves on as values are read."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        self._decoder = json.JSONDecoder(parse_constant=self._no_constant, parse_int=number_of)
        self._window = ""
        self._at = 0
        self._is_whole = False
        self._counted = 0
        self._line = 1

    @property
    def line(self) -> int:
        """The line on which the next value stands."""
        self._line += self._window.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._read_on():
                return ""

    def expect(self, character: str) -> None:
        """Skip this character. Raises FileRefused if another one comes next."""
        if self.peek() != character:
            raise self.refusal(f"{character!r} is expected.")
        self._at += 1

    def array(self) -> Iterator[tuple[int, Any]]:
        """Line and value of each element."""
        self.expect("[")
        if self.peek() != "]":
            while True:
                self.peek()
                line = self.line
                yield line, self.value()
                if self.peek() != ",":
                    break
                self.expect(",")
        self.expect("]")

    def value(self) -> Any:
        """The next complete value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                if self._read_on():
                    continue
                self._at = max(self._at, error.pos)
                raise self.refusal(f"{error.msg}.") from None
            except RecursionError:
                raise self.refusal("The values are nested too deeply.") from None
            if end == len(self._window) and self._read_on():
                continue  # a number may continue in the next piece
            self._at = end
            return value

    def refusal(self, detail: str) -> FileRefused:
        """The refusal of the text at the present line."""
        return FileRefused("not_json", f"The file is no JSON of this kind: {detail}", self.line)

    def _read_on(self) -> bool:
        if self._is_whole:
            return False
        if len(self._window) - self._at > MAX_ELEMENT:
            raise FileRefused(
                "element_too_large", f"An element has more than {MAX_ELEMENT:,} characters.", self.line
            )
        try:
            piece = self._text.read(_PIECE)
        except UnicodeDecodeError:
            raise FileRefused("undecodable", "The text is not UTF-8.", self.line) from None
        self._is_whole = not piece
        _ = self.line  # counts the lines that are about to leave the window
        self._window = self._window[self._at :] + piece
        self._at = self._counted = 0
        return bool(piece)

    def _no_constant(self, name: str) -> Any:
        raise self.refusal(f"{name} is no JSON number.")
