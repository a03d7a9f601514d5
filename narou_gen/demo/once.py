"""One round as plain lines, for pipes and for terminals that cannot be played on."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from narou_gen.demo.dealer import Card, Dealer, Request
from narou_gen.demo.palette import ACCENT, QUIET, rarity_style
from narou_gen.demo.story import Story


def show_round(dealer: Dealer, story: Story, console: Console) -> None:
    """Deal one hand of the story and print it.

    Raises:
        CheckpointError: the model cannot be used.
        WishError: no hand can be dealt.
    """
    hand = dealer.deal(Request(story))
    console.print(Text.assemble(("あらすじ", ACCENT), (f"  {story.genre}" if story.genre else "", QUIET)))
    console.print(Text(story.synopsis), soft_wrap=True)
    console.print(Text("\nタイトルガチャ", ACCENT))
    for card in hand.cards:
        console.print(_line(card), soft_wrap=True)
    if hand.note:
        console.print(Text(hand.note, QUIET), soft_wrap=True)


def _line(card: Card) -> Text:
    rating = card.rating
    line = Text(f"{rating.rarity.name:<4}", rarity_style(rating.rarity))
    line.append(card.title, "bold")
    about = [card.tone, f"{len(card.title)}字", f"できばえ {rating.merit:.2f}"]
    if rating.novelty is not None:
        about.append(f"新しさ {rating.novelty:.2f}")
    about.append(f"あらすじ {rating.fit:.2f}")
    return line.append(f"  （{'・'.join(filter(None, about))}）", QUIET)
