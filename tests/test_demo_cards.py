"""Cards and covers: their edges, bars and colours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from demo_table import CARD, STORY
from rich.cells import cell_len

from narou_gen.demo.cards import bar, card_back, card_face
from narou_gen.demo.cover import book
from narou_gen.demo.rarity import Rarity, Rating
from narou_gen.demo.story import Story


def test_bars_are_as_long_as_their_values() -> None:
    assert [bar(value, 2) for value in (0.0, 0.5, 1.0)] == ["  ", "█ ", "██"]
    assert cell_len(bar(None, 4)) == 4


@pytest.mark.parametrize("title", ["竜", CARD.title, "長" * 200, "AI!? " * 9, "ﾊﾝｶｸ★" * 5])
@pytest.mark.parametrize("rarity", list(Rarity))
def test_cards_and_covers_are_rectangles(title: str, rarity: Rarity) -> None:
    worth = {Rarity.N: 0.1, Rarity.R: 0.5, Rarity.SR: 0.6, Rarity.SSR: 0.9}[rarity]
    card = replace(CARD, title=title, rating=Rating(worth, worth, worth))
    assert card.rating.rarity is rarity
    for width, height in ((15, 13), (24, 18)):
        face = card_face(card, width, height, 1, 999, "鍵推", 0.3)
        for rows in (face, card_back(width, height)):
            assert [row.cell_len for row in rows] == [width] * height
    for genre in (
        "異世界〔恋愛〕",
        "宇宙〔SF〕",
        "歴史〔文芸〕",
        "童話〔その他〕",
        "ローファンタジー〔ファンタジー〕",
        None,
    ):
        for tone in ("明るい", "暗い", "静か", ""):
            rows = book(replace(card, story=Story(STORY.synopsis, genre), tone=tone), 36, 20)
            assert [row.cell_len for row in rows] == [36] * 20


def test_genre_and_tone_colour_a_cover() -> None:
    def colours(genre: str | None, tone: str) -> str:
        rows = book(replace(CARD, story=Story(STORY.synopsis, genre), tone=tone), 36, 20)
        return str(rows[5].spans)

    found = {
        colours(genre, tone)
        for genre in ("異世界〔恋愛〕", "宇宙〔SF〕", None)
        for tone in ("明るい", "暗い", "静か")
    }
    assert len(found) == 9
