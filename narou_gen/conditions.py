"""What a title can be conditioned on: genre, keywords and a length class, as plain text.

The same words stand in front of the synopsis in training and in generation. In training each is left
out at random, so that a model serves with any of them and with none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from narou_gen.text import clean_title

LengthClass = Literal["long", "middle", "short"]

# Narou titles come in three manners: a sentence that tells the story, a phrase, a few words.
# On the bundled corpus (long 35-48 characters, middle 12-18, short 4-8) these bounds part them.
_LONG_FROM, _SHORT_UP_TO = 25, 9
_LENGTH_WORDS: dict[LengthClass, str] = {"long": "長い", "middle": "ふつう", "short": "短い"}
_MOST_KEYWORDS = 8


@dataclass(frozen=True)
class Conditions:
    """What a title should be like, apart from its synopsis. `genre` is a name: ハイファンタジー.

    Genre and keywords are cleaned as titles are, and dropped where nothing remains.
    """

    genre: str | None = None
    keywords: tuple[str, ...] = ()
    length: LengthClass | None = None

    def __post_init__(self) -> None:
        keywords = tuple(word for word in map(clean_title, self.keywords) if word)
        object.__setattr__(self, "genre", clean_title(self.genre or "") or None)
        object.__setattr__(self, "keywords", keywords)

    def parts(self) -> dict[str, str]:
        """The texts that go in front of the synopsis, in their order; "" for a condition that is not set."""
        length = f"題名の長さ：{_LENGTH_WORDS[self.length]}。" if self.length else ""
        genre = f"ジャンル：{self.genre}。" if self.genre else ""
        keywords = "、".join(self.keywords[:_MOST_KEYWORDS])
        return {
            "length": length,
            "genre": genre,
            "keywords": f"キーワード：{keywords}。" if keywords else "",
        }


def length_class(title: str) -> LengthClass:
    """Which of the three manners a title has, by its number of characters."""
    if len(title) >= _LONG_FROM:
        return "long"
    return "short" if len(title) <= _SHORT_UP_TO else "middle"
