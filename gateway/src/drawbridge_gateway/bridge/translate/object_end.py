"""Finds the end of a JSON object that arrives in pieces, looking at each character once."""

import re
from typing import Final

_SPACE: Final = " \t\r\n"
_MARK: Final = re.compile(r'["{}\[\]]')
_IN_STRING: Final = re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL)


class ObjectEnd:
    """Takes the pieces of a text that is meant to be one JSON object.

    Only brackets and strings are looked at: whether all of it is JSON is for its reader to find out.
    """

    __slots__ = ("_begun", "_depth", "_escaped", "_in_string", "found")

    def __init__(self) -> None:
        self.found = False
        """The object is whole."""
        self._begun = False
        self._depth = 0
        self._in_string = False
        self._escaped = False
        """A backslash was the last character of a piece."""

    def feed(self, piece: str) -> int:
        """Return where in this piece the object ends; its length, where it does not end in it."""
        if not self._begun:
            self._begun = bool(piece.strip(_SPACE))
            if self._begun and not piece.lstrip(_SPACE).startswith("{"):
                self._depth = -1  # no object: without an end
        position = 0
        while position < len(piece) and self._depth >= 0 and not self.found:
            position = self._string(piece, position) if self._in_string else self._mark(piece, position)
        return position if self.found else len(piece)

    def _string(self, piece: str, position: int) -> int:
        """Return where the string that is open goes on or ends."""
        match = _IN_STRING.match(piece, position + self._escaped)
        end = match.end() if match else len(piece)
        self._escaped = piece[end : end + 1] == "\\"
        self._in_string = piece[end : end + 1] != '"'
        return end + 1

    def _mark(self, piece: str, position: int) -> int:
        """Return what follows the next bracket or the next beginning of a string."""
        match = _MARK.search(piece, position)
        if match is None:
            return len(piece)
        mark = match.group()
        self._in_string = mark == '"'
        if mark != '"':
            self._depth += 1 if mark in "{[" else -1
            self.found = self._depth == 0
        return match.end()
