"""What is on a player's table, and how it goes on by itself: story, draft, hands of cards, favourites."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path
from typing import Literal

from narou_gen.demo.dealer import Card, Dealer, Hand, Request
from narou_gen.demo.prompt import Prompt
from narou_gen.demo.rarity import Rarity
from narou_gen.demo.story import Roulette, Story
from narou_gen.demo.wishes import WishError, Wishes
from narou_gen.text import comparison_key

Sheet = Literal["", "help", "cover", "page", "favourites"]
"""What lies on top of the table, if anything."""

SPIN_SECONDS = 1.0
DRAFT_SECONDS = 0.7
"""A draft is written in so much time, however long it is; a short one in less."""
LETTER_SECONDS = 0.035
REST_SECONDS = 0.5
"""A draft is looked at for so long before cards are dealt."""
SHUFFLE_SECONDS = 0.35
FLIP_SECONDS = 0.2
"""From one card that is turned up to the next."""
TITLE_SECONDS = 0.5
"""In so much time the title of a turned card is written."""
_FRAME, _SHIMMER = 0.04, 0.15


class Phase(Enum):
    SPIN = auto()
    WRITE = auto()
    SHUFFLE = auto()
    HAND = auto()


@dataclass
class Draft:
    """A title that another thread writes while it is shown."""

    text: str = ""
    done: bool = False

    def write(self, dealer: Dealer, story: Story) -> None:
        try:
            for self.text in dealer.draft(story):
                pass
        finally:
            self.done = True

    @property
    def letter_seconds(self) -> float:
        return min(LETTER_SECONDS, DRAFT_SECONDS / max(1, len(self.text)))


@dataclass
class Table:
    """What a player has before them, and how it changes with the time that it is told."""

    dealer: Dealer
    roulette: Roulette
    executor: Executor
    """Where titles are searched for, one search after another."""
    story: Story = field(default_factory=lambda: Story(""))
    wishes: Wishes = field(default_factory=Wishes)
    hand: Hand = field(default_factory=lambda: Hand(()))
    selected: int = 0
    locked: Card | None = None
    favourites: list[Card] = field(default_factory=list)
    unsaved: bool = False
    sheet: Sheet = ""
    below: Sheet = ""
    """The sheet under a work page, to go back to."""
    marked: int = 0
    """The selected favourite."""
    prompt: Prompt | None = None
    message: str = ""
    phase: Phase = Phase.SHUFFLE
    since: float = 0.0
    """When the phase began, in seconds."""
    round: int = 0
    finished: bool = False
    interrupted: bool = False
    """Ended by Ctrl-C."""
    draft: Draft = field(default_factory=Draft)
    clipboard: list[str] = field(default_factory=list)
    """What is to be copied; whoever owns the terminal takes it."""
    _seen: set[str] = field(default_factory=set)
    _pending: Future[Hand] | None = None
    _writing: Future[None] | None = None
    _dealt_wishes: Wishes = field(default_factory=Wishes)
    _file: Path | None = None

    def begin(self, story: Story, now: float, spin: bool = False) -> None:
        """Put a story on the table, and ask for its titles."""
        self.story, self.wishes, self.locked = story, Wishes(), None
        self.hand, self.selected, self.round = Hand(()), 0, 0
        self.sheet, self.prompt, self.message = "", None, ""
        self._seen, self._dealt_wishes = set(), Wishes()
        self.draft = Draft()
        self.phase, self.since = Phase.SPIN if spin else Phase.WRITE, now
        self._writing = self.executor.submit(self.draft.write, self.dealer, story)
        self._ask()

    def _ask(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
        request = Request(self.story, self.wishes, self.round, frozenset(self._seen), self.locked)
        self._pending = self.executor.submit(self.dealer.deal, request)

    def tick(self, now: float) -> None:
        """Go on to the next phase, if it is time.

        Raises:
            CheckpointError: the model cannot be used.
        """
        if self._writing is not None and self._writing.done():
            self._writing.result()  # raises what went wrong
            self._writing = None
        if self.phase is Phase.SPIN and now >= self.since + SPIN_SECONDS:
            self.phase, self.since = Phase.WRITE, now
        ready = self._pending is not None and self._pending.done()
        written = self.draft.done and now >= self.since + self._draft_seconds()
        shuffled = now >= self.since + SHUFFLE_SECONDS
        due = {Phase.WRITE: written, Phase.SHUFFLE: shuffled}
        if ready and due.get(self.phase, False):
            self._deal(now)

    def _draft_seconds(self) -> float:
        return len(self.draft.text) * self.draft.letter_seconds + REST_SECONDS

    def _deal(self, now: float) -> None:
        assert self._pending is not None
        pending, self._pending = self._pending, None
        self.phase, self.since = Phase.HAND, now
        try:
            hand = pending.result()
        except WishError as error:
            self._refuse(str(error), now)
            return
        if not hand.cards:
            self._refuse(hand.note, now)
            return
        self._dealt_wishes, self.message = self.wishes, ""
        self._seen |= {comparison_key(card.title) for card in hand.cards}
        self.round += 1
        if self.locked is not None:  # it keeps its place
            others = [card for card in hand.cards if card != self.locked]
            place = min(self.selected, len(others))
            hand = replace(hand, cards=(*others[:place], self.locked, *others[place:]))
        self.hand = hand
        self.selected = min(self.selected, len(hand.cards) - 1)

    def _refuse(self, reason: str, now: float) -> None:
        """Back to the hand and the wishes as they were."""
        self.message, self.wishes = reason, self._dealt_wishes
        self.since = now - 60  # nothing is turned up again

    def shown_draft(self, now: float) -> str:
        """As much of the draft as has been written by now."""
        return self.draft.text[: int((now - self.since) / self.draft.letter_seconds)]

    def turned(self, place: int, now: float) -> float:
        """Seconds since the card was turned up; below 0 it lies face down."""
        if self.hand.cards[place] == self.locked:
            return 60.0
        return now - self.since - (place + 1) * FLIP_SECONDS

    @property
    def _revealed_at(self) -> float:
        return self.since + len(self.hand.cards) * FLIP_SECONDS + TITLE_SECONDS + 0.1

    def next_frame(self, now: float) -> float | None:
        """In how many seconds the picture changes by itself; None if it does not."""
        if self.phase is not Phase.HAND or now < self._revealed_at:
            return _FRAME
        rare = any(card.rating.rarity is Rarity.SSR for card in self.hand.cards)
        return _SHIMMER if rare and self.sheet in ("", "cover") else None

    def _redeal(self, now: float) -> None:
        self.phase, self.since = Phase.SHUFFLE, now
        self._ask()
