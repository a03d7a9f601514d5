"""A title on the cover of a book: set vertically, the spine on the right, a band below."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from narou_gen.demo.dealer import Card
from narou_gen.demo.palette import CoverColours, cover_colours, group
from narou_gen.demo.typesetting import crop, pad, upright, vertical, wrap

_BAND = 4
"""Rows of the band, its edge included."""
_SPREAD_UP_TO = 6
"""So short a title is set with room between its characters."""
_EMBLEMS = {
    "恋愛": (
        " ╭───╮ ╭───╮ ",
        "╭╯   ╰─╯   ╰╮",
        "╰╮         ╭╯",
        " ╰──╮   ╭──╯ ",
        "    ╰─┬─╯    ",
    ),
    "ファンタジー": ("┌┐ ┌┐ ┌┐", "│└─┘└─┘│", "│ ┌──┐ │", "│ │  │ │", "└─┴──┴─┘"),
    "文芸": ("╭───┬───╮", "│ ─ │ ─ │", "│ ─ │ ─ │", "│ ─ │ ─ │", "╰───┴───╯"),
    "SF": ("   ╭───╮   ", "╭──┤   ├──╮", "╰──┤   ├──╯", "   ╰───╯   "),
    "その他": ("   ╷   ", " ╲ │ ╱ ", "╶──┼──╴", " ╱ │ ╲ ", "   ╵   "),
    "": ("╭──╮", "╰╮╭╯", "╭╯╰╮", "╰──╯"),
}


def book(card: Card, width: int, height: int) -> list[Text]:
    """The cover in so many cells and rows."""
    colours = cover_colours(card.story.genre, card.tone)
    inner = width - 5  # two edges, the spine and its edge
    upper = height - 2 - _BAND
    rows = [Text(f"┏{'━' * inner}┳━━┓", colours.faint)]
    rows += [_bound(line, colours) for line in _board(card, inner, upper, colours)]
    rows.append(Text(f"┠{'─' * inner}╂──┨", colours.faint))
    rows += [_bound(Text(pad(line, inner), colours.band), colours) for line in _band(card, inner)]
    return [*rows, Text(f"┗{'━' * inner}┻━━┛", colours.faint)]


def _bound(line: Text, colours: CoverColours) -> Text:
    return Text.assemble(("┃", colours.faint), line, ("┃▒▒┃", colours.faint))


def _board(card: Card, inner: int, height: int, colours: CoverColours) -> list[Text]:
    """The title on the right, the emblem in the free corner, the author below it."""
    letters = height - 3
    columns = _title_columns(card.title, letters, (inner - 2) // 3)
    title_cells = cell_len(columns[0])
    free = inner - title_cells - 3
    emblem = _EMBLEMS[group(card.story.genre)]
    if free < len(emblem[0]) + 2:
        emblem = ()
    author = "narou-gen 著"
    rows = []
    for row in range(height):
        place = row - 2  # the title begins below a margin
        cells = columns[place] if 0 <= place < len(columns) else " " * title_cells
        left = ""
        if 0 <= row - (height - len(emblem) - 3) < len(emblem):
            drawn = emblem[row - (height - len(emblem) - 3)]
            left = " " * ((free - len(drawn)) // 2 + 1) + drawn
        signed = row == height - 2 and free > len(author) + 2
        beside = (f"  {author}", colours.board) if signed else (left, colours.faint)
        rows.append(Text.assemble((pad(beside[0], free + 1), beside[1]), (f"{cells}  ", colours.board)))
    return rows


def _title_columns(title: str, height: int, most: int) -> list[str]:
    """Rows of the title's columns."""
    if len(upright(title)) <= min(_SPREAD_UP_TO, height // 2):
        title = "\u3000".join(title)
    return vertical(title, height - 1, most)


def _band(card: Card, inner: int) -> list[str]:
    """What a publisher would praise the book with: its rarity, and how it begins."""
    praise = wrap(f"「{card.story.first_words}」", inner - 2, 2)
    stars = "★" * (card.rating.rarity + 1)
    lines = [f" {crop(line, inner - 2)}" for line in praise]
    lines += [""] * (2 - len(lines))
    return [*lines, f" {card.rating.rarity.name} {stars}"]
