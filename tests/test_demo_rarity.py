"""What a title is worth, and how seldom it is worth most."""

from __future__ import annotations

from collections import Counter

import pytest
from demo_table import STORY

from narou_gen.demo.dealer import Dealer, Request
from narou_gen.demo.rarity import Rarity, Rating, rate
from narou_gen.demo.story import Roulette
from narou_gen.options import Title


def test_rarity_needs_all_three() -> None:
    assert Rating(0.95, 0.85, 0.8).rarity is Rarity.SSR
    assert Rating(1.0, 1.0, 0.4).rarity is Rarity.SR  # one that is weak keeps it from SSR
    assert Rating(0.95, 0.8, 0.75, flaw="丸写し").rarity is Rarity.R
    assert Rating(0.4, 0.5, 0.2).rarity is Rarity.N
    assert Rating(0.95, None, 0.75).rarity is Rarity.SSR  # a checkpoint without an index of titles


def test_a_title_is_rated_by_merit_novelty_and_fit() -> None:
    def rated(title: str, merit: float = 0.5) -> Rating:
        return rate(Title(title, -1.0, merit, nearest=0.2), STORY.synopsis)

    good = rated("宿屋の令嬢は竜を待つ")
    assert good.fit == pytest.approx(3 / 4) and good.novelty == 0.8 and good.flaw is None
    assert good.quality == pytest.approx((0.5 + 0.5 + 0.8 + 0.75) / 4)
    assert rated("魔王の剣").fit == 0
    assert rated("宿屋の令嬢は竜を待つ", merit=0.2).quality < good.quality
    assert rated("辺境の古い宿屋").flaw == "丸写し"
    assert rated("竜の宿屋の竜").flaw == "言葉の重複"


@pytest.mark.slow
def test_an_ssr_is_rare(dealer: Dealer) -> None:
    """On other synopses than the thresholds were chosen on.

    There 2% of 600 cards were SSR, 6% SR, 67% R and 25% N; the margins are for 40 cards, in hands alike.
    """
    stories = Roulette().stories[:8]
    found = Counter(card.rating.rarity for story in stories for card in dealer.deal(Request(story)).cards)
    assert sum(found.values()) == 40
    assert found[Rarity.SSR] <= 4 and found[Rarity.SSR] < found[Rarity.R]
    assert 1 <= found[Rarity.SSR] + found[Rarity.SR] <= 16
    assert found[Rarity.N] <= 20
