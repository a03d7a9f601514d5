"""A line that the player types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from narou_gen.demo.keys import Key
from narou_gen.text import visible

Purpose = Literal["synopsis", "word", "avoid", "file", "overwrite"]
LABELS: dict[Purpose, str] = {
    "synopsis": "あらすじを書くか、貼りつけてください",
    "word": "必ず入れる言葉",
    "avoid": "避ける言葉",
    "file": "推しの保存先（.txt か .json）",
    "overwrite": "同じ名前のファイルがあります。上書きしますか（y / n）",
}
LONGEST = 4000
"""Characters of a typed text; a model reads no more of a synopsis."""


@dataclass
class Prompt:
    """What has been typed so far, and where the next character goes."""

    purpose: Purpose
    text: str = ""
    place: int = 0

    def press(self, key: Key) -> str:
        """Take a key: "done", "cancelled", "typed", or "nothing" where it changed nothing."""
        before = (self.text, self.place)
        match key.name:
            case "enter":
                return "done"
            case "escape":
                return "cancelled"
            case "char" | "paste":
                self._insert(key.text)
            case "backspace":
                self.text = self.text[: max(0, self.place - 1)] + self.text[self.place :]
                self.place = max(0, self.place - 1)
            case "delete" | "ctrl-d":
                self.text = self.text[: self.place] + self.text[self.place + 1 :]
            case "ctrl-u":
                self.text, self.place = self.text[self.place :], 0
            case "left" | "ctrl-b":
                self.place = max(0, self.place - 1)
            case "right" | "ctrl-f":
                self.place = min(len(self.text), self.place + 1)
            case "home" | "ctrl-a":
                self.place = 0
            case "end" | "ctrl-e":
                self.place = len(self.text)
        return "typed" if (self.text, self.place) != before else "nothing"

    def _insert(self, text: str) -> None:
        text = visible(text).replace("\t", " ")
        if self.purpose != "synopsis":
            text = " ".join(text.split("\n"))
        text = text[: LONGEST - len(self.text)]
        self.text = self.text[: self.place] + text + self.text[self.place :]
        self.place += len(text)
