"""Colours: of rarities, of genres and tones, and of the table."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

from rich.color import Color
from rich.style import Style

from narou_gen.demo.rarity import Rarity

QUIET = Style(color="bright_black")
KEY = Style(color="bright_yellow", bold=True)
ACCENT = Style(color="bright_cyan", bold=True)
MESSAGE = Style(color="bright_yellow")
MANUSCRIPT = Style(color="#b5651d")
INK = Style(bold=True)

_RARITY_COLOURS = {Rarity.N: "#9aa5b1", Rarity.R: "#4fc3f7", Rarity.SR: "#ffd54f"}
# Hues of genres from 0 to 1, by what stands in 〔〕 behind a Narou genre.
_HUES = {"恋愛": 0.95, "ファンタジー": 0.72, "文芸": 0.09, "SF": 0.52, "その他": 0.33}
_NO_GENRE = 0.61


@dataclass(frozen=True)
class CoverColours:
    """A book's cover: the title on its board, the band around it, and what is drawn on both."""

    board: Style
    faint: Style
    band: Style


def group(genre: str | None) -> str:
    """The large genre that a genre belongs to: 異世界〔恋愛〕 is 恋愛; "" where it is none of Narou's."""
    name = (genre or "").rpartition("〔")[2].rstrip("〕")
    return name if name in _HUES else ""


def rarity_style(rarity: Rarity, place: float = 0.0) -> Style:
    """The colour of a rarity; SSR has all of them, by place (0 to 1, over and over)."""
    if rarity is Rarity.SSR:
        return Style(color=_rgb(place % 1.0, 0.68, 0.85), bold=True)
    return Style(color=_RARITY_COLOURS[rarity], bold=rarity is Rarity.SR)


def cover_colours(genre: str | None, tone: str) -> CoverColours:
    """The genre gives the hue; a bright title a light cover, a dark one a dark cover."""
    hue = _HUES.get(group(genre), _NO_GENRE)
    # Lightness of the board, of its text, of what is drawn faintly on it, and of the band.
    board, text, faint, band = {
        "明るい": (0.84, 0.16, 0.60, 0.95),
        "暗い": (0.13, 0.88, 0.34, 0.24),
    }.get(tone, (0.33, 0.95, 0.56, 0.88))
    band_text = 0.15 if band > 0.5 else 0.92
    return CoverColours(
        Style(color=_rgb(hue, text, 0.35), bgcolor=_rgb(hue, board, 0.5), bold=True),
        Style(color=_rgb(hue, faint, 0.5), bgcolor=_rgb(hue, board, 0.5)),
        Style(color=_rgb(hue, band_text, 0.4), bgcolor=_rgb((hue + 0.08) % 1, band, 0.6)),
    )


def _rgb(hue: float, lightness: float, saturation: float) -> Color:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return Color.from_rgb(255 * red, 255 * green, 255 * blue)
