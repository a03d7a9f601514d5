"""Substitutions as data: every `Rule` carries `before -> after` examples, and the tests run them.

No rule may backtrack over the whole text: all are linear in the length of what they are given.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One substitution, with examples: "before -> after", or one text that it leaves alone."""

    name: str
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    examples: tuple[str, ...]

    def apply(self, text: str) -> str:
        return self.pattern.sub(self.replacement, text)

    def cases(self) -> Iterator[tuple[str, str]]:
        for example in self.examples:
            before, arrow, after = example.partition(" -> ")
            yield before, after if arrow else before


def rule(name: str, pattern: str, replacement: str | Callable[[re.Match[str]], str], *examples: str) -> Rule:
    return Rule(name, re.compile(pattern), replacement, examples)


def apply(rules: Iterable[Rule], text: str) -> str:
    for each in rules:
        text = each.apply(text)
    return text


def settle(step: Callable[[str], str], text: str) -> str:
    """`text` once `step` no longer changes it: what one rule uncovers, another may remove."""
    while (done := step(text)) != text:
        text = done
    return text


def plain(text: str) -> str:
    """Nothing that no reader sees, newlines as \\n, NFC."""
    return unicodedata.normalize("NFC", apply(UNSEEN, text))


# fmt: off
# --- what no reader sees

CONTROLS = (
    rule("terminal escapes",  # CSI; OSC, DCS, SOS, PM and APC; the rest
        r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|"
        r"\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?", "",
        "\x1b[31m赤\x1b[0m -> 赤", "\x1b]0;窓\x07魔王 -> 魔王", "\x1bc剣 -> 剣"),
    rule("controls, bidi overrides, lone surrogates",
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
        r"\ud800-\udfff\ufffe\uffff]+", "",
        "魔\x00王\x7f -> 魔王", "勇者\u202e者勇 -> 勇者者勇", "絵\ud83d -> 絵", "一行目\n\t二行目"),
)
UNSEEN = (
    rule("newlines", r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", "\n",
        "一\r\n二\r三\u2028四 -> 一\n二\n三\n四"),
    *CONTROLS,
    rule("zero-width and filler characters",
        r"[\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f\u2800\u3164"
        r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+", "",
        "\ufeff聖\u200b女 -> 聖女", "辻\U000e0100さん -> 辻さん"),
)
SPACES = (
    rule("runs of spaces", r"[^\S\n\u3000]+", " ", "a \t\xa0b -> a b"),
    rule("full-width spaces", r" ?\u3000[ \u3000]*", "\u3000", "西　 　東 -> 西　東"),
)
# fmt: on
