"""Whether a title speaks of what its synopsis speaks of."""

from __future__ import annotations

import unicodedata

from narou_gen.metrics.words import content_words


def faithfulness(title: str, synopsis: str) -> float | None:
    """The share of the title's nouns and names that the synopsis has too; 0 to 1, None where it has none.

    A word is there if it stands in the synopsis as it is or in another spelling of the same dictionary form
    (アオイ, 葵). One character alone must be a word there: the 王 of 王都 is no king.
    """
    asked = content_words(title)
    if not asked:
        return None
    text = unicodedata.normalize("NFKC", synopsis).casefold()
    there = content_words(synopsis)
    known = {surface for surface, _ in there} | {lemma for _, lemma in there}
    found = [
        surface in known or lemma in known or (len(surface) > 1 and surface in text)
        for surface, lemma in asked
    ]
    return sum(found) / len(found)
