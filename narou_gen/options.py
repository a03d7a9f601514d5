"""How titles are searched for, as one frozen value; and a title as it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from narou_gen.conditions import Conditions, LengthClass
from narou_gen.errors import InputError
from narou_gen.sources import genre_name
from narou_gen.text import comparison_key
from narou_gen.typography import finish_title

Tone = Literal["bright", "dark"]
LARGEST_POOL = 64
"""Candidates of one search at most, however many different titles are asked for."""


@dataclass(frozen=True)
class GenerationOptions:
    """How titles are searched for: by beam search, unless `sample`.

    `genre`, `keywords` and `length` are conditions that the model was trained with. `min_chars`, `max_chars`,
    `keywords`, `avoid`, `prefix` and `tone` are promises too: a title that breaks one is not returned, and
    where that leaves fewer titles than asked for, `Titles.note` says which.

    Raises:
        InputError: a value is impossible.
    """

    num_titles: int = 1
    num_beams: int = 5
    length_penalty: float = 1.0
    """Titles are searched for by log-probability / tokens ** this: at 1 the mean over tokens, over 1 longer
    ones win. They are ranked by `Title.merit`, where it shifts the weight of length likewise."""
    no_repeat_ngram_size: int = 3
    """No so many tokens in a row stand twice in a title; 0 lifts that."""
    max_tokens: int | None = None
    """Longest title in tokens, two special ones included; by default what the checkpoint was trained with."""
    grounding: float = 1.0
    """How much it counts for a title that its pairs of characters stand in the synopsis (or, of a few words,
    that theirs stand in it): names spelt right come before what is merely likely. 1 is as an editor counted
    it, 0 not at all. See `narou_gen.merit`."""
    diversity: float = 0.5
    """0 to 1: how much several titles of a synopsis should differ, at the cost of their merit (maximal
    marginal relevance). Above 0 titles, even a single one, are chosen from the beams of all length classes,
    where none is asked for (else several are also drawn), and of fewer conditions, where some are; 0 is the
    best ones of one beam search, several times as fast."""
    min_chars: int | None = None
    max_chars: int | None = None
    """Bounds on the finished title's characters."""
    keywords: tuple[str, ...] = ()
    """Each stands in every title, word for word, be it half or full width."""
    avoid: tuple[str, ...] = ()
    """None stands in any title, whatever its case and width."""
    prefix: str = ""
    """Every title begins so."""
    tone: Tone | None = None
    """Titles that the checkpoint's sentiment head finds rather bright (positive), or dark (negative)."""
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95
    seed: int | None = None
    """The same seed gives the same titles, synopsis by synopsis; without one, sampling differs each time."""
    genre: str | int | None = None
    """A Narou genre, by name (ハイファンタジー) or code (201)."""
    length: LengthClass | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("num_titles", 1, LARGEST_POOL),
            ("num_beams", 1, LARGEST_POOL),
            ("length_penalty", -10, 10),
            ("no_repeat_ngram_size", 0, 100),
            ("max_tokens", 3, 10_000),
            ("grounding", 0, 100),
            ("diversity", 0, 1),
            ("min_chars", 1, 1000),
            ("max_chars", 1, 1000),
            ("temperature", 0.01, 100),
            ("top_k", 0, 1_000_000),
            ("top_p", 0.001, 1),
            ("seed", 0, 2**63 - 1),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{name} = {value}: it must be {low} to {high}.")
        for name, choices in (("length", get_args(LengthClass)), ("tone", get_args(Tone))):
            value = getattr(self, name)
            if value not in (None, *choices):
                raise InputError(f"{name} = {value}: it must be {' or '.join(choices)}.")
        for name in ("keywords", "avoid"):
            words = getattr(self, name)
            if isinstance(words, str):
                raise InputError(f"{name} must be a list of texts, not one text.")
            object.__setattr__(self, name, tuple(words))
        if self.max_chars is not None and (self.min_chars or 1) > self.max_chars:
            raise InputError(
                f"min_chars = {self.min_chars} and max_chars = {self.max_chars} exclude each other."
            )
        self._check_words()
        genre_name(self.genre)  # raises where there is no such genre

    def _check_words(self) -> None:
        for word in self.keywords:
            if not finish_title(word):
                raise InputError(f"keywords: {word!r} is nothing that can stand in a title.")
            if any(comparison_key(bad) in comparison_key(word) for bad in self.avoid):
                raise InputError(f"keywords and avoid exclude each other: {word}.")
        for word in self.avoid:
            if not comparison_key(word):
                raise InputError(f"avoid: {word!r} has no letter to look for.")
        if self.prefix and any(comparison_key(bad) in comparison_key(self.prefix) for bad in self.avoid):
            raise InputError(f"prefix and avoid exclude each other: {self.prefix}.")
        needed = max(map(len, (*self.keywords, self.prefix)), default=0)
        if self.max_chars is not None and needed > self.max_chars:
            raise InputError(f"max_chars = {self.max_chars} is less than the keywords or the prefix need.")

    @property
    def conditions(self) -> Conditions:
        return Conditions(genre_name(self.genre), tuple(self.keywords), self.length)


@dataclass(frozen=True)
class Title:
    """A finished title."""

    text: str
    score: float
    """Mean log-probability per token, its end included: 0 is certain. Under the conditions that it was found
    with, be it those that were given or a length class."""
    merit: float = 0.0
    """What titles are ranked by, 0 to 1: how likely a strict editor would use it as it stands. That holds for
    narou-mini with `length_penalty` and `grounding` at 1; else it is an order. See `narou_gen.merit`."""
    nearest: float | None = None
    """How near the nearest training title is: 0 (no character pair in common) to 1 (the same letters); None
    where the checkpoint has no index of them. See `narou_gen.novelty`."""
    tone: str | None = None
    """What the sentiment head takes the title for, where `tone` was asked for."""


class Titles(list[Title]):
    """The titles of one synopsis, best first. `note` tells why there are fewer than asked for."""

    def __init__(self, titles: list[Title], note: str | None = None) -> None:
        super().__init__(titles)
        self.note = note
