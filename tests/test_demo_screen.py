"""Frames, in large terminals and in small ones."""

from __future__ import annotations

import pytest
from demo_table import Clock

from narou_gen.demo.dealer import Card, Dealer
from narou_gen.demo.story import Story


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (81, 25), (140, 50)])
def test_frames_fill_the_screen_and_no_more(
    dealer: Dealer, hand: tuple[Card, ...], columns: int, rows: int
) -> None:
    clock = Clock(dealer, hand)
    clock.game.begin(Story("　" + "とても長いあらすじ。「えっ？」\n" * 40), clock.now, spin=True)
    for _ in range(30):
        clock.now += 0.2
        clock.game.tick(clock.now)
        frame = clock.frame(columns, rows)
        assert len(frame.rows) == rows and all(row.cell_len <= columns for row in frame.rows)
    for keys in ((), ("enter",), ("escape", "?"), ("escape", "f", "v"), ("c",), ("escape", "escape", "i")):
        clock.press(*keys)
        frame = clock.frame(columns, rows)
        assert len(frame.rows) == rows and all(row.cell_len <= columns for row in frame.rows)


def test_a_small_terminal_is_told_kindly(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    clock = Clock(dealer, hand)
    for columns, rows in ((79, 24), (80, 23), (20, 5), (1, 1)):
        frame = clock.frame(columns, rows)
        assert len(frame.rows) <= rows and all(row.cell_len <= columns for row in frame.rows)
    assert "小さすぎます" in "".join(row.plain for row in clock.frame(60, 20).rows)
