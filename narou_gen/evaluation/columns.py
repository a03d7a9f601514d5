"""What is measured, and of whom: the names in the files, and how a person reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Group = Literal["Overlap", "Is it a title", "Synopsis", "Novelty", "Variety", "Length"]


@dataclass(frozen=True)
class Column:
    """A metric. `better` is empty where neither more nor less is good in itself."""

    name: str
    label: str
    group: Group
    meaning: str
    better: Literal["more", "less", ""] = ""
    unit: Literal["score", "share", "characters"] = "score"

    def text(self, value: float | None) -> str:
        """The value as a person reads it; a dash where there is none."""
        if value is None or math.isnan(value):
            return "–"
        if self.unit == "share":
            return f"{value:.1%}"
        return f"{value:.1f}" if self.unit == "characters" else f"{value:.3f}"

    def spread(self, low: float | None, high: float | None) -> str:
        """Half the width of an interval, in the same units."""
        if low is None or high is None or math.isnan(low):
            return ""
        half = (high - low) / 2
        if self.unit == "share":
            return f"±{100 * half:.1f}"
        return f"±{half:.1f}" if self.unit == "characters" else f"±{half:.3f}"


COLUMNS = (
    Column("character_rouge_1", "ROUGE-1, characters", "Overlap", "ROUGE-1 F1 over characters", "more"),
    Column("character_rouge_2", "ROUGE-2, characters", "Overlap", "ROUGE-2 F1 over characters", "more"),
    Column("character_rouge_l", "ROUGE-L, characters", "Overlap", "ROUGE-L F1 over characters", "more"),
    Column("word_rouge_1", "ROUGE-1, words", "Overlap", "ROUGE-1 F1 over MeCab words", "more"),
    Column("word_rouge_2", "ROUGE-2, words", "Overlap", "ROUGE-2 F1 over MeCab words", "more"),
    Column("word_rouge_l", "ROUGE-L, words", "Overlap", "ROUGE-L F1 over MeCab words", "more"),
    Column(
        "titleness",
        "taken for titles",
        "Is it a title",
        "share that a small classifier takes for titles, not for openings of synopses or shuffled words",
        "more",
        "share",
    ),
    Column("sound", "sound", "Is it a title", "share without any of the four flaws below", "more", "share"),
    Column("empty", "empty", "Is it a title", "share with no text", "less", "share"),
    Column("unknown_token", "with [UNK]", "Is it a title", "share with an unknown token", "less", "share"),
    Column("unbalanced", "unbalanced", "Is it a title", "share with unbalanced brackets", "less", "share"),
    Column("repeated", "stuttering", "Is it a title", "share that repeats an n-gram", "less", "share"),
    Column(
        "faithfulness",
        "faithfulness",
        "Synopsis",
        "share of the title's nouns and names that the synopsis has too",
        "more",
        "share",
    ),
    Column(
        "misspelt",
        "misspelt",
        "Synopsis",
        "share with a name or term that the synopsis has in a slightly different spelling",
        "less",
        "share",
    ),
    Column(
        "copied",
        "copied",
        "Synopsis",
        "longest string shared with the synopsis, as a share of the title",
        "",
        "share",
    ),
    Column(
        "identical",
        "identical",
        "Novelty",
        "share that is a training title, letter for letter",
        "less",
        "share",
    ),
    Column(
        "near_identical",
        "nearly identical",
        "Novelty",
        "share within 15% of edits of a training title, identical ones included",
        "less",
        "share",
    ),
    Column("distinct_1", "distinct-1", "Variety", "different words / all words, over all titles", "more"),
    Column("distinct_2", "distinct-2", "Variety", "different pairs of words / all, over all titles", "more"),
    Column("self_bleu", "self-BLEU", "Variety", "how alike the candidates of one synopsis are", "less"),
    Column("characters", "characters", "Length", "mean length of a title", "", "characters"),
    Column(
        "length_error",
        "off by",
        "Length",
        "mean absolute difference in characters to the reference of the asked length, else the first",
        "less",
        "characters",
    ),
)
BY_NAME = {column.name: column for column in COLUMNS}
OF_THE_SET = {"distinct_1": 1, "distinct_2": 2}
"""Metrics of all titles together; the others are means over items."""
OF_ITEMS = tuple(column.name for column in COLUMNS if column.name not in OF_THE_SET)
OVERLAP = tuple(column.name for column in COLUMNS if column.group == "Overlap")
CONTROLLED = (*OVERLAP, "faithfulness", "copied")
"""What must fall when titles are held against the synopses and references of other works."""
GROUPED = ("character_rouge_l", "word_rouge_l", "faithfulness", "titleness", "sound")
"""What is shown by genre and by length of the synopsis."""

MODEL, REFERENCES = "model", "references"
LABELS = {
    MODEL: "model",
    "untrained_encoder": "untrained encoder",
    "lead": "lead of the synopsis",
    "nearest": "nearest training title",
    "random": "random training title",
    REFERENCES: "reference",
}
"""The names in the files, and what a person reads."""
MEANINGS = {
    MODEL: "the checkpoint",
    "untrained_encoder": "the same decoder, with an encoder of random weights",
    "lead": "the first characters of the synopsis, as many as a training title has (median)",
    "nearest": "the title of the most similar training synopsis (TF-IDF of character n-grams)",
    "random": "any training title of the asked length",
    REFERENCES: "the reference of the asked length, held against the synopsis's other references",
}
