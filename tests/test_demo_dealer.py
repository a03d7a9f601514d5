"""Hands as they are dealt."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from demo_table import CARD, STORY, Clock

from narou_gen import GenerationOptions, Title, TitleGenerator
from narou_gen.demo.dealer import HAND, Card, Dealer, Request, _choice
from narou_gen.resources import find_checkpoint
from narou_gen.text import comparison_key, visible


def test_a_hand_has_five_different_titles(hand: tuple[Card, ...]) -> None:
    assert len({card.title for card in hand}) == HAND
    assert all(card.tone for card in hand)


def test_the_first_hand_lies_as_the_generator_orders_titles(hand: tuple[Card, ...]) -> None:
    generator = TitleGenerator.from_checkpoint("narou-mini", threads=1)
    options = GenerationOptions(num_titles=HAND, seed=0, genre=STORY.genre)
    titles = generator.generate([STORY.synopsis], options)[0]
    assert [card.title for card in hand] == [visible(title.text) for title in titles]


def test_what_several_searches_found_is_in_one_order(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    seen = frozenset(comparison_key(card.title) for card in hand)
    found, _ = dealer._titles(Request(STORY, round=1, seen=seen))
    assert len(found) > HAND
    assert [each.merit for each in found] == sorted((each.merit for each in found), reverse=True)


def test_cards_lie_in_the_order_of_merit_however_they_are_chosen() -> None:
    titles = [
        Title("辺境の古い宿屋の令嬢と竜", -0.9, merit=0.6),
        Title("辺境の古い宿屋の令嬢と竜の夜", -0.9, merit=0.55),
        Title("魔王の城の騎士団長と剣", -0.8, merit=0.5),
        Title("黒い犬", -0.5, merit=0.4),
    ]
    assert _choice(titles, 3, Request(STORY)) == [titles[0], titles[2], titles[3]]
    like = replace(CARD, title="黒い犬と剣")
    assert _choice(titles, 2, Request(STORY, like=like)) == titles[2:]


def test_a_checkpoint_without_a_head_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "headless"
    shutil.copytree(
        find_checkpoint("narou-mini"), folder, ignore=shutil.ignore_patterns("sentiment", "state")
    )
    clock = Clock(Dealer(str(folder), threads=1), ())
    clock.press("r")
    clock.wait(3)
    assert all(card.tone == "" for card in clock.game.hand.cards)
    clock.press("b")
    clock.wait(3)
    assert "感情のヘッド" in clock.game.message and clock.game.hand.cards
