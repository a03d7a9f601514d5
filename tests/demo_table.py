"""What tests of the demo play with: a story, a card, and a game with a time of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from narou_gen.demo.dealer import Card, Dealer, Hand
from narou_gen.demo.game import Game
from narou_gen.demo.keys import Key
from narou_gen.demo.rarity import Rating
from narou_gen.demo.recording import AtOnce
from narou_gen.demo.screen import Frame, draw
from narou_gen.demo.story import Roulette, own_story
from narou_gen.demo.table import Phase
from narou_gen.text import comparison_key

STORY = own_story("婚約を破棄された令嬢が、辺境の古い宿屋を継ぐことになった。客は竜だけだった。", "101")
RATING = Rating(merit=0.9, novelty=0.8, fit=0.75)
CARD = Card("「ーーっ！？」と、竜（12）は言った…", STORY, RATING, "明るい")


class Never(Executor):
    """Never gets round to it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


class Clock:
    """A game with a time of its own, and a hand on the table."""

    def __init__(self, dealer: Dealer, cards: tuple[Card, ...]) -> None:
        self.now = 100.0
        self.game = Game(dealer, Roulette(1), AtOnce(), STORY, hand=Hand(cards), phase=Phase.HAND, round=1)
        self.game._seen = {comparison_key(card.title) for card in cards}

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.5)):
            self.now += 0.5
            self.game.tick(self.now)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.game.press(Key("char", key) if len(key) == 1 else Key(key), self.now)

    def frame(self, columns: int = 80, rows: int = 24) -> Frame:
        return draw(self.game, self.now, columns, rows, shimmer=0.0)

    def text(self) -> str:
        return "\n".join(row.plain for row in self.frame().rows)
