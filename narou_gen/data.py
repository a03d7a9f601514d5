"""Pairs of a synopsis and a title: read from anywhere, cleaned with counted reasons, split without leaks."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narou_gen.conditions import Conditions, length_class
from narou_gen.errors import DataError, InputError
from narou_gen.resources import SAMPLE
from narou_gen.text import clean_synopsis, clean_title, comparison_key, visible

if TYPE_CHECKING:
    from narou_gen.config import DataConfig
    from scraper import Work

_SHORTEST_SYNOPSIS = 10  # characters; less tells a title nothing
# From so many characters on, a title that stands in its own synopsis was quoted, and teaches copying.
# Shorter ones (「五人目」) stand there by nature.
_QUOTED_FROM = 10
_SAMPLE = "sample:"  # the bundled sources, which have splits of their own


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


@dataclass(frozen=True)
class Splits:
    """Cleaned pairs, and what cleaning and splitting left out: reason -> number of pairs."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    left_out: Mapping[str, int]

    def fingerprint(self) -> str:
        """SHA-256 over every pair in order: the same data has the same fingerprint."""
        digest = hashlib.sha256()
        for pairs in (self.train, self.validation, self.test):
            digest.update(b"split")
            for pair in pairs:
                digest.update(repr(pair).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


Watch = Callable[[Iterable[Pair], str], Iterable[Pair]]
"""Passes on the pairs of a source (named by the second argument), and may count them for a progress bar."""


def load_splits(config: DataConfig, seed: int = 0, watch: Watch = lambda pairs, source: pairs) -> Splits:
    """Read, clean and split what `[data]` names.

    A fraction is taken out of `train` by whole groups (see `_groups`). A source of its own is kept whole, and
    training pairs that belong to one of its groups are left out, as are validation pairs of a test group.

    Raises:
        DataError: a source cannot be read, or a split that is asked for is empty.
    """
    left_out: Counter[str] = Counter()

    def load(source: str, split: str) -> list[Pair]:
        return list(clean_pairs(watch(read_pairs(source, split), source), left_out))

    train = load(config.train, "train")
    fractions: dict[str, float] = {}
    held_out: dict[str, list[Pair]] = {"validation": [], "test": []}
    for name in held_out:
        wanted = getattr(config, name)
        if wanted == "auto" and config.train.startswith(_SAMPLE):
            wanted = config.train
        if wanted == "auto":
            works = len({comparison_key(pair.synopsis) for pair in train})
            fractions[name] = 0.02 if works >= 1000 else 0.1
        elif isinstance(wanted, str):
            held_out[name] = load(wanted, name)
        else:
            fractions[name] = wanted

    # A source of its own keeps its groups: the test's go before those of validation, both before train's.
    groups = _groups([*held_out["test"], *held_out["validation"], *train])
    place_of: dict[str, str] = {}
    splits: dict[str, list[Pair]] = {"test": [], "validation": [], "train": []}
    for name, pairs in (("test", held_out["test"]), ("validation", held_out["validation"]), ("train", train)):
        for pair in pairs:
            group = next(groups)
            draw = _place(group, fractions) if name == "train" else name
            place = place_of.setdefault(group, draw)
            if place == draw:
                splits[place].append(pair)
            else:
                left_out[f"work or author is in {place} already"] += 1
    return _checked(config, splits, left_out, seed)


def _checked(
    config: DataConfig, splits: Mapping[str, list[Pair]], left_out: Counter[str], seed: int
) -> Splits:
    for name, pairs in splits.items():
        wanted = getattr(config, name)
        if not pairs and (name, wanted) != ("test", "auto"):
            raise DataError(
                f"No pairs for data.{name} = {wanted!r} ({left_out.total()} were left out): "
                "give more data, a larger fraction or another source."
            )
    return Splits(
        _drawn(splits["train"], config.limit, seed),
        _drawn(splits["validation"], config.validation_limit, seed),
        splits["test"],
        left_out,
    )


def _drawn(pairs: list[Pair], limit: int | None, seed: int) -> list[Pair]:
    if limit is None or limit >= len(pairs):
        return pairs
    return random.Random(seed).sample(pairs, limit)


def clean_pairs(pairs: Iterable[Pair], left_out: Counter[str]) -> Iterator[Pair]:
    """The pairs with clean texts; what is left out is counted in `left_out` by its reason."""
    seen: set[tuple[str, str]] = set()
    for pair in pairs:
        (synopsis, synopsis_key), title = _clean_with_key(pair.synopsis), clean_title(pair.title)
        title_key = comparison_key(title)
        if not title:
            left_out["empty title"] += 1
        elif len(synopsis) < _SHORTEST_SYNOPSIS:
            left_out[f"synopsis under {_SHORTEST_SYNOPSIS} characters"] += 1
        elif len(title_key) >= _QUOTED_FROM and title_key in synopsis_key:
            left_out["title quoted whole in its synopsis"] += 1
        elif (synopsis_key, title_key) in seen:
            left_out["duplicate"] += 1
        else:
            seen.add((synopsis_key, title_key))
            keywords = tuple(word for word in map(clean_title, pair.keywords) if word)
            yield Pair(synopsis, title, pair.genre, keywords, pair.author, pair.id)


@functools.lru_cache(maxsize=16)  # the titles of one synopsis follow each other
def _clean_with_key(synopsis: str) -> tuple[str, str]:
    clean = clean_synopsis(synopsis)
    return clean, comparison_key(clean)


def read_pairs(source: str, split: str = "train") -> Iterator[Pair]:
    """Pairs of a source as it holds them, in its order; each of several titles makes a pair.

    `source` is a .jsonl, .csv, .parquet or .db file, `sample:NAME` or a name for `datasets.load_dataset`; the
    last two have splits of their own, a file is read whole.

    Raises:
        DataError: the source is not there, or a row lacks its synopsis or title.
    """
    for number, row in enumerate(_rows(source, split), 1):
        yield from _pairs_of(row, f"{source}, row {number}")


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


def genre_name(genre: str | int | None) -> str | None:
    """The name of a Narou genre given by its code, its name or the beginning of its name; other texts stay.

    Raises:
        InputError: a code that no genre has.
    """
    from scraper.query import GENRES

    text = "" if genre is None else str(genre).strip()
    if text in ("", "0"):  # 0: the author chose none
        return None
    if text.isdecimal():
        if int(text) not in GENRES:
            known = ", ".join(f"{code} {name}" for code, name in GENRES.items())
            raise InputError(f"genre = {text}: no such genre. Known: {known}.")
        return GENRES[int(text)]
    return next((name for name in GENRES.values() if name.partition("〔")[0] == text), text)


def _is_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and all(isinstance(item, str) for item in value)


def _rows(source: str, split: str) -> Iterator[Mapping[str, Any]]:
    path = Path(source)
    if source.startswith(_SAMPLE):
        path = SAMPLE / source.removeprefix(_SAMPLE) / f"{split}.jsonl"
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        if path.is_file():
            raise DataError(f"{source}: give a .jsonl, .csv, .parquet or .db file.")
        return _dataset(source, split)
    if not path.is_file():
        samples = ", ".join(f"{_SAMPLE}{folder.parent.name}" for folder in SAMPLE.glob("*/train.jsonl"))
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
        except ValueError as error:  # no UTF-8, or no JSON
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
    except arrow.ArrowException as error:
        raise DataError(f"{path} is not Parquet: {visible(str(error)).splitlines()[0]}") from None


def terms_reminder(config: DataConfig) -> str | None:
    """The line to show before training on what was collected through the Narou API, None for other data.

    Raises:
        DataError: nobody acknowledged the terms of a collected database.
    """
    from scraper import REMINDER

    sources = (config.train, config.validation, config.test)
    databases = [Path(source) for source in sources if isinstance(source, str)]
    databases = [path for path in databases if path.suffix.lower() == ".db" and path.is_file()]
    for path in databases:
        _require_terms(path)
    return REMINDER if databases else None


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
    except (OSError, ValueError) as error:  # what datasets and the hub raise for a name or split not there
        reason = visible(str(error)).strip().splitlines()[0]
        raise DataError(f"No file and no dataset at {name} (split {split}): {reason}") from None


def _groups(pairs: Sequence[Pair]) -> Iterator[str]:
    """For each pair, the name of its group: pairs of one author, work or synopsis, linked transitively.

    The name depends on the group's content alone, so that a group keeps its place when data is added
    elsewhere.
    """
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    keys = []
    for pair in pairs:
        synopsis = "synopsis:" + comparison_key(pair.synopsis)
        for kind, value in (("author", pair.author), ("id", pair.id)):
            if value is not None:
                low, high = sorted((root(synopsis), root(f"{kind}:{value}")))
                parent[high] = low  # the smallest key is the root, whatever the order of the pairs
        keys.append(synopsis)
    return map(root, keys)


def _place(group: str, fractions: Mapping[str, float]) -> str:
    """train, validation or test, by a number in [0, 1) drawn from the group's name."""
    draw = int.from_bytes(hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64
    for name, fraction in fractions.items():
        if draw < fraction:
            return name
        draw -= fraction
    return "train"
