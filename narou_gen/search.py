"""What a search engine is asked, and what it answers: the line between titles and models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Source:
    """What the encoder reads. `unknowns` are the words behind its unknown tokens, in their order."""

    ids: list[int]
    unknowns: list[str]


@dataclass(frozen=True)
class Candidate:
    """A title in ids, without what was forced at its beginning and without special tokens."""

    ids: list[int]
    log_probability: float
    """Of the whole title, end and forced beginning included."""
    tokens: int
    """How many tokens that is the probability of."""
    unknowns: list[str]
    """What stands for the unknown tokens in `ids`: the unknown word of the source most looked at."""

    @property
    def score(self) -> float:
        return self.log_probability / self.tokens


@dataclass(frozen=True)
class Search:
    """One way of searching. With `sample`, `candidates` titles are drawn; else the beam is so wide."""

    candidates: int
    max_tokens: int
    """Of a title, [CLS] and [SEP] included."""
    min_tokens: int = 1
    """Of a title, without those two."""
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 3
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95
    seed: int | None = None
    never: tuple[tuple[int, ...], ...] = ()
    """Sequences of ids that are not written."""

    def ranked(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Best first: by log-probability / tokens ** length_penalty."""
        return sorted(candidates, key=lambda each: -each.log_probability / each.tokens**self.length_penalty)


class Engine(Protocol):
    """A model that can be searched."""

    max_source_tokens: int
    max_target_tokens: int

    def search(
        self, sources: Sequence[Source], search: Search, prefixes: Sequence[Sequence[int]] | None = None
    ) -> list[list[Candidate]]:
        """At most `search.candidates` for each source, best first; `prefixes` are forced on the titles.

        A title with a prefix is scored as the model scores any text, one without as it was found: with the
        probability of what may not be written shared out among the rest.
        """
        ...

    def stream(self, source: Source, search: Search, prefix: Sequence[int] = ()) -> Iterator[int]:
        """The ids of one title behind `prefix`, one by one: greedy, or sampled. Never an unknown token."""
        ...


def most_looked_at(attention: Sequence[Sequence[float]], source: Source, unk_id: int) -> list[str]:
    """For each row of `attention` (source tokens wide), the unknown word that it looks at most."""
    places = [place for place, token in enumerate(source.ids) if token == unk_id]
    found = dict(zip(places, source.unknowns, strict=False))
    return [found[max(found, key=lambda place: row[place])] if found else "" for row in attention]
