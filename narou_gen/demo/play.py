"""The loop that brings a player, a game and a terminal together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from narou_gen.demo.dealer import Dealer
from narou_gen.demo.game import Game
from narou_gen.demo.screen import LEAST_COLUMNS, LEAST_ROWS, draw
from narou_gen.demo.story import Roulette, Story
from narou_gen.demo.tour import STORY, Tour

if TYPE_CHECKING:
    from narou_gen.demo.terminal import Terminal


def play(
    terminal: Terminal,
    dealer: Dealer,
    roulette: Roulette,
    story: Story | None = None,
    tour: Tour | None = None,
) -> Game:
    """Play until the player leaves (`q`, Ctrl-C), or the tour is over; the game is how it was left.

    Raises:
        CheckpointError: the model cannot be used.
    """
    executor = ThreadPoolExecutor(1, "titles")
    game = Game(dealer, roulette, executor)
    try:
        if tour is None:
            game.begin(story or roulette.spin(), time.monotonic())
        else:
            game.begin(story or STORY, time.monotonic(), spin=story is None)
            tour.begin(time.monotonic())
        while not game.finished:
            _turn(terminal, game, tour)
    except KeyboardInterrupt:
        game.interrupted = True
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return game


def _turn(terminal: Terminal, game: Game, tour: Tour | None) -> None:
    """Let time pass, draw, and take what was pressed until the next frame."""
    now = time.monotonic()
    game.tick(now)
    if tour is not None:
        tour.play(game, now)
    columns, rows = terminal.size()
    frame = draw(game, now, columns, rows)
    terminal.draw(tour.captioned(frame.rows, columns) if tour else frame.rows, frame.cursor)
    for text in game.clipboard:
        terminal.copy(text)
    game.clipboard.clear()
    wait = game.next_frame(now)
    if tour is not None:
        wait = min(0.05, wait or 0.05)
    too_small = columns < LEAST_COLUMNS or rows < LEAST_ROWS
    for key in terminal.keys(wait):
        if tour is not None:
            tour.interrupted(game, key)
        elif too_small and key.text != "q":
            continue  # what it would do cannot be seen; the screen says what is wrong
        else:
            game.press(key, time.monotonic())
        if game.finished:
            return
