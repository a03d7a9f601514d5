"""Hands as they are dealt."""

from __future__ import annotations

import shutil
from pathlib import Path

from demo_table import Clock

from narou_gen.demo.dealer import HAND, Card, Dealer
from narou_gen.resources import find_checkpoint


def test_a_hand_has_five_different_titles(hand: tuple[Card, ...]) -> None:
    assert len({card.title for card in hand}) == HAND
    assert all(card.tone for card in hand)


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
