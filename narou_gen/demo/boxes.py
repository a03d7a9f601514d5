"""Box-drawing and block characters as SVG, by what Unicode calls them."""

from __future__ import annotations

import functools
import unicodedata

_SIDES = {"UP": (0, -1), "DOWN": (0, 1), "LEFT": (-1, 0), "RIGHT": (1, 0)}
_BOTH = {"VERTICAL": ("UP", "DOWN"), "HORIZONTAL": ("LEFT", "RIGHT")}
_WEIGHTS = {"LIGHT": 1.2, "HEAVY": 2.6, "DOUBLE": 1.2}
_APART = 1.8
"""Half the distance of double lines."""
_BLOCKS = "▏▎▍▌▋▊▉█"
_SHADES = {"░": 0.25, "▒": 0.45, "▓": 0.7}


def is_drawn(char: str) -> bool:
    """Whether `as_paths` knows the character."""
    return "\u2500" <= char <= "\u257f" or char in _BLOCKS or char in _SHADES


def as_paths(runs: list[tuple[float, str]], cell: float, line: float, colour: str) -> str:
    """Characters of a row, each run from its x on: a path for each thickness, and what is filled."""
    strokes: dict[float, list[str]] = {}
    filled = ""
    for left, char in ((x + place * cell, char) for x, run in runs for place, char in enumerate(run)):
        if char in _BLOCKS or char in _SHADES:
            share = (_BLOCKS.index(char) + 1) / 8 if char in _BLOCKS else 1.0
            shade = f' fill-opacity="{_SHADES[char]}"' if char in _SHADES else ""
            high, top = (line, 0.0) if char in _SHADES else (line * 0.6, line * 0.2)
            filled += (
                f'<rect x="{left:g}" y="{top:g}" width="{cell * share:g}" height="{high:g}" '
                f'fill="{colour}"{shade}/>'
            )
            continue
        for weight, path in _lines(char, left, cell, line):
            strokes.setdefault(weight, []).append(path)
    return filled + "".join(
        f'<path d="{_joined(paths)}" stroke="{colour}"'
        + ("" if weight == _WEIGHTS["LIGHT"] else f' stroke-width="{weight}"')
        + "/>"
        for weight, paths in strokes.items()
    )


def _joined(paths: list[str]) -> str:
    """Lines across that go on where one before ended become one."""
    found: dict[str, str] = {}  # where it ends -> its path but for that
    others = ""
    for path in paths:
        start, across, end = path.partition("H")
        if across:
            place, height = start[1:].split(" ")
            found[f"{end} {height}"] = found.pop(f"{place} {height}", start)
        else:
            others += path
    return others + "".join(f"{start}H{end.partition(' ')[0]}" for end, start in found.items())


def _lines(char: str, left: float, cell: float, line: float) -> list[tuple[float, str]]:
    """Each line of a character: its thickness and its path."""
    middle, centre = left + cell / 2, line / 2
    right = left + cell
    if char in "╱╲╳":
        rising = f"M{left:g} {line:g}L{right:g} 0"
        falling = f"M{left:g} 0L{right:g} {line:g}"
        return [(1.2, path) for path, on in ((rising, char in "╱╳"), (falling, char in "╲╳")) if on]
    arms = _arms(char)
    if "ARC" in unicodedata.name(char, ""):
        (x1, y1), (x2, y2) = (_SIDES[side] for side in arms)
        start = f"{middle + x1 * cell / 2:g} {centre + y1 * line / 2:g}"
        end = f"{middle + x2 * cell / 2:g} {centre + y2 * line / 2:g}"
        return [(1.2, f"M{start}Q{middle:g} {centre:g} {end}")]
    found = []
    for one, other in (("LEFT", "RIGHT"), ("UP", "DOWN")):  # straight on: one line
        if one in arms and arms[one] == arms.get(other):
            for off in (-_APART, _APART) if arms[one] == "DOUBLE" else (0.0,):
                level = f"M{left:g} {centre + off:g}H{right:g}"
                path = level if one == "LEFT" else f"M{middle + off:g} 0V{line:g}"
                found.append((_WEIGHTS[arms[one]], path))
            arms = {side: name for side, name in arms.items() if side not in (one, other)}
    for side, name in arms.items():
        across, down = _SIDES[side]
        for off in (-_APART, _APART) if name == "DOUBLE" else (0.0,):
            # A double line ends where it meets the other one's near or far line.
            inset = _inset(side, arms, off) if name == "DOUBLE" else 0.0
            if across:
                near, far = middle + inset, left if across < 0 else right
                y = centre + off
                found.append((_WEIGHTS[name], f"M{min(near, far):g} {y:g}H{max(near, far):g}"))
            else:
                near, far = centre + inset, 0.0 if down < 0 else line
                x = middle + off
                found.append((_WEIGHTS[name], f"M{x:g} {near:g}V{far:g}"))
    return found


def _inset(side: str, arms: dict[str, str], off: float) -> float:
    """Where a line of a double arm begins, from the middle of its cell: on the line that it joins."""
    across = _SIDES[side][0] != 0
    turning = [other for other in arms if (_SIDES[other][0] != 0) != across]
    if len(turning) != 1:
        return 0.0
    toward = sum(_SIDES[turning[0]])
    own = sum(_SIDES[side])
    # The inner line of a corner (towards the other arm) is short, the outer one long.
    return own * _APART if off * toward > 0 else -own * _APART


@functools.cache
def _arms(char: str) -> dict[str, str]:
    """Side -> weight of the arms of a box-drawing character."""
    words = unicodedata.name(char).removeprefix("BOX DRAWINGS ").replace("ARC ", "").split(" AND ")
    weights = [next((word for word in part.split() if word in _WEIGHTS), "") for part in words]
    found = {}
    for part, weight in zip(words, weights, strict=True):
        for word in part.split():
            for side in _BOTH.get(word, (word,)):
                if side in _SIDES:
                    found[side] = weight or weights[0]
    return found
