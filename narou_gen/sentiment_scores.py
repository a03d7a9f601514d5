"""How good a sentiment head is on labelled texts."""

from __future__ import annotations

import json
from pathlib import Path

from narou_gen.classification import Classification
from narou_gen.confusion import draw
from narou_gen.engines import EngineName
from narou_gen.errors import DataError
from narou_gen.folders import write_whole
from narou_gen.sentiment import SentimentAnalyzer
from narou_gen.texts import read_texts


def score_sentiment(
    source: str,
    split: str = "test",
    checkpoint: str | Path | None = None,
    engine: EngineName = "auto",
) -> Classification:
    """Label the texts of a source (of a sample: of one split) and compare.

    Raises:
        DataError: the source cannot be read, or a text has no label or one that the head does not know.
        CheckpointError: there is no such checkpoint, or it has no head.
    """
    texts = list(read_texts(source, split))
    if unlabelled := next((text for text in texts if text.label is None), None):
        raise DataError(f"{source}: a text has no `label` (or `tone`): {unlabelled.text[:20]}…")
    analyzer = SentimentAnalyzer.from_checkpoint(checkpoint, engine)
    found = analyzer.analyze([text.text for text in texts])
    expected = [str(text.label) for text in texts]
    return Classification.of(expected, [each.label for each in found], analyzer.labels)


def write_scores(found: Classification, folder: Path) -> None:
    """Write `metrics.json` and `confusion.png` into a folder.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found.as_json(), ensure_ascii=False, indent=2)
    write_whole(folder / "metrics.json", f"{text}\n")
    draw(found, folder / "confusion.png")
