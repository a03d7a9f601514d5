"""How rare a card is, from N to SSR: by the merit of its title, the training titles, and the synopsis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from narou_gen.options import Title


class Rarity(IntEnum):
    N, R, SR, SSR = range(4)


# Of quality, below. Chosen on two hands of 60 synopses of the bundled validation split by narou-mini in
# int8, 600 cards: 2% SSR, 6% SR, 67% R and 25% N. Another model deals otherwise.
LEAST_QUALITY = {Rarity.SSR: 0.65, Rarity.SR: 0.57, Rarity.R: 0.42}
WEAKEST_SSR = 0.45
"""An SSR is good in each of the three; none makes up for another."""
_COPIED = 0.9
"""From this share on, a title stands in its synopsis already."""


@dataclass(frozen=True)
class Rating:
    """What a title is worth; each from 0 to 1."""

    merit: float
    """How likely an editor would use it (`Title.merit`); counts twice."""
    novelty: float | None
    """1 - the likeness of the nearest training title; None where the checkpoint does not know them."""
    fit: float
    """The nouns and names that the synopsis has too / (all of the title's + 1): one alone proves little."""
    flaw: str | None = None
    """What keeps it from being more than R, in Japanese."""

    @property
    def quality(self) -> float:
        known = [self.merit, self.merit, self.fit] + ([] if self.novelty is None else [self.novelty])
        return sum(known) / len(known)

    @property
    def rarity(self) -> Rarity:
        weakest = min(self.merit, self.fit, 1.0 if self.novelty is None else self.novelty)
        found = next((rarity for rarity, least in LEAST_QUALITY.items() if self.quality >= least), Rarity.N)
        if found is Rarity.SSR and weakest < WEAKEST_SSR:
            found = Rarity.SR
        return min(found, Rarity.R) if self.flaw else found


def rate(title: Title, synopsis: str) -> Rating:
    """The worth of a title for its synopsis."""
    from narou_gen.metrics.faithfulness import faithfulness
    from narou_gen.metrics.words import content_words

    words = len(content_words(title.text))
    return Rating(
        merit=title.merit,
        novelty=None if title.nearest is None else 1 - title.nearest,
        fit=(faithfulness(title.text, synopsis) or 0.0) * words / (words + 1),
        flaw=_flaw(title.text, synopsis),
    )


def _flaw(title: str, synopsis: str) -> str | None:
    from narou_gen.metrics.copying import copied_share
    from narou_gen.metrics.words import content_words

    words = [lemma for _, lemma in content_words(title)]
    if len(set(words)) < len(words):
        return "言葉の重複"
    if copied_share(title, synopsis) >= _COPIED:
        return "丸写し"
    return None
