"""Frames of a terminal as one SVG that moves by CSS alone, so that it plays in a page of a repository.

The frames lie side by side like a film, and the film jumps from one to the next. What is alike in them is
kept once: bands of rows, rows, and cards. Boxes and blocks are drawn as lines, so that they join in any font.
"""

from __future__ import annotations

import html
import itertools
from dataclasses import dataclass

from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from narou_gen.demo.boxes import as_paths, is_drawn

_CELL, _LINE, _FONT = 9, 21, 16
"""Width of a cell, height of a row, size of the letters, in pixels."""
_BASE = _LINE - 5
_MARGIN = 14
_SEVERAL = 3
_PIECE, _FEWEST_PIECES = 16, 4
"""Cells from one card to the next; and how many of them make a row of cards."""
_BANDS = (0, 1, 5, 19, 21, 22)
"""Rows at which a part of the table begins."""
_FONTS = (
    "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono','BIZ UDGothic','Noto Sans Mono CJK JP',"
    "'MS Gothic','Osaka-Mono','Hiragino Sans','IPAGothic',monospace"
)
_THEME = TerminalTheme(
    (21, 22, 30),
    (216, 222, 233),
    [
        *((46, 52, 64), (224, 108, 117), (152, 195, 121), (229, 192, 123)),
        *((97, 175, 239), (198, 120, 221), (86, 182, 194), (216, 222, 233)),
    ],
    [
        *((127, 136, 152), (240, 128, 136), (170, 214, 140), (255, 213, 100)),
        *((120, 190, 255), (214, 150, 235), (110, 214, 226), (255, 255, 255)),
    ],
)


@dataclass(frozen=True)
class Still:
    """A frame, and how long it stands in seconds."""

    rows: list[Text]
    seconds: float


def moving_picture(stills: list[Still], columns: int, rows: int) -> str:
    """The frames as an SVG that plays over and over.

    Who asks for less motion sees the frame that stands longest.
    """
    inner_width, inner_height = columns * _CELL, rows * _LINE
    width, height = inner_width + 2 * _MARGIN, inner_height + 2 * _MARGIN
    console = Console(width=columns, force_terminal=True, color_system="truecolor", no_color=False)
    kept: dict[str, str] = {}  # what is drawn -> its name
    frames = []
    for number, still in enumerate(stills):
        lines = [_line(kept, text, console) for text in still.rows]
        bands = [lines[start:end] for start, end in itertools.pairwise((*_BANDS, rows))]
        uses = [
            _use(kept, "".join(_use(kept, line, (start + row) * _LINE) for row, line in enumerate(band)))
            for start, band in zip(_BANDS, bands, strict=True)
        ]
        frames.append(f'<g transform="translate({number * width})">{"".join(uses)}</g>')
    longest = max(range(len(stills)), key=lambda number: stills[number].seconds)
    defined = "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in kept.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="narou-gen demo">'
        f"<style>{_style(stills, width, longest)}</style><defs>{defined}"
        f'<clipPath id="c"><rect width="{inner_width}" height="{inner_height}"/></clipPath></defs>'
        f'<rect width="{width}" height="{height}" rx="10" fill="{_hex(_THEME.background_color)}"/>'
        f'<g transform="translate({_MARGIN} {_MARGIN})" clip-path="url(#c)"><g class="f">'
        f"{''.join(frames)}</g></g></svg>\n"
    )


def _use(kept: dict[str, str], drawn: str, y: int = 0, x: int = 0) -> str:
    """What is drawn, kept once under a name of its own, at a place."""
    if not drawn:
        return ""
    name = kept.setdefault(drawn, f"r{len(kept)}")
    return f'<use href="#{name}"' + (f' x="{x}"' if x else "") + (f' y="{y}"/>' if y else "/>")


def _line(kept: dict[str, str], text: Text, console: Console) -> str:
    """A row, where it can be of pieces as wide as a card: they come again when another card changes."""
    cuts, column = [], 0
    for place, char in enumerate(text.plain):
        if place and column % _PIECE == 0 and text.plain[place - 1] == " ":
            cuts.append(place)
        column += cell_len(char)
    pieces = text.divide(cuts)
    if len(pieces) < _FEWEST_PIECES:
        return _row(text, console)
    column, drawn = 0, ""
    for piece in pieces:
        drawn += _use(kept, _row(piece, console), x=column * _CELL)
        column += piece.cell_len
    return drawn


