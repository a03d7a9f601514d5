"""Deals hands of cards: asks the generator for titles, and rates them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from narou_gen.demo.rarity import Rating, rate
from narou_gen.demo.story import Story
from narou_gen.demo.wishes import WishError, Wishes
from narou_gen.errors import InputError
from narou_gen.options import GenerationOptions, Title
from narou_gen.resources import find_checkpoint
from narou_gen.steering import likeness, most_relevant_and_different
from narou_gen.text import comparison_key, visible

if TYPE_CHECKING:
    from narou_gen.generate import TitleGenerator
    from narou_gen.sentiment import SentimentAnalyzer

HAND = 5
_CANDIDATES = 8
"""Titles that a reroll asks for, to have others to show."""
_DRAWN = 10
"""Likewise, drawn at random."""
_DRAWN_TEMPERATURE = 0.8
_TONES = {"positive": "明るい", "neutral": "静か", "negative": "暗い"}


@dataclass(frozen=True)
class Card:
    """A title of a story, with its worth and its tone in Japanese ("" where nobody can tell)."""

    title: str
    story: Story
    rating: Rating
    tone: str = ""


@dataclass(frozen=True)
class Request:
    """What the next hand should be: of which story, by which wishes, the how manyth, like which card."""

    story: Story
    wishes: Wishes = field(default_factory=Wishes)
    round: int = 0
    seen: frozenset[str] = frozenset()
    """Comparison keys of titles that were dealt already."""
    like: Card | None = None
    """Stays in the hand; the others are its variations."""


@dataclass(frozen=True)
class Hand:
    """Cards, best title first; `note` says in Japanese why there are fewer than five."""

    cards: tuple[Card, ...]
    note: str = ""


class Dealer:
    """A checkpoint as a dealer of cards; loaded when it is first asked. Not for several threads at once."""

    def __init__(self, checkpoint: str | None = None, threads: int | None = None) -> None:
        self._folder: Path = find_checkpoint(checkpoint)
        self._threads = threads
        self._generator: TitleGenerator | None = None
        self._sentiment: SentimentAnalyzer | None = None
        self.tells_tone = True
        """False once the checkpoint turned out to have no sentiment head."""

    def draft(self, story: Story) -> Iterator[str]:
        """The first title that comes to the model's mind, as it grows."""
        return self._loaded().stream(story.synopsis, genre=story.genre)

    def deal(self, request: Request) -> Hand:
        """The hand that was asked for.

        Raises:
            WishError: no hand can be, and why, in Japanese.
            CheckpointError: the checkpoint cannot be used.
        """
        if request.wishes.tone != Wishes().tone and self._analyzer() is None:
            raise WishError("このモデルは明るさを読めません（感情のヘッドがありません）。")
        try:
            found, note = self._titles(request)
        except InputError as error:
            raise WishError(f"その願いはかなえられません: {error}") from None
        kept = [] if request.like is None else [request.like]
        held = {comparison_key(card.title) for card in kept}
        fresh = [each for each in found if comparison_key(each.text) not in request.seen | held]
        titles = _choice(fresh, HAND - len(kept), request)
        cards = (*kept, *self._cards(titles, request.story))
        return Hand(cards, _why_few(len(cards), note) if len(cards) < HAND else "")

    def _titles(self, request: Request) -> tuple[list[Title], str]:
        """Candidates, each once, best first; and the generator's note."""
        story, wishes = request.story, request.wishes
        number = _CANDIDATES if request.seen and not request.like else HAND
        base = wishes.options(request.round, story.genre, number)
        drawn = replace(base, num_titles=_DRAWN, sample=True, temperature=_DRAWN_TEMPERATURE)
        searches = [base, *([drawn] if request.seen and not base.sample else [])]
        if request.like is not None:
            searches = [*_variations(request.like, base), *searches]
        found: dict[str, Title] = {}
        note = ""
        for options in searches:
            titles = self._loaded().generate([story.synopsis], options)[0]
            note = titles.note or note
            for title in titles:
                key = comparison_key(title.text)
                found[key] = max(title, found.get(key, title), key=lambda each: each.merit)
            if request.like is not None and len(found.keys() - request.seen) >= HAND:
                break
        return sorted(found.values(), key=lambda each: -each.merit), note

    def _cards(self, titles: Sequence[Title], story: Story) -> list[Card]:
        tones = [""] * len(titles)
        if (analyzer := self._analyzer()) is not None:
            found = analyzer.analyze([title.text for title in titles])
            tones = [_TONES.get(each.label, visible(each.label)) for each in found]
        return [
            Card(visible(title.text), story, rate(title, story.synopsis), tone)
            for title, tone in zip(titles, tones, strict=True)
        ]

    def _loaded(self) -> TitleGenerator:
        if self._generator is None:
            from narou_gen.generate import TitleGenerator

            self._generator = TitleGenerator.from_checkpoint(self._folder, threads=self._threads)
        return self._generator

    def _analyzer(self) -> SentimentAnalyzer | None:
        if self._sentiment is None and self.tells_tone:
            from narou_gen.sentiment import FOLDER, SentimentAnalyzer

            self.tells_tone = (self._folder / FOLDER).is_dir()
            if self.tells_tone:
                self._sentiment = SentimentAnalyzer.from_checkpoint(self._folder, threads=self._threads)
        return self._sentiment


def _variations(card: Card, base: GenerationOptions) -> list[GenerationOptions]:
    """Searches that lead to titles like this one: those with its words, and those that begin like it."""
    from narou_gen.metrics.words import content_words, words

    found = []
    standing = [word for word in dict.fromkeys(words(card.title)) if len(word) > 1]
    nouns = {surface for surface, _ in content_words(card.title)}
    telling = sorted((word for word in standing if word.casefold() in nouns), key=len, reverse=True)
    for word in telling[:1]:
        if word not in base.keywords:
            found.append(_possible(base, keywords=(*base.keywords, word)))
    start = "".join(words(card.title)[: max(1, len(words(card.title)) // 3)])
    found.append(_possible(base, prefix=start))
    return [options for options in found if options is not None]


def _possible(base: GenerationOptions, **changes: object) -> GenerationOptions | None:
    try:
        return replace(base, num_titles=HAND, **changes)  # type: ignore[arg-type]
    except InputError:
        return None  # the variation contradicts a wish: the other ones serve


def _choice(found: list[Title], number: int, request: Request) -> list[Title]:
    """So many of the titles (best first): different ones, or those most like a card."""
    if request.like is None:
        chosen = most_relevant_and_different(found, number, 0.5)
    else:
        model = request.like.title
        chosen = sorted(found, key=lambda each: -likeness(each.text, model))[:number]
    return [each for each in found if each in chosen]


def _why_few(number: int, note: str) -> str:
    from narou_gen.demo.notes import in_japanese

    found = f"{number} 枚だけです。" if number else "一枚も出ません。"
    if note:
        return found + in_japanese(note)
    return f"{found}ほかの題名はもう見せました（s で別のあらすじ、w で大胆に）。"
