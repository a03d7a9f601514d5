"""Cards as lines of a terminal: face down, being turned up, and face up."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from narou_gen.demo.dealer import Card
from narou_gen.demo.palette import QUIET, rarity_style
from narou_gen.demo.rarity import Rarity
from narou_gen.demo.typesetting import crop, pad, wrap

_LIGHT, _HEAVY, _DOUBLE = tuple("┌─┐│└┘"), tuple("┏━┓┃┗┛"), tuple("╔═╗║╚╝")
_FRAMES = {Rarity.N: _LIGHT, Rarity.R: _LIGHT, Rarity.SR: _HEAVY, Rarity.SSR: _DOUBLE}
_STRIPE = 3
"""Cells of one colour on an SSR's edge."""
_BAR = "▏▎▍▌▋▊▉█"


def card_back(width: int, height: int) -> list[Text]:
    """A card that lies face down."""
    rows = [Text(f"┌{'─' * (width - 2)}┐", QUIET)]
    for row in range(height - 2):
        pattern = ("╱╲" if row % 2 else "╲╱") * width
        rows.append(Text(f"│{pattern[: width - 2]}│", QUIET))
    return [*rows, Text(f"└{'─' * (width - 2)}┘", QUIET)]


def card_face(
    card: Card, width: int, height: int, number: int, letters: int, marks: str, shimmer: float
) -> list[Text]:
    """A card that lies face up, with the first `letters` of its title.

    Args:
        width, height: in cells and rows, the frame included.
        number: the key that selects it.
        marks: what it is besides: 鍵 (locked), 推 (a favourite).
        shimmer: where the colours of an SSR begin, 0 to 1.
    """
    rarity, inner = card.rating.rarity, width - 3
    title = wrap(card.title, inner, height - 3)
    shown = _begun(title, letters)
    about = "・".join(filter(None, (card.tone, f"{len(card.title)}字")))
    body = [*shown, *[""] * (height - 3 - len(shown)), crop(about, inner)]
    frame = _FRAMES[rarity]
    left, across, right, side, low_left, low_right = frame
    name = f" {rarity.name} {'★' * (rarity + 1)} "
    top = f"{left}{across}{name}{across * (width - 3 - len(name))}{right}"
    ends = f" {marks} " if marks else ""
    foot = f" {number} "
    room = width - 3 - len(foot) - _cells(ends)
    bottom = f"{low_left}{across}{foot}{across * room}{ends}{low_right}"
    rows = [_framed(top, rarity, 0, shimmer)]
    for place, line in enumerate(body):
        edge = _edge(rarity, place + 1, shimmer)
        style = QUIET if place == len(body) - 1 else Style(bold=rarity > Rarity.R)
        rows.append(Text.assemble((side, edge), (f" {pad(line, inner)}", style), (side, edge)))
    return [*rows, _framed(bottom, rarity, height, shimmer)]


def _begun(lines: list[str], letters: int) -> list[str]:
    shown = []
    for line in lines:
        shown.append(line[: max(0, letters)])
        letters -= len(line)
    return shown


def _edge(rarity: Rarity, row: int, shimmer: float) -> Style:
    return rarity_style(rarity, shimmer + row / 14)


def _framed(line: str, rarity: Rarity, row: int, shimmer: float) -> Text:
    if rarity is not Rarity.SSR:
        return Text(line, rarity_style(rarity))
    text = Text()
    for place in range(0, len(line), _STRIPE):
        text.append(line[place : place + _STRIPE], rarity_style(rarity, shimmer + (place + row) / 14))
    return text


def _cells(text: str) -> int:
    return Text(text).cell_len


def bar(value: float | None, cells: int) -> str:
    """A value from 0 to 1 as a bar, finer than cells; None is unknown."""
    if value is None:
        return pad("─", cells)
    eighths = round(min(1.0, max(0.0, value)) * cells * 8)
    full, rest = divmod(eighths, 8)
    return pad("█" * full + (_BAR[rest - 1] if rest else ""), cells)


def worth(card: Card, cells: int = 6) -> Text:
    """The three parts of a card's worth, each as a bar with a number."""
    rating = card.rating
    text = Text()
    for name, value in (
        ("できばえ", rating.merit),
        ("新しさ", rating.novelty),
        ("あらすじ", rating.fit),
    ):
        number = "   ?" if value is None else f"{round(100 * value):4}"
        text.append(f"{name} ")
        text.append(bar(value, cells), rarity_style(rating.rarity, 0.5))
        text.append(f"{number}  ")
    return text
