"""Texts from the command line, a pipe or a file; results as JSON Lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from narou_gen.errors import InputError
from narou_gen.text import clean_synopsis, clean_title
from narou_gen.texts import Text, read_texts

# JSON escapes the controls below space by itself; these reach a terminal raw, or are no UTF-8 at all.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def read_inputs(text: str | None, source: str | None) -> Iterator[Text]:
    """The text; else the source (a .txt line by line, or what `read_texts` reads); else each line of stdin.

    Blank lines are passed over.

    Raises:
        InputError: a text is empty, the file cannot be read as UTF-8, or there is no text at all.
        DataError: the source cannot be read.
    """
    none = True
    for number, each in enumerate(_inputs(text, source), 1):
        none = False
        if not (clean_synopsis(each.text) or clean_title(each.text)):
            place = "The text" if text is not None else f"{source or 'stdin'}, text {number},"
            raise InputError(f"{place} is empty: give a few words at least.")
        yield each
    if none:
        raise InputError(f"{source or 'stdin'} is empty: give a text.")


def _inputs(text: str | None, source: str | None) -> Iterator[Text]:
    if text is not None:
        yield Text(text)
    elif source is None:
        yield from _lines(sys.stdin.buffer, "stdin")
    elif Path(source).suffix.lower() == ".txt":
        try:
            with Path(source).open("rb") as lines:
                yield from _lines(lines, source)
        except OSError as error:
            raise InputError(f"Cannot read {source}: {error.strerror}.") from None
    else:
        yield from read_texts(source)


def _lines(lines: Iterable[bytes], place: str) -> Iterator[Text]:
    for line in lines:
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            raise InputError(
                f"{place}: this is not UTF-8; convert it first, e.g. `iconv -f CP932 -t UTF-8`."
            ) from None
        if "\0" in text:
            raise InputError(f"{place}: this is binary data, not a text.")
        if text:
            yield Text(text)


def safe_json(value: Mapping[str, Any]) -> str:
    """One line of JSON that is safe to show on a terminal."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
