"""The game: a player's table, and what each key does to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

from narou_gen.demo import favourites
from narou_gen.demo.dealer import Card
from narou_gen.demo.keys import Key
from narou_gen.demo.prompt import Prompt
from narou_gen.demo.story import own_story
from narou_gen.demo.table import Phase, Sheet, Table
from narou_gen.demo.wishes import Scale, WishError, Wishes
from narou_gen.errors import InputError
from narou_gen.text import visible

_NOTHING = "ここにはまだ何もありません。"


class Game(Table):
    """A table with a player. `press` takes keys, `tick` the time; `narou_gen.demo.screen` draws it."""

    def press(self, key: Key, now: float) -> None:
        """Do what a key says; one that says nothing here is answered with a hint."""
        self.message = ""
        if self.prompt is not None:
            self._type(key, now)
            return
        name = _command(key)
        if self.phase is Phase.HAND:
            self.since = min(self.since, now - (self._revealed_at - self.since))  # no need to wait
        table = {"": _TABLE, "favourites": _FAVOURITES, "help": _HELP}.get(self.sheet, _CARD)
        action = _ANYWHERE.get(name) or table.get(name)
        if action is None:
            self.message = _unknown(key)
        elif not self.sheet and not self._in_time(action):
            self._hurry(now)
        else:
            action(self, now)

    def _in_time(self, action: Action) -> bool:
        """Whether the action makes sense in this phase: without a hand few do, wishes can come early."""
        shuffling = self.phase is Phase.SHUFFLE and action in _WISHING
        return self.phase is Phase.HAND or action in _WHENEVER or shuffling

    def _hurry(self, now: float) -> None:
        if self.phase is Phase.SHUFFLE:
            self.message = "いま引いています。少しだけ待ってください。"
        else:
            self.phase = Phase.WRITE
            self.since = min(self.since, now - self._draft_seconds())
            self.message = "先へ進めます。カードが並んだら、もう一度どうぞ。"

    def _type(self, key: Key, now: float) -> None:
        assert self.prompt is not None
        answer = self.prompt.press(key)
        if answer == "nothing":
            self.message = "入力中です。Enter で決定、Esc で取り消し。"
        elif answer == "cancelled":
            self.prompt, self.message = None, "取り消しました。"
        elif answer == "done":
            prompt, self.prompt = self.prompt, None
            self._answered(prompt, now)

    def _answered(self, prompt: Prompt, now: float) -> None:
        match prompt.purpose:
            case "synopsis":
                try:
                    self.begin(own_story(prompt.text), now)
                except InputError:
                    self.message = "あらすじが空です。物語を一言でも書いてください。"
            case "word":
                self._wish(lambda: self.wishes.with_word(prompt.text), now)
            case "avoid":
                self._wish(lambda: self.wishes.without_word(prompt.text), now)
            case "file":
                self._save(Path(prompt.text.strip()), overwrite=False)
            case "overwrite":
                if prompt.text.strip().casefold() in ("y", "yes", "はい", "ｙ") and self._file is not None:
                    self._save(self._file, overwrite=True)
                else:
                    self.message = "保存しませんでした。"

    def _save(self, file: Path, overwrite: bool) -> None:
        try:
            file = file.expanduser()
            if file.name in ("", ".."):
                self.message = "ファイル名がありません。保存しませんでした。"
                return
            favourites.save(self.favourites, file, overwrite)
        except FileExistsError:
            self._file, self.prompt = file, Prompt("overwrite")
        except RuntimeError:  # ~name, where nobody is called so
            self.message = "その ~ のフォルダーが分かりません。保存しませんでした。"
        except OSError as error:
            self.message = f"保存できません: {error.strerror or error}"
        else:
            self.unsaved = False
            self.message = f"保存しました（推し {len(self.favourites)} 本）: {visible(str(file))}"

    def _wish(self, wished: Callable[[], Wishes], now: float) -> None:
        try:
            self.wishes = wished()
        except WishError as error:
            self.message = str(error)
            return
        self._redeal(now)

    # --- what keys do; `now` is part of each, so that all are called alike

    @property
    def card(self) -> Card | None:
        """The card that a key speaks of: the selected one, or on their sheet the marked favourite."""
        if self.sheet == "favourites" or self.below == "favourites":
            return self.favourites[self.marked] if self.favourites else None
        return self.hand.cards[self.selected] if self.hand.cards else None

    def quit(self, _now: float) -> None:
        self.finished = True

    def help(self, _now: float) -> None:
        self.sheet, self.below = ("", "") if self.sheet == "help" else ("help", "")

    def back(self, _now: float) -> None:
        if not self.sheet:
            self.message = "ここが机の上です。終わるときは q を押してください。"
        self.sheet, self.below = self.below, ""

    def spin(self, now: float) -> None:
        self.begin(self.roulette.spin(), now, spin=True)

    def reroll(self, now: float) -> None:
        self._redeal(now)

    def write_synopsis(self, _now: float) -> None:
        self.prompt = Prompt("synopsis")

    def add_word(self, _now: float) -> None:
        self.prompt = Prompt("word")

    def forbid_word(self, _now: float) -> None:
        self.prompt = Prompt("avoid")

    def forget(self, now: float) -> None:
        if self.wishes == Wishes() and self.locked is None:
            self.message = "願いはまだありません。"
            return
        self.wishes, self.locked = Wishes(), None
        self._redeal(now)

    def lock(self, _now: float) -> None:
        if (card := self.card) is None:
            self.message = _NOTHING
        elif self.locked == card:
            self.locked, self.message = None, "固定をはずしました。"
        else:
            self.locked, self.message = card, "固定しました。r で、これに似た題名を引きます。"

    def like(self, _now: float) -> None:
        if (card := self.card) is None:
            self.message = _NOTHING
            return
        if card in self.favourites:
            self.favourites.remove(card)
            self.marked = max(0, min(self.marked, len(self.favourites) - 1))
            self.message = "推しからはずしました。"
        else:
            self.favourites.append(card)
            self.message = f"推しに加えました（{len(self.favourites)} 本）。v で一覧、e で保存。"
        self.unsaved = bool(self.favourites)
        if self.below == "favourites" and not self.favourites:
            self.sheet, self.below = "favourites", ""

    def show_favourites(self, _now: float) -> None:
        self.sheet, self.below, self.marked = "favourites", "", 0

    def export(self, _now: float) -> None:
        if not self.favourites:
            self.message = "推しがまだありません。気に入ったカードで f を押してください。"
            return
        name = "narou-favourites.txt"
        self.prompt = Prompt("file", name, len(name))

    def show_cover(self, _now: float) -> None:
        self._lay("cover")

    def show_page(self, _now: float) -> None:
        self._lay("page")
        if (card := self.card) is not None:
            self.clipboard.append(favourites.work_page(card))
            self.message = "クリップボードへ送りました（端末が OSC 52 を許していれば）。"

    def _lay(self, sheet: Sheet) -> None:
        if self.card is None:
            self.message = _NOTHING
            return
        if self.sheet == "favourites":
            self.below = "favourites"
        self.sheet = sheet

    def move(self, by: int) -> None:
        """To another card, or favourite; around the ends."""
        number = len(self.favourites if "favourites" in (self.sheet, self.below) else self.hand.cards)
        if number < 2:
            self.message = "ほかにはありません。"
        if self.sheet == "favourites" or self.below == "favourites":
            self.marked = (self.marked + by) % max(1, len(self.favourites))
        else:
            self.selected = (self.selected + by) % max(1, len(self.hand.cards))

    def select(self, place: int) -> None:
        if self.card is None:
            self.message = _NOTHING
        elif place == self.selected:
            self.message = "それを選んでいます。Enter で表紙になります。"
        elif place < len(self.hand.cards):
            self.selected = place
        else:
            self.message = f"カードは {len(self.hand.cards)} 枚です。"


Action = Callable[[Game, float], None]


def _move(by: int) -> Action:
    return lambda game, _now: game.move(by)


def _select(place: int) -> Action:
    return lambda game, _now: game.select(place)


def _step(wish: Scale, by: int) -> Action:
    return lambda game, now: game._wish(lambda: game.wishes.stepped(wish, by), now)


_ANYWHERE: dict[str, Action] = {"q": Game.quit, "?": Game.help}
_MOVES: dict[str, Action] = {
    "left": _move(-1),
    "right": _move(1),
    "tab": _move(1),
    "shift-tab": _move(-1),
}
_BACK: dict[str, Action] = {"escape": Game.back, "backspace": Game.back}
_STEPS: dict[str, Action] = {
    "+": _step("length", 1),
    "-": _step("length", -1),
    "b": _step("tone", 1),
    "d": _step("tone", -1),
    "w": _step("wildness", 1),
    "t": _step("wildness", -1),
}
_TABLE: dict[str, Action] = {
    **_MOVES,
    **_BACK,
    **{str(place + 1): _select(place) for place in range(5)},
    "r": Game.reroll,
    " ": Game.reroll,
    "s": Game.spin,
    "i": Game.write_synopsis,
    **_STEPS,
    "a": Game.add_word,
    "x": Game.forbid_word,
    "0": Game.forget,
    "k": Game.lock,
    "f": Game.like,
    "v": Game.show_favourites,
    "e": Game.export,
    "c": Game.show_page,
    "enter": Game.show_cover,
    "up": Game.show_cover,
}
_CARD: dict[str, Action] = {
    **_MOVES,
    **_BACK,
    "up": _move(-1),
    "down": _move(1),
    "enter": Game.back,
    "f": Game.like,
    "c": Game.show_page,
    "e": Game.export,
}
_FAVOURITES: dict[str, Action] = {
    **_CARD,
    "enter": Game.show_cover,
    "x": Game.like,
    "v": Game.back,
}
_HELP: dict[str, Action] = {**_BACK, "enter": Game.back}
# While nothing lies on the table yet.
_WHENEVER = (Game.quit, Game.help, Game.back, Game.spin, Game.write_synopsis, Game.show_favourites)
_WISHING = (*_STEPS.values(), Game.add_word, Game.forbid_word, Game.forget)
_SAME = {"=": "+", ";": "+", "_": "-", "h": "left", "l": "right"}


def _command(key: Key) -> str:
    """The key's name; full-width letters and capitals mean the same."""
    if key.name != "char":
        return key.name
    name = unicodedata.normalize("NFKC", key.text).casefold() if key.text != "\u3000" else " "
    return _SAME.get(name, name)


def _unknown(key: Key) -> str:
    if key.name == "paste":
        return "あらすじを貼るときは、先に i を押してください。"
    if key.name == "char" and not key.text.isascii():
        return "日本語入力を切って、半角の英字で押してください。"
    shown = f"「{key.text}」" if key.name == "char" else "そのキー"
    return f"{shown}はここでは使いません。下の一覧か ? をどうぞ。"
