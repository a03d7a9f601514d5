"""The tour without a terminal and without waiting: as frames, and as a moving picture (SVG)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import ParamSpec, TypeVar

from rich.text import Text

from narou_gen.demo.dealer import Dealer
from narou_gen.demo.game import Game
from narou_gen.demo.picture import Still, moving_picture
from narou_gen.demo.screen import LEAST_COLUMNS, LEAST_ROWS, draw
from narou_gen.demo.story import Roulette
from narou_gen.demo.tour import STEPS, STORY, Step, Tour
from narou_gen.errors import InputError
from narou_gen.folders import write_whole

_FRAME_SECONDS = 0.125
_LONGEST = 120.0
"""Seconds after which a tour that does not end would be given up."""

P = ParamSpec("P")
T = TypeVar("T")


class AtOnce(Executor):
    """Does what it is given before it goes on, so that nothing depends on the machine's speed."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # it belongs to whoever asks for the result
            future.set_exception(error)
        return future


def tour_frames(dealer: Dealer, columns: int, rows: int, steps: tuple[Step, ...] = STEPS) -> list[Still]:
    """What the tour shows, each frame with the seconds that it stands.

    Raises:
        CheckpointError: the model cannot be used.
    """
    game, tour = Game(dealer, Roulette(0), AtOnce()), Tour(steps)
    game.begin(STORY, 0.0, spin=True)
    tour.begin(0.0)
    stills: list[Still] = []
    now = 0.0
    while not game.finished and now < _LONGEST:
        game.tick(now)
        tour.play(game, now)
        shown = draw(game, now, columns, rows, shimmer=0.0)
        frame = tour.captioned(_with_cursor(shown.rows, shown.cursor), columns)
        if stills and stills[-1].rows == frame:
            stills[-1] = Still(frame, stills[-1].seconds + _FRAME_SECONDS)
        else:
            stills.append(Still(frame, _FRAME_SECONDS))
        now += _FRAME_SECONDS
    return stills


def _with_cursor(rows: list[Text], cursor: tuple[int, int] | None) -> list[Text]:
    if cursor is None:
        return rows
    line = rows[cursor[1]]
    return [*rows[: cursor[1]], Text.assemble(line, "▏"), *rows[cursor[1] + 1 :]]


def record_tour(dealer: Dealer, file: Path, steps: tuple[Step, ...] = STEPS) -> None:
    """Write the tour as an SVG that moves, whole or not at all.

    Raises:
        InputError: the file is no .svg.
        CheckpointError: the model cannot be used.
    """
    if file.suffix.lower() != ".svg":
        raise InputError(f"{file}: the tour is recorded as .svg.")
    picture = moving_picture(tour_frames(dealer, LEAST_COLUMNS, LEAST_ROWS, steps), LEAST_COLUMNS, LEAST_ROWS)
    write_whole(file, picture)