def _style(stills: list[Still], width: int, longest: int) -> str:
    total = sum(still.seconds for still in stills)
    starts = itertools.accumulate((still.seconds for still in stills[:-1]), initial=0.0)
    steps = "".join(
        f"{100 * start / total:.3f}%{{transform:translateX({-number * width}px)}}"
        for number, start in enumerate(starts)
    )
    return (
        f"text{{font:{_FONT}px {_FONTS};white-space:pre}}path{{fill:none;stroke-width:1.2}}"
        ".b{font-weight:700}"
        f".f{{animation:f {total:.1f}s step-end infinite}}@keyframes f{{{steps}}}"
        "@media(prefers-reduced-motion:reduce)"
        f"{{.f{{animation:none;transform:translateX({-longest * width}px)}}}}"
    )


def _row(text: Text, console: Console) -> str:
    """One row as SVG, its upper left corner at 0, 0."""
    column = 0
    papers: list[tuple[int, int, str]] = []  # (column, cells, colour)
    runs: dict[tuple[str, bool], list[tuple[int, str]]] = {}
    styled = Segment.apply_style(text.render(console), console.get_style(text.style))
    for segment in Segment.simplify(styled):
        style = segment.style or Style()
        ink = _hex(_colour(style.color, foreground=True))
        for run in _runs(segment.text):
            cells = cell_len(run)
            if style.bgcolor is not None and not style.bgcolor.is_default:
                fill = _hex(_colour(style.bgcolor, foreground=False))
                if papers and papers[-1][2] == fill and sum(papers[-1][:2]) == column:
                    papers[-1] = (papers[-1][0], papers[-1][1] + cells, fill)
                else:
                    papers.append((column, cells, fill))
            if run.strip():
                runs.setdefault((ink, bool(style.bold)), []).append((column, run))
            column += cells
    below = "".join(
        # A little more than its cells: no seam to the next one.
        f'<rect x="{start * _CELL}" width="{cells * _CELL + 0.5}" height="{_LINE + 0.5}" fill="{fill}"/>'
        for start, cells, fill in papers
    )
    return below + "".join(_inked(found, ink, bold) for (ink, bold), found in runs.items())


def _runs(text: str) -> list[str]:
    """The text in pieces that are drawn alike: as lines, as wide letters, as narrow ones; spaces apart."""
    return ["".join(group) for _, group in itertools.groupby(text, key=_kind)]


def _kind(char: str) -> tuple[bool, bool, bool, int]:
    return is_drawn(char), _is_symbol(char), char in " \u3000", cell_len(char)


def _inked(runs: list[tuple[int, str]], ink: str, bold: bool) -> str:
    """Runs of one colour and weight: (column, text) each."""
    boxes = [(column, run) for column, run in runs if is_drawn(run[0])]
    symbols = [(column, run) for column, run in runs if _is_symbol(run[0])]
    letters = [pair for pair in runs if pair not in boxes and pair not in symbols]
    drawn = as_paths([(column * _CELL, run) for column, run in boxes], _CELL, _LINE, ink)
    end = f'y="{_BASE}" fill="{ink}"' + (' class="b">' if bold else ">")
    if len(letters) > _SEVERAL:  # one element, each letter at its place
        places = " ".join(
            str((column + cell_len(run[:place])) * _CELL)
            for column, run in letters
            for place in range(len(run))
        )
        drawn += f'<text x="{places}" {end}{_escaped("".join(run for _, run in letters))}</text>'
        letters = []
    for column, run in [*letters, *symbols]:
        # A symbol is as wide as a font likes: it is squeezed into its cells. Letters change their spacing.
        squeezed = ' lengthAdjust="spacingAndGlyphs"' if _is_symbol(run[0]) else ""
        length = f'textLength="{cell_len(run) * _CELL}"{squeezed}'
        drawn += f'<text x="{column * _CELL}" {length} {end}{_escaped(run)}</text>'
    return drawn


def _is_symbol(char: str) -> bool:
    return not char.isascii() and cell_len(char) == 1 and not is_drawn(char)


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _colour(color: Color | None, foreground: bool) -> tuple[int, int, int]:
    if color is None or color.is_default:
        return _THEME.foreground_color if foreground else _THEME.background_color
    return color.get_truecolor(_THEME, foreground)


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
