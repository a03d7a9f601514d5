"""The draft of a title, letter by letter on squared manuscript paper (原稿用紙)."""

from __future__ import annotations

from rich.text import Text

from narou_gen.demo.palette import INK, MANUSCRIPT
from narou_gen.demo.typesetting import crop, pad

_SQUARES = 20
"""Of a line, as on real sheets."""


def manuscript(text: str, height: int, writing: bool) -> list[Text]:
    """Lines of 61 cells; `writing` shows the pen behind the last letter."""
    lines = max(2, min((height - 1) // 2, -(-(len(text) + 1) // _SQUARES)))
    text = text if len(text) <= lines * _SQUARES else f"{text[: lines * _SQUARES - 1]}…"
    rows = [_ruled("┌", "┬", "┐")]
    for line in range(lines):
        row = Text().append("│", MANUSCRIPT)
        for place in range(line * _SQUARES, (line + 1) * _SQUARES):
            if place == len(text) and writing:
                row.append("▌ ", INK)
            else:
                row.append(pad(crop(text[place : place + 1], 2), 2), INK)
            row.append("│", MANUSCRIPT)
        rows += [row, _ruled("├", "┼", "┤") if line < lines - 1 else _ruled("└", "┴", "┘")]
    return rows


def _ruled(left: str, middle: str, right: str) -> Text:
    return Text(left + middle.join(["──"] * _SQUARES) + right, MANUSCRIPT)
