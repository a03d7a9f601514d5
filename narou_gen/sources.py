"""Where pairs come from: files, the collector's database, `datasets` names, the bundled samples.

The one place in this package that reads what `scraper` wrote.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narou_gen.conditions import Conditions, length_class
from narou_gen.errors import DataError, InputError
from narou_gen.resources import SAMPLE
from narou_gen.text import visible

if TYPE_CHECKING:
    from narou_gen.config import DataConfig
    from scraper import Work

BUNDLED = "sample:"
"""How the names of the bundled sources begin; they have splits of their own."""
TOKENISED = "tokenised.json"
"""The file that tells a tokenised folder."""


@dataclass(frozen=True)
class Pair:
    """A synopsis and one title of it. `genre` is a name; `author` and `id` serve to split without leaks."""

    synopsis: str
    title: str
    genre: str | None = None
    keywords: tuple[str, ...] = ()
    author: str | None = None
    id: str | None = None

    @property
    def conditions(self) -> Conditions:
        return Conditions(self.genre, self.keywords, length_class(self.title))


def read_pairs(source: str, split: str = "train") -> Iterator[Pair]:
    """Pairs of a source as it holds them, in its order; each of several titles makes a pair.

    `source` is a .jsonl, .csv, .parquet or .db file, `sample:NAME` or a name for `datasets.load_dataset`; the
    last two have splits of their own, a file is read whole.

    Raises:
        DataError: the source is not there, or a row lacks its synopsis or title.
    """
    for number, row in enumerate(read_rows(source, split), 1):
        yield from _pairs_of(row, f"{source}, row {number}")


def by_synopsis(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    """The pairs of each synopsis, in their order: a work has several titles."""
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.synopsis, []).append(pair)
    return found


def _pairs_of(row: Mapping[str, Any], place: str) -> Iterator[Pair]:
    synopsis, given = row.get("synopsis"), row.get("titles") or row.get("title")
    titles: Any = [given] if isinstance(given, str) else given
    if not isinstance(synopsis, str) or not _is_texts(titles):
        raise DataError(f"{place}: needs a text `synopsis` and a text `title` (or a list `titles`).")
    keywords = row.get("keywords") or ()
    if isinstance(keywords, str):
        keywords = keywords.replace("\u3000", " ").split()
    if not _is_texts(keywords):
        raise DataError(f"{place}: `keywords` must be a text or a list of texts.")
    try:
        genre = genre_name(row.get("genre"))
    except InputError as error:
        raise DataError(f"{place}: {error}") from None
    author, key = row.get("author"), row.get("id")
    for title in titles:
        yield Pair(
            synopsis,
            title,
            genre,
            tuple(keywords),
            None if author in (None, "") else str(author),
            None if key in (None, "") else str(key),
        )


def genre_name(genre: str | float | None) -> str | None:
    """The name of a Narou genre given by its code, its name or the beginning of its name; other texts stay.

    Raises:
        InputError: a code that no genre has.
    """
    from scraper.query import GENRES

    if isinstance(genre, float):  # a column of numbers with gaps
        genre = None if math.isnan(genre) else int(genre)
    text = "" if genre is None else str(genre).strip()
    if text in ("", "0"):  # 0: the author chose none
        return None
    if text.isdecimal():
        code = int(text[:9])
        if code not in GENRES:
            known = ", ".join(f"{code} {name}" for code, name in GENRES.items())
            raise InputError(f"genre = {code}: no such genre. Known: {known}.")
        return GENRES[code]
    return next((name for name in GENRES.values() if name.partition("〔")[0] == text), text)


def genre_names() -> list[str]:
    """Every genre of Narou by its name, as `genre_name` gives it."""
    from scraper.query import GENRES

    return list(GENRES.values())


def _is_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and all(isinstance(item, str) for item in value)


def read_rows(source: str, split: str) -> Iterator[Mapping[str, Any]]:
    """Rows of a source, as it holds them; see `read_pairs` for what a source can be.

    Raises:
        DataError: the source is not there, or cannot be read.
    """
    path = Path(source)
    if source.startswith(BUNDLED):
        path = SAMPLE / source.removeprefix(BUNDLED) / f"{split}.jsonl"
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        if path.is_file():
            raise DataError(f"{source}: give a .jsonl, .csv, .parquet or .db file.")
        if is_tokenised(source):
            raise DataError(
                f"{source} is tokenised: it serves as data.train of titles, with their task alone."
            )
        return _dataset(source, split)
    if not path.is_file():
        samples = ", ".join(f"{BUNDLED}{folder.parent.name}" for folder in SAMPLE.glob("*/train.jsonl"))
        raise DataError(f"No data at {source}. The bundled sources are: {samples}.")
    return reader(path)


def _jsonl(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise DataError(f"{path}, line {number}: not a JSON object.")
                    yield row
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or JSON without an end
            raise DataError(f"{path} is not UTF-8 JSON Lines: {error}") from None


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    # utf-8-sig: what spreadsheets save begins with a byte order mark.
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            yield from csv.DictReader(lines)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path} is not UTF-8 CSV: {error}") from None


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not Parquet: {visible(str(error)).splitlines()[0]}") from None


def is_tokenised(source: str) -> bool:
    """Whether this is a folder that `narou-gen tokenize` wrote."""
    return (Path(source) / TOKENISED).is_file()


def tokenised_folder(config: DataConfig) -> Path | None:
    """The tokenised folder that is the training data, if one is."""
    return Path(config.train) if isinstance(config.train, str) and is_tokenised(config.train) else None


def terms_reminder(config: DataConfig, *more: str) -> str | None:
    """The line to show before training on what was collected through the Narou API, None for other data.

    Raises:
        DataError: nobody acknowledged the terms of a collected database, or a tokenised folder is damaged.
    """
    if folder := tokenised_folder(config):
        return _reminder(_was_collected(folder))
    sources = (*config.train_sources, config.validation, config.test, *more)
    return reminder_of(source for source in sources if isinstance(source, str))


def reminder_of(sources: Iterable[str]) -> str | None:
    """As `terms_reminder`, for sources by their names."""
    databases = [Path(source) for source in sources if Path(source).suffix.lower() == ".db"]
    databases = [path for path in databases if path.is_file()]
    for path in databases:
        _require_terms(path)
    return _reminder(bool(databases))


def _reminder(collected: bool) -> str | None:
    from scraper import REMINDER

    return REMINDER if collected else None


def _was_collected(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / TOKENISED).read_text("utf-8"))["collected"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is no whole tokenised folder ({error}): make it again with `narou-gen tokenize`."
        ) from None


def _require_terms(path: Path) -> None:
    from scraper import ScraperError, terms_accepted

    try:
        accepted = terms_accepted(path)
    except ScraperError as error:
        raise DataError(str(error)) from None
    if not accepted and path.exists():
        raise DataError(
            f"{path} records no acknowledgement of the Narou API's terms: run `narou-gen fetch --db {path}`, "
            "which shows them and asks, or use other data."
        )


def collected_pairs(database: Path, wanted: Callable[[Work], bool]) -> Iterator[Pair]:
    """The pairs of those works in a collected database that are `wanted`, as `read_pairs` makes them.

    Raises:
        DataError: there is no such database, or nobody acknowledged its terms.
    """
    for row in _database(database, wanted):
        yield from _pairs_of(row, f"{database}, {row['id']}")


def _database(path: Path, wanted: Callable[[Work], bool] | None = None) -> Iterator[Mapping[str, Any]]:
    from scraper import GENRES, ScraperError, iter_works

    _require_terms(path)
    try:
        for work in filter(wanted, iter_works(path)) if wanted else iter_works(path):
            yield {
                "synopsis": work.story,
                "title": work.title,
                "genre": GENRES.get(work.genre),  # one that the service has added since is left out
                "keywords": work.keywords,
                "author": work.userid or None,
                "id": work.ncode,
            }
    except ScraperError as error:
        raise DataError(str(error)) from None


_READERS: dict[str, Callable[[Path], Iterator[Mapping[str, Any]]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
    ".db": _database,
}


def _dataset(name: str, split: str) -> Iterator[Mapping[str, Any]]:
    import datasets

    try:
        yield from datasets.load_dataset(name, split=split)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = visible(str(error)).strip().splitlines()[0]
        raise DataError(f"No file and no dataset at {name} (split {split}): {reason}") from None
