"""Favourites in files and on the clipboard."""

from __future__ import annotations

import json
from pathlib import Path

from demo_table import CARD, STORY, Clock

from narou_gen.demo import favourites
from narou_gen.demo.dealer import Card, Dealer


def test_favourites_are_saved_by_the_ending_and_never_over_another_file(
    tmp_path: Path, dealer: Dealer, hand: tuple[Card, ...]
) -> None:
    clock = Clock(dealer, hand)
    clock.press("f", "2", "f")
    for name in ("oshi.json", "oshi.txt"):
        clock.press("e", "ctrl-u", *str(tmp_path / name), "enter")
        assert "保存しました" in clock.game.message and not clock.game.unsaved
    saved = json.loads((tmp_path / "oshi.json").read_text("utf-8"))
    assert [each["title"] for each in saved] == [card.title for card in clock.game.hand.cards[:2]]
    assert set(saved[0]) == {*("title", "synopsis", "genre", "rarity", "tone", "merit", "novelty", "fit")}
    text = (tmp_path / "oshi.txt").read_text("utf-8")
    assert all(card.title in text for card in clock.game.favourites) and STORY.synopsis in text

    clock.press("1", "f", "e", "ctrl-u", *str(tmp_path / "oshi.txt"), "enter")
    assert clock.game.prompt is not None and clock.game.prompt.purpose == "overwrite"
    clock.press("n", "enter")
    assert (tmp_path / "oshi.txt").read_text("utf-8") == text
    clock.press("e", "ctrl-u", *str(tmp_path / "oshi.txt"), "enter", "y", "enter")
    assert (tmp_path / "oshi.txt").read_text("utf-8") != text
    clock.press("e", "ctrl-u", *str(tmp_path / "no" / "such.txt"), "enter")
    assert "保存できません" in clock.game.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["oshi.json", "oshi.txt"]


def test_a_folder_of_nobody_ends_no_game(dealer: Dealer) -> None:
    clock = Clock(dealer, (CARD,))
    clock.press("f", "e", "ctrl-u", *"~no-such-user/oshi.txt", "enter")
    assert "保存しませんでした" in clock.game.message
    assert clock.game.favourites == [CARD] and clock.game.unsaved


def test_a_work_page_has_title_genre_and_synopsis(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    page = favourites.work_page(CARD)
    assert page.splitlines() == [CARD.title, f"ジャンル: {STORY.genre}", "", "あらすじ", STORY.synopsis]
    clock = Clock(dealer, hand)
    clock.press("c")
    assert clock.game.clipboard == [favourites.work_page(clock.game.hand.cards[0])]
