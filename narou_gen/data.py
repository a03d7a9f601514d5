"""Pairs of a synopsis and a title, cleaned with counted reasons and split without leaks."""

from __future__ import annotations

import functools
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from narou_gen.conditions import Conditions
from narou_gen.errors import DataError
from narou_gen.sources import BUNDLED, Pair, read_pairs
from narou_gen.text import clean_synopsis, clean_title, comparison_key

if TYPE_CHECKING:
    from narou_gen.config import DataConfig

_SHORTEST_SYNOPSIS = 2  # letters: 魔王 is enough for a title, a mark or a single kanji is not
_TELLING_SYNOPSIS = 20  # letters: shorter ones are alike without being of one work
# From so many characters on, a title that stands in its own synopsis was quoted, and teaches copying.
# Shorter ones (「五人目」) stand there by nature.
_QUOTED_FROM = 10


class Item(Protocol):
    """What is split: a pair, or a text. Those of one author or id stay together."""

    @property
    def author(self) -> str | None: ...
    @property
    def id(self) -> str | None: ...


T = TypeVar("T", bound=Item)


@dataclass(frozen=True)
class Splits(Generic[T]):
    """Cleaned pairs (or texts), and what cleaning and splitting left out: reason -> number of pairs."""

    train: list[T]
    validation: list[T]
    test: list[T]
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


def load_splits(
    config: DataConfig, seed: int = 0, watch: Watch = lambda pairs, source: pairs
) -> Splits[Pair]:
    """Read, clean and split the pairs that `[data]` names.

    Raises:
        DataError: a source cannot be read, or a split that is asked for is empty.
    """
    left_out: Counter[str] = Counter()

    def load(sources: Sequence[str], split: str) -> list[Pair]:
        read = (watch(read_pairs(source, split), source) for source in sources)
        return list(clean_pairs(chain.from_iterable(read), left_out))

    return split_sources(config, seed, load, lambda pair: pair.synopsis, left_out, "pairs")


def split_sources(
    config: DataConfig,
    seed: int,
    load: Callable[[Sequence[str], str], list[T]],
    text_of: Callable[[T], str],
    left_out: Counter[str],
    noun: str,
) -> Splits[T]:
    """Split what `load(sources, split)` returns. Items of one text (`text_of`) stay together.

    A fraction is taken out of `train` by whole groups (see `_groups`). A source of its own is kept whole, and
    training pairs that belong to one of its groups are left out, as are validation pairs of a test group.

    Raises:
        DataError: a split that is asked for is empty.
    """
    sources = config.train_sources
    train = load(sources, "train")
    fractions: dict[str, float] = {}
    held_out: dict[str, list[T]] = {"validation": [], "test": []}
    for name in held_out:
        wanted = getattr(config, name)
        if wanted == "auto" and all(source.startswith(BUNDLED) for source in sources):
            held_out[name] = load(sources, name)
        elif wanted == "auto":
            works = len({comparison_key(text_of(pair)) for pair in train})
            fractions[name] = 0.02 if works >= 1000 else 0.1
        elif isinstance(wanted, str):
            held_out[name] = load([wanted], name)
        else:
            fractions[name] = wanted

    # A source of its own keeps its groups: the test's go before those of validation, both before train's.
    groups = _groups([*held_out["test"], *held_out["validation"], *train], text_of)
    place_of: dict[str, str] = {}
    splits: dict[str, list[T]] = {"test": [], "validation": [], "train": []}
    for name, pairs in (("test", held_out["test"]), ("validation", held_out["validation"]), ("train", train)):
        for pair in pairs:
            group = next(groups)
            draw = _place(group, fractions) if name == "train" else name
            place = place_of.setdefault(group, draw)
            if place == draw:
                splits[place].append(pair)
            else:
                left_out[f"work or author is in {place} already"] += 1
    return _checked(config, splits, left_out, seed, noun)


def _checked(
    config: DataConfig, splits: Mapping[str, list[T]], left_out: Counter[str], seed: int, noun: str
) -> Splits[T]:
    for name, pairs in splits.items():
        wanted = getattr(config, name)
        if not pairs and (name, wanted) != ("test", "auto"):
            raise DataError(
                f"No {noun} for data.{name} = {wanted!r} ({left_out.total()} were left out): "
                "give more data, a larger fraction or another source."
            )
    return Splits(
        _drawn(splits["train"], config.limit, seed),
        _drawn(splits["validation"], config.validation_limit, seed),
        splits["test"],
        left_out,
    )


def _drawn(pairs: list[T], limit: int | None, seed: int) -> list[T]:
    if limit is None or limit >= len(pairs):
        return pairs
    return random.Random(seed).sample(pairs, limit)


def clean_pairs(pairs: Iterable[Pair], left_out: Counter[str]) -> Iterator[Pair]:
    """The pairs with clean texts; what is left out is counted in `left_out` by its reason."""
    seen: set[bytes] = set()  # of digests: a million pairs are to fit beside a model
    for pair in pairs:
        (synopsis, synopsis_key), title = _clean_with_key(pair.synopsis), clean_title(pair.title)
        title_key = comparison_key(title)
        key = hashlib.blake2b(repr((synopsis_key, title_key)).encode(), digest_size=16).digest()
        if not title:
            left_out["empty title"] += 1
        elif sum(map(str.isalnum, synopsis)) < _SHORTEST_SYNOPSIS:
            left_out[f"synopsis under {_SHORTEST_SYNOPSIS} letters"] += 1
        elif len(title_key) >= _QUOTED_FROM and title_key in synopsis_key:
            left_out["title quoted whole in its synopsis"] += 1
        elif key in seen:
            left_out["duplicate"] += 1
        else:
            seen.add(key)
            given = Conditions(pair.genre, pair.keywords)
            yield Pair(synopsis, title, given.genre, given.keywords, pair.author, pair.id)


@functools.lru_cache(maxsize=16)  # the titles of one synopsis follow each other
def _clean_with_key(synopsis: str) -> tuple[str, str]:
    clean = clean_synopsis(synopsis)
    return clean, comparison_key(clean)


def _groups(pairs: Sequence[T], text_of: Callable[[T], str]) -> Iterator[str]:
    """For each pair, the name of its group: pairs of one author, work or synopsis, linked transitively.

    A few words, like those that `augment` puts in place of a synopsis, link no works that have ids. The
    name depends on the group's content alone, so that a group keeps its place when data is added
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
        text = comparison_key(text_of(pair))
        named = pair.id is not None and len(text) < _TELLING_SYNOPSIS
        own = f"id:{pair.id}" if named else f"synopsis:{text}"
        for kind, value in (("author", pair.author), ("id", pair.id)):
            if value is not None:
                low, high = sorted((root(own), root(f"{kind}:{value}")))
                parent[high] = low  # the smallest key is the root, whatever the order of the pairs
        keys.append(own)
    return map(root, keys)


def _place(group: str, fractions: Mapping[str, float]) -> str:
    """train, validation or test, by a number in [0, 1) drawn from the group's name."""
    draw = int.from_bytes(hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64
    for name, fraction in fractions.items():
        if draw < fraction:
            return name
        draw -= fraction
    return "train"
