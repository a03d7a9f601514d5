"""A minute of the game that plays itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from narou_gen.demo.game import Game
from narou_gen.demo.keys import Key
from narou_gen.demo.palette import ACCENT
from narou_gen.demo.story import Story
from narou_gen.demo.table import Phase
from narou_gen.demo.typesetting import centred

_SYNOPSIS = "猫になった名探偵は、宿屋の看板猫として暮らしながら、満月の夜だけ事件を解く。"
STORY = Story(
    # of the bundled test split
    "魔力がすべての王立ルーメリア魔法学園に、史上初めて魔力ゼロの生徒が入学した。\n"
    "名前はクロウ・アッシュベル。筆記は満点、実技は零点、成績は当然、最下位のＦ組。\n"
    "誰もが三日で退学すると噂した。しかし入学式の日、学園最強と名高い生徒会長の炎は、彼の前髪一本焦がすことができなかった。\n"
    "魔力がゼロの者に、魔力で編まれた術は届かない。\n"
    "「だから言っただろ。俺に魔法は関係ないって」",
    "ハイファンタジー〔ファンタジー〕",
)
"""What the tour begins with."""
_TYPING = 0.06
"""Seconds between two letters that are typed."""


@dataclass(frozen=True)
class Step:
    """A key, so many seconds after the one before (once the table is at rest), and what is said of it."""

    seconds: float
    key: Key
    caption: str = ""


def _typed(text: str) -> Iterator[Step]:
    for letter in text:
        yield Step(_TYPING, Key("char", letter))


def _key(seconds: float, name: str, caption: str = "") -> Step:
    key = Key("char", name) if len(name) == 1 else Key(name)
    return Step(seconds, key, caption)


STEPS: tuple[Step, ...] = (
    _key(2.5, "f", "f で推しにする"),
    _key(1.5, "enter", "Enter で表紙にする"),
    _key(3.5, "right", "→ めくる"),
    _key(2.0, "right"),
    _key(1.5, "escape", "Esc で机に戻る"),
    _key(1.0, "+", "+ もっと長く"),
    _key(2.5, "0", "0 願いを白紙に"),
    _key(1.5, "a", "a 必ず入れる言葉"),
    *_typed("最強"),
    _key(0.6, "enter"),
    _key(3.0, "1", "1〜5 カードを選ぶ"),
    _key(0.8, "k", "k で固定して…"),
    _key(1.0, "r", "r で似た題名を引く"),
    _key(3.0, "i", "i 自分のあらすじを書く"),
    *_typed(_SYNOPSIS),
    _key(0.8, "enter", "下書きから、ひとそろい"),
    _key(2.5, "1"),
    _key(0.3, "f", "f で推しにする"),
    _key(1.0, "enter", "これを表紙に"),
    _key(3.5, "escape"),
    _key(0.3, "w", "w もっと大胆に"),
    _key(3.0, "-", "- もっと短く"),
    _key(2.5, "f"),
    _key(0.3, "v", "v 推しの一覧。e で保存"),
    _key(2.5, "?", "? レア度の意味"),
    _key(4.0, "q"),
)


class Tour:
    """Presses the keys of a script; `pace` 2 is twice as fast."""

    def __init__(self, steps: tuple[Step, ...] = STEPS, pace: float = 1.0) -> None:
        self._steps = list(steps)
        self._pace = pace
        self._rested_since = 0.0
        self._caption = "おまかせで遊びます。キーを押すと、あなたの番です"
        self.over = False

    def begin(self, now: float) -> None:
        self._rested_since = now

    def play(self, game: Game, now: float) -> None:
        """Press the next key, if it is time."""
        if self.over:
            return
        frame = game.next_frame(now)
        if game.phase is not Phase.HAND or (frame is not None and frame < 0.1):
            self._rested_since = now
            return
        if not self._steps:
            game.finished = True
            return
        step = self._steps[0]
        if now < self._rested_since + step.seconds / self._pace:
            return
        self._steps.pop(0)
        self._rested_since = now
        self._caption = step.caption or ("" if step.key.name != "char" else self._caption)
        game.press(step.key, now)

    def interrupted(self, game: Game, key: Key) -> None:
        """The player pressed a key: the game is theirs from here on, or over."""
        self.over = True
        self._caption = ""
        if key.text in ("q", "Q"):
            game.finished = True
        game.prompt = None
        game.message = "ここからはあなたの番です。"

    def captioned(self, rows: list[Text], columns: int) -> list[Text]:
        """The rows of a frame, with what is being shown in the first one."""
        if not self._caption:
            return rows
        return [centred(Text(f"【 {self._caption} 】", ACCENT), columns), *rows[1:]]
