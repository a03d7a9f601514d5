"""Synopses from wherever a user has them, and titles as text or JSON Lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, get_args

from narou_gen.conditions import Conditions, LengthClass
from narou_gen.errors import InputError
from narou_gen.sources import genre_name
from narou_gen.text import clean_synopsis, visible

if TYPE_CHECKING:
    from narou_gen.options import Title, Titles

# JSON escapes the controls below space by itself; these reach a terminal raw, or are no UTF-8 at all.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Request:
    """A synopsis to find titles for, and the conditions given with it."""

    synopsis: str
    conditions: Conditions


def read_requests(text: str | None, file: Path | None, default: Conditions) -> Iterator[Request]:
    """The text; else the file, all of a .txt or line by line of a .jsonl; else all of stdin.

    `default` stands in for conditions that a line does not give.

    Raises:
        InputError: the file cannot be read, a line is no request, or a synopsis says nothing.
    """
    if text is not None:
        yield _request({"synopsis": text}, default, "The text")
    elif file is None:
        yield _request({"synopsis": _decode(sys.stdin.buffer.read(), "stdin")}, default, "stdin")
    elif file.suffix.lower() == ".jsonl":
        with _open(file) as lines:
            for number, line in enumerate(lines, 1):
                place = f"{file}, line {number}"
                if line.strip():
                    yield _request(_parse(line, place), default, place)
    else:
        with _open(file) as whole:
            yield _request({"synopsis": _decode(whole.read(), str(file))}, default, str(file))


def _open(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror}.") from None


def _decode(data: bytes, place: str) -> str:
    if b"\0" in data:
        raise InputError(f"{place}: this is binary data, not a text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{place}: this is not UTF-8; convert it first, e.g. `iconv -f CP932 -t UTF-8`."
        ) from None


def _parse(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(_decode(line, place))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON: {error}.") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: needs a JSON object with a `synopsis`.")
    return row


def _request(row: dict[str, Any], default: Conditions, place: str) -> Request:
    synopsis, keywords = row.get("synopsis"), row.get("keywords") or default.keywords
    if not isinstance(synopsis, str):
        raise InputError(f"{place}: needs a text `synopsis`.")
    if not clean_synopsis(synopsis):
        raise InputError(f"{place} is empty: give a synopsis, a few words of the story at least.")
    if isinstance(keywords, str):
        keywords = keywords.split()
    if not isinstance(keywords, Sequence) or not all(isinstance(word, str) for word in keywords):
        raise InputError(f"{place}: `keywords` must be a text or a list of texts.")
    genre, length = row.get("genre") or default.genre, row.get("length") or default.length
    if length not in (None, *get_args(LengthClass)):
        raise InputError(f"{place}: length = {length}: it must be {' or '.join(get_args(LengthClass))}.")
    try:
        name = genre_name(None if genre is None else str(genre))
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return Request(synopsis, Conditions(name, tuple(keywords), length))


def as_lines(request: Request, titles: Sequence[Title]) -> str:
    """A title a line."""
    return "\n".join(visible(title.text) for title in titles)


def as_json_line(request: Request, titles: Titles) -> str:
    """`{"synopsis": ..., "titles": [{"text": ..., "score": ..., "merit": ...}]}`, safe to show on a terminal.

    A title has `nearest` and `tone` where they are known; a `note` tells why titles are missing.
    """
    value: dict[str, Any] = {"synopsis": request.synopsis, "titles": [_as_json(title) for title in titles]}
    if titles.note:
        value["note"] = titles.note
    text = json.dumps(value, ensure_ascii=False)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _as_json(title: Title) -> dict[str, Any]:
    known = {"nearest": title.nearest, "tone": title.tone}
    ranked = {"score": round(title.score, 4), "merit": round(title.merit, 4)}
    return {"text": title.text} | ranked | {name: value for name, value in known.items() if value is not None}
