"""Flaws of a title that need no reader: nothing there, unknown tokens, brackets, stuttering."""

from __future__ import annotations

import re
from typing import Literal, get_args

Flaw = Literal["empty", "unknown_token", "unbalanced", "repeated"]
FLAWS: tuple[Flaw, ...] = get_args(Flaw)

_UNKNOWN = re.compile(r"\[UNK\]|<unk>|⁇|\ufffd", re.IGNORECASE)
_CLOSING = dict(zip("「『【〔（([｛{〈《“", "」』】〕）)]｝}〉》”", strict=True))
# 三百年三百年, where ドキドキ and まだまだ are words; or eight in a row that come again.
_REPEATED = re.compile(r"(\w{3,})\1|(\w{8,}).*\2")


def flaws(title: str) -> tuple[Flaw, ...]:
    """The flaws of a title, in the order of FLAWS; a sound title has none."""
    found = {
        "empty": not title.strip(),
        "unknown_token": bool(_UNKNOWN.search(title)),
        "unbalanced": not _is_balanced(title),
        "repeated": bool(_REPEATED.search(title)),
    }
    return tuple(flaw for flaw in FLAWS if found[flaw])


def _is_balanced(title: str) -> bool:
    opened: list[str] = []
    for character in title:
        if character in _CLOSING:
            opened.append(_CLOSING[character])
        elif character in _CLOSING.values() and (not opened or opened.pop() != character):
            return False
    return not opened
