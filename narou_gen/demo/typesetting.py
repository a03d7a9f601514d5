"""Japanese text in cells of a terminal: cut, wrapped, and set vertically.

A cell is half as wide as a Japanese character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

_NEVER_FIRST = frozenset(
    "、。，．・：；！？!?）」』】〉》〕］ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々…‥～〜"
)
_NEVER_LAST = frozenset("（「『【〈《〔［")
# Unicode's own vertical forms, where it has any.
_VERTICAL = str.maketrans(
    {
        "ー": "｜",
        "―": "︱",
        "—": "︱",
        "─": "︱",
        "－": "｜",
        "-": "｜",
        "～": "︴",
        "〜": "︴",
        "~": "︴",
        "…": "︙",
        "‥": "︰",
        "、": "︑",
        "。": "︒",
        "，": "︐",
        "：": "︓",
        "；": "︔",
        "＝": "‖",
        "（": "︵",
        "）": "︶",
        "「": "﹁",
        "」": "﹂",
        "『": "﹃",
        "』": "﹄",
        "【": "︻",
        "】": "︼",
        "〈": "︿",
        "〉": "﹀",
        "《": "︽",
        "》": "︾",
        "〔": "︹",
        "〕": "︺",
        "［": "﹇",
        "］": "﹈",
        "｛": "︷",
        "｝": "︸",
        "　": "\u3000",
    }
)
# 縦中横: two of these stand side by side in the room of one character.
_UPRIGHT = re.compile(r"(?<![0-9A-Za-z])[0-9A-Z]{2}(?![0-9A-Za-z])|[！!][？?]|[？?][！!]|！！|!!|？？|\?\?")
_HALF = str.maketrans("！？", "!?")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def crop(text: str, cells: int) -> str:
    """The text in so many cells at most; what does not fit becomes "…"."""
    if cell_len(text) <= cells:
        return text
    while text and cell_len(text) > cells - 1:
        text = text[:-1]
    return f"{text}…" if cells > 0 else ""


def pad(text: str, cells: int) -> str:
    """The text in exactly so many cells."""
    text = crop(text, cells)
    return text + " " * (cells - cell_len(text))


def padded(text: Text, cells: int, style: str | Style = "") -> Text:
    """A styled line of exactly so many cells, cut where it is longer."""
    line = text.copy()
    line.truncate(cells, overflow="crop")
    line.append(" " * (cells - line.cell_len), style)
    return line


def centred(text: Text, cells: int) -> Text:
    room = max(0, cells - text.cell_len)
    return padded(Text(" " * (room // 2)) + text, cells)


def wrap(text: str, cells: int, most_lines: int | None = None) -> list[str]:
    """Lines of at most so many cells. None begins with 」 or 、 and none ends with 「 (禁則).

    What goes beyond `most_lines` is cut, with "…".
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for char in paragraph:
            if cell_len(line + char) <= cells:
                line += char
                continue
            kept, rest = _broken(line, char)
            lines.append(kept)
            line = rest
        lines.append(line)
    if most_lines is not None and len(lines) > most_lines:
        lines = lines[:most_lines]
        last = lines[-1] if lines else ""
        while last and cell_len(last) > cells - 1:
            last = last[:-1]
        lines[-1:] = [f"{last}…"]
    return lines


def _broken(line: str, char: str) -> tuple[str, str]:
    """A full line and the character after it, broken where a line may break."""
    cut = len(line)
    following = char
    while cut > 1 and (following in _NEVER_FIRST or line[cut - 1] in _NEVER_LAST):
        cut -= 1
        following = line[cut]
        if len(line) - cut >= 3:  # a row of marks breaks anywhere
            return line, char
    return line[:cut], line[cut:] + char


def upright(text: str) -> list[str]:
    """A text as what stands one below the other when it is set vertically; each two cells wide."""
    found: list[str] = []
    end = 0
    for match in [*_UPRIGHT.finditer(text), None]:
        found += [_stood(char) for char in text[end : match.start() if match else None]]
        if match:
            found.append(match[0].translate(_HALF))
            end = match.end()
    return [cell for cell in found if cell]


def _stood(char: str) -> str:
    """One character in two cells, or "" where it cannot be shown (a combining mark)."""
    char = char.translate(_VERTICAL).translate(_WIDE)
    width = cell_len(char)
    return char + " " if width == 1 else char if width == 2 else ""


def columns(text: str, height: int) -> list[list[str]]:
    """Columns of at most `height` characters, the first one on the right when it is drawn.

    A mark that must not begin a column stands below the one before it, which may so be one longer.
    """
    lines: list[list[str]] = [[]]
    for cell in upright(text):
        if len(lines[-1]) >= height and not (cell in _HANGING and len(lines[-1]) == height):
            lines.append([])
        lines[-1].append(cell)
    return [line for line in lines if line]


_HANGING = frozenset("︑︒︐﹂﹄︶︼﹀︾︺﹈｜︴")


def vertical(text: str, height: int, most_columns: int, gap: int = 1) -> list[str]:
    """Rows of a text set vertically from right to left: (height + 1) rows, the last for hanging marks.

    Each column is two cells wide, `gap` cells lie between columns. What does not fit is cut, with "︙".
    """
    found = columns(text, height)
    if len(found) > most_columns:
        found = found[:most_columns]
        found[-1] = [*found[-1][: height - 1], "︙"]
    rows = []
    for row in range(height + 1):
        cells = [column[row] if row < len(column) else "  " for column in reversed(found)]
        rows.append((" " * gap).join(cells))
    return rows


def beside(blocks: Iterable[list[Text]], gap: int = 0) -> list[Text]:
    """Blocks of equally many lines, one beside the other."""
    between = Text(" " * gap)
    return [between.join(lines) for lines in zip(*blocks, strict=True)]
