"""What a player wants of the titles: longer, brighter, wilder, with or without a word; step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from narou_gen.errors import NarouGenError
from narou_gen.options import GenerationOptions, Tone
from narou_gen.text import comparison_key
from narou_gen.typography import finish_title

# From short to long: name, and what the model is told and has to keep.
_LENGTHS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ひとこと（6字まで）", {"length": "short", "max_chars": 6}),
    ("短め（10字まで）", {"length": "short", "max_chars": 10}),
    ("ふつう（10〜24字）", {"length": "middle", "min_chars": 10, "max_chars": 24}),
    ("長め（25〜40字）", {"length": "long", "min_chars": 25, "max_chars": 40}),
    ("とても長め（38字から）", {"length": "long", "min_chars": 38}),
)
_MIDDLE = 2
_TONES: tuple[tuple[str, Tone | None], ...] = (("暗く", "dark"), ("", None), ("明るく", "bright"))
_WILDNESS: tuple[tuple[str, float | None], ...] = (
    ("", None),
    ("大胆に", 0.9),
    ("奔放に", 1.15),
    ("支離滅裂に", 1.5),
)
Scale = Literal["length", "tone", "wildness"]
# The steps of each, and what is said beyond the last and before the first.
_SCALES: dict[Scale, tuple[Sequence[Any], str, str]] = {
    "length": (_LENGTHS, "これ以上長くはできません。", "これ以上短くはできません。"),
    "tone": (_TONES, "これ以上明るくはできません。", "これ以上暗くはできません。"),
    "wildness": (_WILDNESS, "これ以上は乱れられません。", "もうじゅうぶんおとなしいです。"),
}
MOST_WORDS = 4
LONGEST_WORD = 20


class WishError(NarouGenError):
    """A wish that cannot be, as a line in Japanese."""


@dataclass(frozen=True)
class Wishes:
    """What the titles of a hand should be like."""

    length: int | None = None
    """A place in _LENGTHS; None leaves it to the model."""
    tone: int = 1
    wildness: int = 0
    words: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()

    def stepped(self, wish: Scale, by: int) -> Wishes:
        """One step up (1: longer, brighter, wilder) or down (-1).

        Raises:
            WishError: there is no such step.
        """
        steps, too_much, too_little = _SCALES[wish]
        now: int | None = getattr(self, wish)
        changed: dict[str, Any] = {wish: (_MIDDLE if now is None else now) + by}
        if not 0 <= changed[wish] < len(steps):
            raise WishError(too_much if by > 0 else too_little)
        return replace(self, **changed)

    def with_word(self, word: str) -> Wishes:
        """A word that must stand in every title.

        Raises:
            WishError: it cannot.
        """
        word = self._checked(word, self.words)
        if not finish_title(word):
            raise WishError(f"「{word}」だけでは言葉になりません。")
        for bad in self.avoid:
            if comparison_key(bad) in comparison_key(word):
                raise WishError(f"「{bad}」は避けることになっています。0 で願いを消せます。")
        return replace(self, words=(*self.words, word))

    def without_word(self, word: str) -> Wishes:
        """A word that must stand in no title.

        Raises:
            WishError: it cannot be kept out.
        """
        word = self._checked(word, self.avoid)
        if not any(map(str.isalnum, comparison_key(word))):
            raise WishError(f"「{word}」には文字がありません。")
        for good in self.words:
            if comparison_key(word) in comparison_key(good):
                raise WishError(f"「{good}」は入れることになっています。0 で願いを消せます。")
        return replace(self, avoid=(*self.avoid, word))

    def _checked(self, word: str, already: tuple[str, ...]) -> str:
        word = " ".join(word.split())
        if not word:
            raise WishError("言葉が空です。")
        if len(word) > LONGEST_WORD:
            raise WishError(f"言葉は {LONGEST_WORD} 字までです。")
        if word in already:
            raise WishError(f"「{word}」はもう願ってあります。")
        if len(already) >= MOST_WORDS:
            raise WishError(f"言葉は {MOST_WORDS} つまでです。0 で願いを消せます。")
        return word

    def options(self, seed: int, genre: str | None, number: int) -> GenerationOptions:
        """The same as options of the generator.

        Raises:
            WishError: the wishes contradict each other.
        """
        temperature = _WILDNESS[self.wildness][1]
        changes: dict[str, Any] = dict(_LENGTHS[self.length][1]) if self.length is not None else {}
        if temperature is not None:
            changes |= {"sample": True, "temperature": temperature}
        most = changes.get("max_chars")
        if most is not None and max(map(len, self.words), default=0) > most:
            raise WishError("入れる言葉が、願った長さより長すぎます。")
        return GenerationOptions(
            num_titles=number,
            seed=seed,
            genre=genre,
            tone=_TONES[self.tone][1],
            keywords=self.words,
            avoid=self.avoid,
            **changes,
        )

    def described(self) -> list[str]:
        """Each wish in a few Japanese words."""
        found = [_LENGTHS[self.length][0]] if self.length is not None else []
        found += [name for name in (_TONES[self.tone][0], _WILDNESS[self.wildness][0]) if name]
        found += [f"「{word}」を入れる" for word in self.words]
        return found + [f"「{word}」を避ける" for word in self.avoid]
