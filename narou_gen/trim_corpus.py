"""How often a corpus uses each token of a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from narou_gen.conditions import Conditions, LengthClass
from narou_gen.errors import DataError, InputError
from narou_gen.sources import genre_name, genre_names, read_rows
from narou_gen.text import clean_synopsis, clean_title
from narou_gen.text_bar import text_bar
from narou_gen.texts import read_passages
from narou_gen.tokenizer import Tokenizer

_PASSAGE_CHARACTERS = 2000
_SUFFIXES = (".txt", ".xz", ".jsonl", ".csv", ".parquet")
_CHUNK = 200  # texts tokenised together
Forms = tuple[str, ...]
"""One text as a source holds it and, where that differs, as this package reads it."""


def token_counts(tokenizer: Tokenizer, sources: Sequence[str], size: int) -> NDArray[np.int64]:
    """How often each token id stands in these sources, shape (size,).

    A source is a plain text (.txt, .txt.xz) or what training takes pairs and texts from (.jsonl, .csv,
    .parquet, `sample:NAME`): every synopsis, text, title, genre and keyword counts. Texts are tokenised as
    they stand and as cleaned for training; the higher count of the two is a token's.

    Raises:
        DataError: a source cannot be read or holds no text; or it is a collected database, whose terms forbid
            to make models of it.
    """
    for source in sources:  # all of them are looked for before minutes go into the first
        _check_source(source)
    raw, cleaned = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for source in sources:
        with text_bar(f"Reading {source}") as watch:
            texts = iter(_forms(source))
            none = True
            while chunk := list(islice(texts, _CHUNK)):
                none = False
                ids = tokenizer.parts([form for forms in chunk for form in forms])
                places = np.cumsum([0, *map(len, chunk)])
                raw += _counts((ids[place] for place in places[:-1]), size)
                cleaned += _counts((ids[place - 1] for place in places[1:]), size)
                watch(len(chunk))
        if none:
            raise DataError(f"{source} holds no text.")
    return np.maximum(raw, cleaned)


def condition_texts() -> list[str]:
    """Every text that a genre or a length class puts before a synopsis, and the frame of keywords."""
    conditions = [Conditions(genre=genre) for genre in genre_names()]
    conditions += [Conditions(keywords=("、", "、"), length=length) for length in get_args(LengthClass)]
    return sorted({part for each in conditions for part in each.parts().values() if part})


def _check_source(source: str) -> None:
    """Raises DataError where a file is not there, or is a collected database."""
    if Path(source).suffix.lower() == ".db":
        raise DataError(
            f"{source}: the terms of a collected database forbid to make models of it; give other texts."
        )
    if Path(source).suffix in _SUFFIXES and not Path(source).is_file():
        raise DataError(f"No corpus at {source}.")


def _counts(rows: Iterable[list[int]], size: int) -> NDArray[np.int64]:
    return np.bincount(np.fromiter(chain.from_iterable(rows), np.int64), minlength=size)


def _forms(source: str) -> Iterator[Forms]:
    if source.endswith((".txt", ".txt.xz")):
        for passage in read_passages(source, "train", _PASSAGE_CHARACTERS):
            yield _distinct(passage.text, clean_synopsis(passage.text))
        return
    for number, row in enumerate(read_rows(source, "train"), 1):
        try:
            forms = list(_forms_of_row(row))
        except InputError as error:  # a genre that there is none of
            raise DataError(f"{source}, row {number}: {error}") from None
        if not forms:
            raise DataError(f"{source}, row {number}: needs a text `synopsis`, `title`, `titles` or `text`.")
        yield from forms


def _forms_of_row(row: Mapping[str, Any]) -> Iterator[Forms]:
    for key in ("synopsis", "text"):
        if isinstance(text := row.get(key), str):
            yield _distinct(text, clean_synopsis(text))
    for title in _texts(row.get("titles") or row.get("title")):
        yield _distinct(title, clean_title(title))
    keywords = row.get("keywords")
    words = keywords.replace("\u3000", " ").split() if isinstance(keywords, str) else _texts(keywords)
    conditions = Conditions(genre_name(row.get("genre")), tuple(words))
    yield from ((part,) for part in conditions.parts().values() if part)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [text for text in values if isinstance(text, str)]


def _distinct(text: str, cleaned: str) -> Forms:
    return (text,) if text == cleaned else (text, cleaned)
