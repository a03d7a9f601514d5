"""The generator's note on missing titles, in Japanese."""

from __future__ import annotations

import re

# The endings of the note's reasons, as `narou_gen.steering` and `narou_gen.candidates` write them.
_REASONS = (
    (r"had fewer than (\d+) characters", r"{0} 本が \1 字に届かず"),
    (r"had more than (\d+) characters", r"{0} 本が \1 字を超え"),
    (r"did not begin with (.*)", r"{0} 本が「\1」で始まらず"),
    (r"lacked (.*)", r"{0} 本に「\1」が入らず"),
    (r"held (.*)", r"{0} 本に「\1」が入り"),
    (r"repeated the synopsis", r"{0} 本はあらすじと同じ"),
    (r"were training titles", r"{0} 本は学習した題名と同じ"),
    (r"were not bright", r"{0} 本は明るくなく"),
    (r"were not dark", r"{0} 本は暗くなく"),
)
_MOST = 3
"""Reasons that a line has room for."""
_NOTE = re.compile(r"\d+ of \d+ titles: (?:of the others (?P<reasons>.*)|(?P<none>the model found no .*))")


def in_japanese(note: str) -> str:
    """What stood in the way, most frequent reason first; a note of another kind stays as it is."""
    match = _NOTE.fullmatch(note)
    if match is None:
        return note
    if match["none"]:
        return "モデルはほかの題名を思いつきませんでした。"
    found = [_reason(part) for part in re.split(r", (?=\d+ [a-z])", match["reasons"])[:_MOST]]
    return f"ほかは{'、'.join(found)}、出せませんでした。"


def _reason(part: str) -> str:
    count, _, text = part.partition(" ")
    for pattern, words in _REASONS:
        if match := re.fullmatch(pattern, text):
            return match.expand(words).format(count) if "{" not in match[0] else f"{count} 本が願いに合わず"
    return part
