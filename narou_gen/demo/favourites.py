"""Favourites as files, and a title as the page of a work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from narou_gen.demo.dealer import Card
from narou_gen.folders import write_whole


def work_page(card: Card) -> str:
    """Title, genre and synopsis, as the page of a work has them."""
    genre = f"ジャンル: {card.story.genre}\n" if card.story.genre else ""
    return f"{card.title}\n{genre}\nあらすじ\n{card.story.synopsis}\n"


def as_text(cards: Sequence[Card]) -> str:
    """One work page below the other."""
    return f"\n{'─' * 20}\n\n".join(f"【{card.rating.rarity.name}】{work_page(card)}" for card in cards)


def as_json(cards: Sequence[Card]) -> str:
    """A list of objects with title, synopsis, genre, rarity, tone, and the ratings from 0 to 1."""
    return json.dumps([_as_value(card) for card in cards], ensure_ascii=False, indent=2) + "\n"


def _as_value(card: Card) -> dict[str, Any]:
    rating = card.rating
    return {
        "title": card.title,
        "synopsis": card.story.synopsis,
        "genre": card.story.genre,
        "rarity": rating.rarity.name,
        "tone": card.tone or None,
        "merit": round(rating.merit, 3),
        "novelty": None if rating.novelty is None else round(rating.novelty, 3),
        "fit": round(rating.fit, 3),
    }


def save(cards: Sequence[Card], file: Path, overwrite: bool = False) -> None:
    """Write the cards, as JSON where the name ends in .json, else as text; whole or not at all.

    Raises:
        FileExistsError: there is such a file, and it is not to be overwritten.
        OSError: it cannot be written.
    """
    if file.exists() and not overwrite:
        raise FileExistsError(str(file))
    text = as_json(cards) if file.suffix.lower() == ".json" else as_text(cards)
    write_whole(file, text)
