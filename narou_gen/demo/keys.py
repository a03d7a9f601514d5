"""Keys out of the bytes that a terminal sends: letters in UTF-8, escape sequences, pasted text."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key by its name (`up`, `ctrl-u`), or what was typed or pasted: `char` or `paste`, and `text`."""

    name: str
    text: str = ""


_NAMED = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
}
_FINAL = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "Z": "shift-tab"}
_TILDE = {"1": "home", "3": "delete", "4": "end", "5": "pageup", "6": "pagedown", "7": "home", "8": "end"}
_SEQUENCE = re.compile(r"\x1b(?:\[([0-9;?<]*)([@-Z\\-~])|O([A-Za-z]))")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?<]*|O)?")
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"


class KeyDecoder:
    """Bytes go in as they come, whole keys come out."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def waiting(self) -> bool:
        """Whether what came last may be the beginning of a longer key; if nothing follows, `flush` it."""
        return bool(self._rest) and not self._rest.startswith(_PASTE_BEGINS)

    def feed(self, data: bytes) -> list[Key]:
        """The keys that are whole by now."""
        self._rest += self._utf8.decode(data)
        keys = []
        while self._rest and (key := self._next()) is not None:
            keys.append(key)
        return [key for key in keys if key.name]

    def flush(self) -> list[Key]:
        """What is left, as it is: an Escape key sends what sequences begin with."""
        rest, self._rest = self._rest, ""
        return [Key("escape")] if rest else []

    def _next(self) -> Key | None:
        """The first whole key, taken off the rest; None where it is not whole. No name: to be ignored."""
        text = self._rest
        if text.startswith(_PASTE_BEGINS):
            pasted, end, after = text[len(_PASTE_BEGINS) :].partition(_PASTE_ENDS)
            if not end:
                return None
            self._rest = after
            return Key("paste", pasted.replace("\r\n", "\n").replace("\r", "\n"))
        if text[0] != "\x1b":
            self._rest = text[1:]
            return _plain(text[0])
        if match := _SEQUENCE.match(text):
            self._rest = text[match.end() :]
            return Key(_sequence(match))
        if _UNFINISHED.fullmatch(text):
            return None
        if text[1] == "\x1b" or text[1] in "[O":  # a sequence that nobody knows
            self._rest = text[1:]
            return Key("escape") if text[1] == "\x1b" else Key("")
        self._rest = text[2:]
        return Key(f"alt-{text[1]}")


def _plain(char: str) -> Key:
    if char in _NAMED:
        return Key(_NAMED[char])
    if char < " ":
        return Key(f"ctrl-{chr(ord(char) + 0x60)}")
    return Key("char", char) if char.isprintable() else Key("unknown")


def _sequence(match: re.Match[str]) -> str:
    numbers, final, single = match[1] or "", match[2], match[3]
    if final == "~":
        return _TILDE.get(numbers.partition(";")[0], "unknown")
    return _FINAL.get(final or single, "unknown")
