"""`report.html`: one page that needs nothing else, with the table, pictures and unpicked titles.

Whatever comes from outside is escaped: by Jinja in the page, by matplotlib in its pictures, and as JSON in
the script, which shows it as text alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from narou_gen.evaluation.charts import pictures
from narou_gen.evaluation.columns import BY_NAME, COLUMNS, LABELS, MEANINGS, MODEL, REFERENCES, Column
from narou_gen.evaluation.files import REPORT
from narou_gen.evaluation.tables import Line
from narou_gen.folders import write_whole

_PAGE = Path(__file__).parent / "page"
_MOST_SAMPLES = 1000
_TILES = {
    "character_rouge_l": "Character ROUGE-L",
    "faithfulness": "Words found in the synopsis",
    "titleness": "Taken for titles",
    "near_identical": "Near a training title",
}
_DIRECTIONS = {"more": "↑", "less": "↓", "": ""}


def write_report(
    folder: Path, metrics: Mapping[str, Any], lines: Sequence[Line], journal: Sequence[Mapping[str, Any]]
) -> Path:
    """Write the page of an evaluation into its folder, and return its path.

    `metrics` is what metrics.json holds, `lines` what titles.jsonl does; `journal` is the checkpoint's
    metrics.jsonl, empty where it has none.
    """
    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    settings = metrics["settings"]
    systems = [{"label": LABELS[name], "kind": _kind(name)} for name in metrics["systems"]]
    page = environment.get_template("report.html").render(
        name=Path(settings["checkpoint"]).name,
        lede=_lede(settings),
        css=(_PAGE / "report.css").read_text("utf-8"),
        js=(_PAGE / "report.js").read_text("utf-8"),
        tiles=list(_tiles(metrics)),
        systems=systems,
        groups=list(_groups(metrics)),
        compared=len(systems) > 2,
        rule_of_three=f"{min(1.0, 3 / settings['items']):.1%}",
        missing=[
            f"Not measured: {LABELS.get(key, key)}, because {reason}."
            for key, reason in metrics["skipped"].items()
        ],
        pictures=pictures(metrics, lines, journal),
        which_samples=_which_samples(len(lines)),
        samples=_in_script([_sample(line) for line in lines[:_MOST_SAMPLES]]),
        legend=list(_legend(metrics)),
    )
    write_whole(folder / REPORT, page)
    return folder / REPORT


def read_journal(checkpoint: Path) -> list[dict[str, Any]]:
    """The whole lines of a checkpoint's metrics.jsonl; none where there is no such file."""
    try:
        text = (checkpoint / "metrics.jsonl").read_text("utf-8", errors="replace")
    except OSError:
        return []
    return list(_objects(text))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and {"kind", "step"} <= value.keys():
            yield value


def _lede(settings: Mapping[str, Any]) -> str:
    options = settings["options"]
    data = options["data"]
    if data.startswith("sample:") or data == "run":
        data += f", {options['split']} split"
    asked = {"none": "titles of any length", "reference": "titles as long as the reference"}
    length = asked.get(options["length"], f"{options['length']} titles")
    given = ", genre and keywords given" if options["given"] else ""
    return (
        f"{settings['items']:,} synopses with {settings['references']:,} references ({Path(data).name}), "
        f"asked for {length}{given}; beam search with {options['num_beams']} beams. "
        "The first title of each counts."
    )


