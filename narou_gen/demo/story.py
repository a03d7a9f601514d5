"""Synopses to play with: the player's own, or bundled ones (CC0) that narou-mini was not trained on."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from narou_gen.errors import InputError
from narou_gen.resources import SAMPLE
from narou_gen.sources import genre_name
from narou_gen.text import clean_synopsis, visible


@dataclass(frozen=True)
class Story:
    """A cleaned synopsis, and the name of its genre where it is known."""

    synopsis: str
    genre: str | None = None

    @property
    def first_words(self) -> str:
        return self.synopsis.partition("\n")[0]


def own_story(text: str, genre: str | None = None) -> Story:
    """A story of the player's.

    Raises:
        InputError: nothing of the text is a story.
    """
    synopsis = visible(clean_synopsis(text))
    if not synopsis:
        raise InputError("The synopsis is empty: give a few words of the story.")
    return Story(synopsis, genre_name(genre))


class Roulette:
    """The stories of the bundled test split in random order, over and over."""

    def __init__(self, seed: int | None = None) -> None:
        lines = (SAMPLE / "titles" / "test.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        self.stories = [Story(row["synopsis"], genre_name(row["genre"])) for row in rows]
        self._random = random.Random(seed)
        self._left: list[Story] = []

    def spin(self) -> Story:
        if not self._left:
            self._left = self._random.sample(self.stories, len(self.stories))
        found = self._left.pop()
        return Story(clean_synopsis(found.synopsis), found.genre)
