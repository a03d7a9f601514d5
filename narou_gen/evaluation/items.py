"""What titles are asked for: a synopsis with its references, and the options of an evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from narou_gen.conditions import Conditions, LengthClass, length_class
from narou_gen.errors import InputError
from narou_gen.sources import Pair, by_synopsis

if TYPE_CHECKING:
    from narou_gen.engines import EngineName

AskedLength = Literal["long", "middle", "short", "reference", "none"]
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class EvaluationOptions:
    """What is evaluated, on what, and how. The defaults are the reference setting of the bundled corpus.

    Raises:
        InputError: a value is impossible.
    """

    data: str = "sample:titles"
    """A source as `read_pairs` takes it; or `run`, the splits that the checkpoint was trained with."""
    split: Split = "test"
    """Of a source that has splits; a file is taken whole."""
    train: str | None = None
    """Source of the training titles; by default what the checkpoint's record names."""
    limit: int | None = None
    """The first so many synopses."""
    length: AskedLength = "long"
    """Which manner of title is asked for; `reference` is that of each first reference."""
    given: bool = False
    """Also give genre and keywords."""
    num_titles: int = 3
    """Candidates of a synopsis; the first one is scored, all count for self-BLEU."""
    num_beams: int = 5
    engine: EngineName = "auto"
    baselines: bool = False
    seed: int = 0
    resamples: int = 2000

    def __post_init__(self) -> None:
        for name, low, high in (("limit", 1, None), ("num_titles", 1, 16), ("resamples", 100, 1_000_000)):
            value = getattr(self, name)
            if value is not None and (value < low or (high is not None and value > high)):
                raise InputError(
                    f"{name} = {value}: it must be {low} or more{f', {high} at most' * bool(high)}."
                )


@dataclass(frozen=True)
class Item:
    """A synopsis and all its titles, cleaned."""

    synopsis: str
    references: tuple[str, ...]
    genre: str | None
    keywords: tuple[str, ...]

    def conditions(self, options: EvaluationOptions) -> Conditions:
        """What the model is told beside the synopsis."""
        genre, keywords = (self.genre, self.keywords) if options.given else (None, ())
        return Conditions(genre, keywords, self.length(options))

    def length(self, options: EvaluationOptions) -> LengthClass | None:
        if options.length == "none":
            return None
        return length_class(self.references[0]) if options.length == "reference" else options.length

    def asked_reference(self, options: EvaluationOptions) -> str:
        """The first reference of the asked length, else the first."""
        return in_manner(self.references, self.length(options))[0]


def in_manner(titles: Sequence[str], length: LengthClass | None) -> Sequence[str]:
    """The titles of this length class, or all of them where there is none (or none is asked for)."""
    return [title for title in titles if length_class(title) == length] or titles


def grouped(pairs: Iterable[Pair]) -> list[Item]:
    """An item for each synopsis, in the order of the pairs; its first pair gives genre and keywords."""
    return [
        Item(synopsis, tuple(pair.title for pair in group), group[0].genre, group[0].keywords)
        for synopsis, group in by_synopsis(pairs).items()
    ]


def fingerprint(items: Sequence[Item] | Sequence[Pair]) -> str:
    """SHA-256 over every one in order: the same data has the same fingerprint."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(repr(item).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
