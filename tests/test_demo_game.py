"""The game without a terminal: every key in every place, rerolls, locks and wishes."""

from __future__ import annotations

import string

from demo_table import Clock, Never

from narou_gen.demo.dealer import Card, Dealer
from narou_gen.demo.keys import Key
from narou_gen.demo.table import Phase


def test_every_key_says_something_in_every_place(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    keys = [Key("char", char) for char in (*string.ascii_lowercase, *string.digits, *"+-?/ !あｗＱ")]
    named = "up down left right enter escape tab shift-tab backspace delete home pageup ctrl-z alt-x unknown"
    keys += [Key(name) for name in named.split()] + [Key("paste", "貼った")]
    few = [key for key in keys if key.name != "char" or key.text in "acefrvxz19+?あ"]
    places: list[tuple[str, ...]] = [(), ("?",), ("enter",), ("v",), ("f", "v"), ("c",), ("a",), ("f", "e")]
    clock = Clock(dealer, hand)
    clock.game.executor = Never()
    state = dict(clock.game.__dict__)
    for place in places:
        for key in keys if not place else few:
            clock.game.__dict__.update(state | {"favourites": []})
            clock.press(*place)
            clock.game.message = ""
            before = (clock.text(), clock.frame().cursor)
            clock.game.press(key, clock.now)
            assert clock.game.finished or (clock.text(), clock.frame().cursor) != before, (place, key)


def test_without_a_hand_every_key_of_a_card_says_so(dealer: Dealer) -> None:
    clock = Clock(dealer, ())  # the first hand was refused
    for key in ("k", "1", "5", "f", "c", "enter"):
        clock.press(key)
        assert clock.game.message == "ここにはまだ何もありません。", key


def test_rerolls_show_other_titles(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    clock = Clock(dealer, hand)
    seen = {card.title for card in clock.game.hand.cards}
    clock.press("r")
    assert clock.game.phase is Phase.SHUFFLE
    clock.wait(3)
    assert clock.game.phase is Phase.HAND and clock.game.hand.cards
    assert not seen & {card.title for card in clock.game.hand.cards}


def test_a_locked_card_stays_and_is_varied(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    clock = Clock(dealer, hand)
    clock.press("3", "k", "r")
    locked = clock.game.locked
    clock.wait(3)
    assert locked is not None and clock.game.hand.cards[2] == locked
    titles = [card.title for card in clock.game.hand.cards]
    assert len(set(titles)) == len(titles) > 1
    assert "鍵" in clock.text()


def test_wishes_of_the_keys_are_kept(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    clock = Clock(dealer, hand)
    clock.press("-")
    clock.wait(3)
    assert all(len(card.title) <= 10 for card in clock.game.hand.cards)
    clock.press("a", "竜", "enter")
    clock.wait(3)
    assert clock.game.hand.cards and all("竜" in card.title for card in clock.game.hand.cards)
    assert "「竜」を入れる" in clock.text()


def test_a_wish_that_cannot_be_leaves_the_hand_as_it_was(dealer: Dealer, hand: tuple[Card, ...]) -> None:
    clock = Clock(dealer, hand)
    clock.press("-", "-")
    clock.wait(3)
    dealt, wishes = clock.game.hand, clock.game.wishes
    assert dealt.cards and all(len(card.title) <= 6 for card in dealt.cards)
    clock.press("-")
    assert "これ以上短く" in clock.game.message
    clock.press("a", *"七文字の長い言葉", "enter")
    clock.wait(3)
    assert "長すぎます" in clock.game.message
    assert (clock.game.hand, clock.game.wishes) == (dealt, wishes)
