"""The command that plays with titles."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from narou_gen.demo.dealer import Dealer
    from narou_gen.demo.story import Roulette, Story
    from narou_gen.demo.tour import Tour

_INTERRUPTED = 130
"""The exit code of programs that Ctrl-C ended."""


def demo(
    text: Annotated[str | None, typer.Argument(help="A synopsis; by default one of the bundled.")] = None,
    genre: Annotated[str | None, typer.Option(help="Its Narou genre, by code or name: 201.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print one round and end.")] = False,
    tour: Annotated[bool, typer.Option("--tour", help="A minute that plays itself.")] = False,
    pace: Annotated[
        float | None, typer.Option(min=0.1, max=100, help="With --tour: 2 is twice as fast.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Record the tour as a moving picture.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same bundled synopses again.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Checkpoint folder; by default NAROU_GEN_CHECKPOINT, else bundled.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use; by default all.")] = None,
) -> None:
    """Play: draw titles as cards, in Japanese, in the terminal."""
    if once and (tour or record is not None):
        raise typer.BadParameter("--once goes with neither --tour nor --record")
    if record is not None:
        others = {"a synopsis": text, "--genre": genre, "--pace": pace, "--seed": seed}
        if ignored := [name for name, value in others.items() if value is not None]:
            raise typer.BadParameter(f"--record is always the same tour: leave out {', '.join(ignored)}")
    elif pace is not None and not tour:
        raise typer.BadParameter("--pace needs --tour")
    from narou_gen.demo.dealer import Dealer
    from narou_gen.demo.story import Roulette, own_story

    dealer = Dealer(checkpoint, threads)
    if record is not None:
        from narou_gen.demo.recording import record_tour

        record_tour(dealer, record)
        print(record)
        return
    if text is None and not tour and sys.stdin is not None and not sys.stdin.isatty():
        text = _piped()
    story = None if text is None else own_story(text, genre)
    if genre is not None and story is None:
        raise typer.BadParameter("--genre needs a synopsis of your own")
    roulette = Roulette(seed)
    if once or not _playable():
        from rich.console import Console

        from narou_gen.demo.once import show_round

        show_round(dealer, story or roulette.spin(), Console(highlight=False, emoji=False))
        return
    from narou_gen.demo.tour import Tour

    _play(dealer, roulette, story, Tour(pace=pace or 1.0) if tour else None)


def _piped() -> str | None:
    """What comes through stdin, if it is more than blanks."""
    from narou_gen.errors import InputError

    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("stdin: this is not UTF-8; convert it first, e.g. with iconv.") from None
    return text if text.strip() else None


def _playable() -> bool:
    """Whether there is a terminal to play on; where one lacks something, stderr says so."""
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stdout.isatty():
        return False
    try:
        import termios  # noqa: F401
    except ImportError:
        print("narou-gen: this terminal cannot be played on (no termios), so: one round.", file=sys.stderr)
        return False
    if os.environ.get("TERM", "") in ("", "dumb"):
        print("narou-gen: this terminal cannot be played on (TERM), so: one round.", file=sys.stderr)
        return False
    return True


def _play(dealer: Dealer, roulette: Roulette, story: Story | None, tour: Tour | None) -> None:
    from narou_gen.demo.play import play
    from narou_gen.demo.terminal import Stopped, open_terminal

    try:
        with open_terminal() as terminal:
            game = play(terminal, dealer, roulette, story, tour)
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except Stopped as stop:
        raise typer.Exit(stop.exit_code) from None
    if game.unsaved and tour is None:  # nothing that was liked is lost
        for card in game.favourites:
            print(card.title)
    if game.interrupted:
        raise typer.Exit(_INTERRUPTED)
