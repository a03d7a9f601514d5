"""How well titles are chosen: the order of `narou_gen.merit` against the grades of an editor.

    python benchmarks/ranking.py

`graded_titles.jsonl` holds 280 synopses and 89 ideas of the validation splits of `sample:titles` and
`sample:ideas`, each with some ten titles out of narou-mini's candidates, and the grades of a language model
in the part of a strict editor, who saw them in random order: 0 broken, 1 says nothing, 2 usable, 3 good.
`place` is where a title stood among the five of an earlier ranking (score per token, with bonuses), which
synopses alone have; the others were drawn.

Each way of choosing picks the best title of each synopsis. That of fitted weights is told by seven-fold
cross-validation over synopses; those of the package are fitted to all grades.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from narou_gen.merit import OF_FEW_WORDS, OF_STORIES, Features, features, is_few_words

GRADES = Path(__file__).parent / "graded_titles.jsonl"
USABLE, GOOD = 2, 3


@dataclass(frozen=True)
class Graded:
    """Columns over titles."""

    synopsis: NDArray[np.int64]
    features: NDArray[np.float64]
    place: NDArray[np.int64]
    grade: NDArray[np.int64]

    @property
    def usable(self) -> NDArray[np.bool_]:
        return self.grade >= USABLE

    def column(self, name: str) -> NDArray[np.float64]:
        return self.features[:, Features._fields.index(name)]


def main() -> None:
    rows = [json.loads(line) for line in GRADES.read_text("utf-8").splitlines()]
    for name, few, weights in (("stories", False, OF_STORIES), ("few words", True, OF_FEW_WORDS)):
        graded = read([row for row in rows if is_few_words(row["synopsis"]) is few])
        print(f"{len(graded.grade):,} titles of {len(set(graded.synopsis))} {name}; ", end="")
        print(f"usable: {graded.usable.mean():.1%}")
        print(f"  {'':32}{'AUC':>6}{'first title usable':>20}{'good':>8}{'characters':>12}")
        if not few:
            tell("as it was", graded, -graded.place)
        tell("log-probability per character", graded, graded.column("log_probability") / length(graded))
        tell("log-probability", graded, graded.column("log_probability"))
        tell("all features, cross-validated", graded, cross_validated(graded))
        tell("all features, weights of the package", graded, graded.features @ np.array(weights))
        tell("an oracle", graded, graded.grade)
        fitted = raw_weights(fit(graded.features, graded.usable))
        print(
            "  Fitted to all:", ", ".join(f"{name} {value:.2f}" for name, value in fitted.items()), end="\n\n"
        )


def read(rows: list[dict[str, object]]) -> Graded:
    columns = []
    for number, row in enumerate(rows):
        for title in row["titles"]:
            found = features(title["text"], row["synopsis"], title["log_probability"])
            columns.append((number, found, title.get("place", 9), title["grade"]))
    return Graded(*(np.array(column) for column in zip(*columns, strict=True)))


def tell(name: str, graded: Graded, order: NDArray[np.float64]) -> None:
    """A row of the table: of a way of choosing that likes the highest `order` best."""
    first = []
    for number in np.unique(graded.synopsis):
        rows = np.flatnonzero(graded.synopsis == number)
        first.append(rows[order[rows].argmax()])
    print(
        f"  {name:34}{roc_auc_score(graded.usable, order):.3f}{graded.usable[first].mean():>19.1%}"
        f"{(graded.grade[first] >= GOOD).mean():>8.1%}{length(graded)[first].mean():>12.1f}"
    )


def length(graded: Graded) -> NDArray[np.float64]:
    return np.exp(graded.column("log_length"))


def cross_validated(graded: Graded) -> NDArray[np.float64]:
    """The log-odds of each title by weights that have not seen its synopsis."""
    log_odds = np.zeros(len(graded.grade))
    for known, unseen in GroupKFold(7).split(graded.features, groups=graded.synopsis):
        log_odds[unseen] = fit(graded.features[known], graded.usable[known]).decision_function(
            graded.features[unseen]
        )
    return log_odds


def fit(found: NDArray[np.float64], usable: NDArray[np.bool_]) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=3)).fit(found, usable)


def raw_weights(model: Pipeline) -> dict[str, float]:
    """Those of the features as they are."""
    scaler, regression = model
    weights = dict(zip(Features._fields, regression.coef_[0] / scaler.scale_, strict=True))
    intercept = regression.intercept_[0] - np.array(list(weights.values())) @ scaler.mean_
    return weights | {"intercept": intercept}


if __name__ == "__main__":
    main()