def _tiles(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    model = metrics["systems"][MODEL]
    for name, label in _TILES.items():
        if name in model:
            column, score = BY_NAME[name], model[name]
            yield {
                "name": label,
                "value": column.text(score["value"]),
                "spread": column.spread(score["low"], score["high"]),
                "beside": list(_beside(metrics, column)),
            }


def _beside(metrics: Mapping[str, Any], column: Column) -> Iterator[str]:
    """What a score is to be held against: people, and the strongest baseline or the control."""
    systems = metrics["systems"]
    if column.name in systems[REFERENCES]:
        yield f"{LABELS[REFERENCES]} {column.text(systems[REFERENCES][column.name]['value'])}"
    baselines = {
        name: scores[column.name]["value"]
        for name, scores in systems.items()
        if name not in (MODEL, REFERENCES) and column.name in scores
    }
    if column.group == "Overlap" and baselines:
        best = max(baselines, key=lambda name: baselines[name])
        yield f"{LABELS[best]} {column.text(baselines[best])}"
    elif column.name in metrics["control"]:
        yield f"with another synopsis {column.text(metrics['control'][column.name]['other'])}"
    elif "lead" in baselines:
        yield f"{LABELS['lead']} {column.text(baselines['lead'])}"


def _groups(metrics: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    measured = {name for scores in metrics["systems"].values() for name in scores}
    shown = [column for column in COLUMNS if column.name in measured]
    for group, columns in groupby(shown, key=lambda column: column.group):
        yield (
            group,
            [
                {
                    "label": column.label,
                    "meaning": column.meaning,
                    "direction": _DIRECTIONS[column.better],
                    "cells": [_cell(metrics, column, system) for system in metrics["systems"]],
                }
                for column in columns
            ],
        )


def _cell(metrics: Mapping[str, Any], column: Column, system: str) -> dict[str, str]:
    score = metrics["systems"][system].get(column.name)
    if score is None:
        return {"value": "", "spread": "", "interval": "", "kind": _kind(system), "verdict": ""}
    return {
        "value": column.text(score["value"]),
        "spread": column.spread(score["low"], score["high"]),
        "interval": f"{column.text(score['low'])} to {column.text(score['high'])}",
        "kind": _kind(system),
        "verdict": _verdict(metrics, column, system),
    }


def _verdict(metrics: Mapping[str, Any], column: Column, system: str) -> str:
    """`won` where the model does better than this baseline beyond doubt, `lost` where it does worse."""
    gap = metrics["against"].get(system, {}).get(column.name)
    if system == REFERENCES or gap is None or not column.better or gap["low"] <= 0 <= gap["high"]:
        return ""
    return "won" if (gap["value"] > 0) == (column.better == "more") else "lost"


def _kind(system: str) -> str:
    return "model" if system == MODEL else ""


def _which_samples(items: int) -> str:
    return (
        "all of them, in their order."
        if items <= _MOST_SAMPLES
        else f"the first {_MOST_SAMPLES:,} of {items:,}."
    )


def _sample(line: Line) -> dict[str, Any]:
    """What the script shows of an item: facts, synopsis, and (label, class, title) for each title."""
    titles = []
    model = line["systems"][MODEL]
    for place, title in enumerate(model["titles"]):
        titles.append(("model" if not place else "", "" if place else "first", title["text"]))
    titles += [
        ("references" if not place else "", "reference", text)
        for place, text in enumerate(line["references"])
    ]
    for name, system in line["systems"].items():
        if name not in (MODEL, REFERENCES):
            titles.append((LABELS[name], "baseline", system["titles"][0]["text"]))
    shown = ("character_rouge_l", "faithfulness")
    scores = [f"{BY_NAME[name].label} {BY_NAME[name].text(model['scores'][name])}" for name in shown]
    return {
        "synopsis": line["synopsis"],
        "genre": line["genre"] or "",
        "facts": " · ".join([line["genre"] or "no genre", f"{len(line['synopsis'])} characters", *scores]),
        "titles": titles,
    }


def _in_script(value: object) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(value, ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _legend(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in metrics["systems"]:
        yield LABELS[name], MEANINGS[name]
    yield "ROUGE", "F1 over characters or MeCab words, each against the best of a synopsis's references"
    for column in COLUMNS:
        if column.group != "Overlap" and any(column.name in scores for scores in metrics["systems"].values()):
            yield column.label, column.meaning
    if metrics["titleness_accuracy"] is not None:
        yield "the classifier", f"right on {metrics['titleness_accuracy']:.1%} of works that it did not see"
    settings = metrics["settings"]
    resamples = settings["options"]["resamples"]
    yield "intervals", f"95%; bootstrap of synopses, {resamples:,} resamples; jackknife for distinct-n"
    yield "seed", str(settings["options"]["seed"])
    yield "data", f"SHA-256 {settings['data_fingerprint'][:16]}…"
    yield "checkpoint", f"SHA-256 {settings['checkpoint_fingerprint'][:16]}…"
    yield "versions", ", ".join(f"{name} {number}" for name, number in settings["versions"].items())
