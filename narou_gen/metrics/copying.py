"""What of a title was there before: in its synopsis, or among the titles of the training."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne

from narou_gen.text import comparison_key

NEARLY_IDENTICAL = 0.85
"""1 - edits / length of the longer one, letters and digits alone: one edit in seven characters."""


def copied_share(title: str, synopsis: str) -> float:
    """The longest string that title and synopsis share, as a share of the title; 0 to 1.

    Only letters and digits count, so that line breaks and marks hide nothing.
    """
    text, source = comparison_key(title), comparison_key(synopsis)
    longest = 0
    for start in range(len(text)):
        # Only what would be longer than the longest so far is looked for.
        while start + longest < len(text) and text[start : start + longest + 1] in source:
            longest += 1
    return longest / len(text) if text else 0.0


class TrainingTitles:
    """The titles of the training, to look others up in."""

    def __init__(self, titles: Iterable[str]) -> None:
        self._titles = {comparison_key(title): title for title in titles}
        self._keys = list(self._titles)

    def nearest(self, title: str) -> tuple[str, float] | None:
        """The most similar training title and its similarity: 1 where both have the same letters and digits.

        None where none is nearly identical (see NEARLY_IDENTICAL).
        """
        key = comparison_key(title)
        if key in self._titles:
            return self._titles[key], 1.0
        found = extractOne(
            key, self._keys, scorer=Levenshtein.normalized_similarity, score_cutoff=NEARLY_IDENTICAL
        )
        return None if found is None else (self._titles[found[0]], float(found[1]))
