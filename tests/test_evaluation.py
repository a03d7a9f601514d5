"""Evaluations of real tiny checkpoints: files, resuming, baselines, comparison."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from safetensors.numpy import load_file

from narou_gen.data import clean_pairs
from narou_gen.errors import CheckpointError, DataError, InputError
from narou_gen.evaluation.baselines import Lead, NearestTitle, RandomTitle
from narou_gen.evaluation.columns import CONTROLLED, OF_ITEMS, OF_THE_SET
from narou_gen.evaluation.comparison import compare_evaluations
from narou_gen.evaluation.files import read_titles
from narou_gen.evaluation.items import EvaluationOptions, Item, grouped
from narou_gen.evaluation.material import load_material
from narou_gen.evaluation.run import evaluate_checkpoint
from narou_gen.evaluation.untrained import untrained_encoder
from narou_gen.evaluation.watcher import Watcher
from narou_gen.metrics.rouge import character_rouge
from narou_gen.sources import Pair, read_pairs

SMALL: dict[str, Any] = {"limit": 40, "num_beams": 2, "num_titles": 2, "resamples": 200}


@pytest.fixture(scope="module")
def options(some_pairs: Path) -> EvaluationOptions:
    return EvaluationOptions(**SMALL, train=str(some_pairs), baselines=True)


@pytest.fixture(scope="module")
def evaluated(
    debug_checkpoint: Path, options: EvaluationOptions, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "whole"
    evaluate_checkpoint(str(debug_checkpoint), folder, options)
    return folder


def metrics_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return found


def test_every_system_has_every_metric_with_an_interval(evaluated: Path) -> None:
    metrics = metrics_of(evaluated)
    assert list(metrics["systems"]) == [
        "model",
        "untrained_encoder",
        "lead",
        "nearest",
        "random",
        "references",
    ]
    assert not metrics["skipped"]
    for name, scores in metrics["systems"].items():
        expected = {*OF_ITEMS, *OF_THE_SET}
        if name not in ("model", "untrained_encoder"):
            expected -= {"self_bleu"}
        if name == "references":
            expected -= {"length_error"}
        # A tiny model may say no noun, or but one word.
        small = (
            {"faithfulness", "self_bleu", "distinct_2"} if name in ("model", "untrained_encoder") else set()
        )
        assert expected - set(scores) <= small, name
        for metric, score in scores.items():
            assert score["low"] <= score["value"] <= score["high"], (name, metric)
            if metric not in ("characters", "length_error"):
                assert 0 <= score["value"] <= 1 + 1e-9, (name, metric)
    random = metrics["systems"]["random"]
    assert random["identical"]["value"] == random["near_identical"]["value"] == 1.0
    lead = metrics["systems"]["lead"]
    assert lead["copied"]["value"] == 1.0 and lead["titleness"]["value"] < 0.5
    assert metrics["systems"]["references"]["titleness"]["value"] > 0.9
    assert set(metrics["control"]) <= set(CONTROLLED) and metrics["control"]
    assert 0.7 < metrics["titleness_accuracy"] <= 1
    assert sum(group["items"] for group in metrics["by_genre"]) == 40
    assert sum(group["items"] for group in metrics["by_synopsis_length"]) == 40
    assert len(metrics["by_synopsis_length"]) == 4


def test_a_line_a_synopsis_holds_what_the_scores_were_made_of(evaluated: Path) -> None:
    lines = list(read_titles(evaluated))
    metrics = metrics_of(evaluated)
    assert len(lines) == 40 and all(line["asked"] == {"length": "long"} for line in lines)
    for line in lines:
        for name, system in line["systems"].items():
            references = line["references"]
            if name == "references":
                references = references[1:]  # the first is the long one, and is what is scored
            scores = character_rouge(system["titles"][0]["text"], references)
            assert system["scores"]["character_rouge_l"] == pytest.approx(scores.rouge_l)
    for name in metrics["systems"]:
        values = [line["systems"][name]["scores"]["word_rouge_2"] for line in lines]
        assert metrics["systems"][name]["word_rouge_2"]["value"] == pytest.approx(fmean(values))


class _Interrupting(Watcher):
    """A person who presses Ctrl-C when so many synopses are done."""

    def __init__(self, at: int) -> None:
        self._at = at

    def written(self, done: int, total: int) -> None:
        if done >= self._at:
            raise KeyboardInterrupt


def test_a_resumed_evaluation_ends_as_one_that_was_not_interrupted(
    evaluated: Path, options: EvaluationOptions, debug_checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        evaluate_checkpoint(str(debug_checkpoint), folder, options, watcher=_Interrupting(1))
    assert len(list(read_titles(folder))) == 32 and not (folder / "metrics.json").exists()
    with (folder / "titles.jsonl").open(
        "ab"
    ) as file:  # killed while it wrote: two lines, and half a character
        line = (evaluated / "titles.jsonl").read_bytes().splitlines(keepends=True)[32]
        file.write(line + line + line[:14] + "宿".encode()[:2])
    evaluate_checkpoint(str(debug_checkpoint), folder, options, resume=True)
    for name in ("titles.jsonl", "metrics.json", "report.html"):
        assert (folder / name).read_bytes() == (evaluated / name).read_bytes(), name


def test_an_evaluation_is_not_overwritten_or_mixed_with_another(
    evaluated: Path, options: EvaluationOptions, debug_checkpoint: Path
) -> None:
    before = (evaluated / "titles.jsonl").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        evaluate_checkpoint(str(debug_checkpoint), evaluated, options)
    with pytest.raises(InputError, match="num_beams was 2 and is now 1"):
        evaluate_checkpoint(str(debug_checkpoint), evaluated, replace(options, num_beams=1), resume=True)
    assert (evaluated / "titles.jsonl").read_bytes() == before


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    rows = [
        {"synopsis": "辺境の宿屋を継いだ令嬢の話である。", "title": "令嬢は宿屋を継ぐ", "genre": 101},
        {"synopsis": "魔王の娘が学校に通い始める話である。", "titles": ["魔王の娘の登校", "登校"]},
        {"synopsis": "短", "title": "これは短い"},
    ]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def test_a_checkpoint_without_a_record_is_evaluated_on_a_file(
    debug_checkpoint: Path, own_data: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(
        debug_checkpoint, bare, ignore=shutil.ignore_patterns("run.json", "metrics.jsonl", "state")
    )
    options = EvaluationOptions(
        data=str(own_data), length="reference", baselines=True, num_beams=1, num_titles=1
    )
    metrics = evaluate_checkpoint(str(bare), tmp_path / "out", options)
    assert metrics["settings"]["items"] == 2 and metrics["settings"]["references"] == 3
    assert metrics["left_out"] == {"synopsis under 2 letters": 1}
    assert set(metrics["skipped"]) == {"lead", "nearest", "random", "titleness", "novelty"}
    assert "--train" in metrics["skipped"]["lead"]
    assert "identical" not in metrics["systems"]["model"] and "self_bleu" not in metrics["systems"]["model"]
    lines = list(read_titles(tmp_path / "out"))
    assert [line["asked"] for line in lines] == [{"length": "short"}, {"length": "short"}]
    assert [line["genre"] for line in lines] == ["異世界〔恋愛〕", None]
    # One reference alone cannot be held against others.
    assert lines[0]["systems"]["references"]["scores"]["character_rouge_l"] is None
    named = EvaluationOptions(data=str(own_data), train=str(own_data), num_beams=1, baselines=True)
    metrics = evaluate_checkpoint(str(bare), tmp_path / "named", named)
    assert metrics["skipped"] == {"titleness": "fewer than 20 synopses to learn titles from"}
    assert metrics["systems"]["nearest"]["character_rouge_l"]["value"] == 1.0  # it finds the same works


def test_the_splits_of_the_run_and_data_that_is_not_there(
    debug_checkpoint: Path, options: EvaluationOptions, tmp_path: Path
) -> None:
    """title-debug was trained on the bundled corpus, so its test split is the bundled one."""
    material = load_material(debug_checkpoint, EvaluationOptions(data="run", limit=3))
    pairs = list(clean_pairs(read_pairs("sample:titles", "test"), Counter()))
    assert material.items == grouped(pairs)[:3]
    assert material.no_training == "" and len(material.training) > 50
    for wrong in (replace(options, data="nowhere.jsonl"), replace(options, train="nowhere.jsonl")):
        with pytest.raises(DataError, match="nowhere"):
            evaluate_checkpoint(str(debug_checkpoint), tmp_path / "none", wrong)
    assert not (tmp_path / "none").exists()
    for impossible in ({"limit": 0}, {"num_titles": 17}, {"resamples": 1}):
        with pytest.raises(InputError, match="it must be"):
            EvaluationOptions(**impossible)


PAIRS = [
    Pair("魔王の娘が王都の学校に通う話", "魔王の娘", keywords=("魔王",)),
    Pair("魔王の娘が王都の学校に通う話", "魔王の娘は王都の学校に通って今日も友達をつくるらしいです"),
    Pair("辺境の宿屋を継いだ令嬢の話", "宿屋の令嬢が継いだ話"),
]


def test_baselines_by_hand() -> None:
    short, long, free = (EvaluationOptions(length=length) for length in ("short", "long", "none"))
    item = Item("辺境の古い宿屋を、\n令嬢が継いで直してゆく物語", ("宿屋",), None, ())
    assert Lead(PAIRS, short).title(item, 0) == "辺境の古"  # 魔王の娘 is the one short title
    assert Lead(PAIRS, free).title(item, 0) == "辺境の古い宿屋を、令"  # the median of 4, 10 and 28
    assert NearestTitle(PAIRS, long).title(item, 0) == "宿屋の令嬢が継いだ話"  # it has no long title
    school = Item("魔王の娘は学校が好き", ("学校",), None, ())
    assert NearestTitle(PAIRS, short).title(school, 0) == "魔王の娘"
    assert len(NearestTitle(PAIRS, long).title(school, 0)) == 28
    drawn = [RandomTitle(PAIRS, free).title(item, place) for place in range(30)]
    assert drawn == [RandomTitle(PAIRS, free).title(item, place) for place in range(30)]
    assert set(drawn) == {pair.title for pair in PAIRS}
    assert {RandomTitle(PAIRS, short).title(item, place) for place in range(9)} == {"魔王の娘"}


def test_items_keep_their_references_and_what_is_asked() -> None:
    items = grouped(PAIRS)
    assert [len(item.references) for item in items] == [2, 1]
    assert items[0].conditions(EvaluationOptions()).parts() == {
        "length": "題名の長さ：長い。",
        "genre": "",
        "keywords": "",
    }
    assert items[0].conditions(EvaluationOptions(given=True, length="none")).keywords == ("魔王",)
    assert items[0].asked_reference(EvaluationOptions(length="long")).endswith("らしいです")
    assert items[0].asked_reference(EvaluationOptions(length="none")) == "魔王の娘"


def test_only_the_encoder_is_untrained(debug_checkpoint: Path, tmp_path: Path) -> None:
    with untrained_encoder(debug_checkpoint) as copy:
        before, after = (
            load_file(debug_checkpoint / "model.safetensors"),
            load_file(copy / "model.safetensors"),
        )
        assert before.keys() == after.keys()
        for key, value in before.items():
            same = bool((after[key] == value).all())
            assert same or key.startswith("encoder."), key
        matrix = next(key for key in before if key.startswith("encoder.") and key.endswith("query.weight"))
        assert math.isclose(float(after[matrix].std()), 0.02, rel_tol=0.2)
        assert after[matrix].dtype == before[matrix].dtype
    assert not copy.exists()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"), untrained_encoder(tmp_path):
        pass


@pytest.fixture(scope="module")
def other(
    debug_checkpoint: Path, options: EvaluationOptions, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same synopses, with short titles asked for."""
    folder = tmp_path_factory.mktemp("evaluated") / "short"
    evaluate_checkpoint(str(debug_checkpoint), folder, replace(options, length="short", baselines=False))
    return folder


def test_comparing_an_evaluation_with_itself_and_with_another(
    evaluated: Path, other: Path, tmp_path: Path
) -> None:
    same = compare_evaluations(evaluated, evaluated)
    assert all(row["difference"] == 0 and row["p"] == 1 for row in same.metrics.values())
    assert same.different == {}
    found = compare_evaluations(evaluated, other)
    assert found.different == {"length": ("long", "short"), "baselines": (True, False)}
    metrics = metrics_of(evaluated), metrics_of(other)
    for name, row in found.metrics.items():
        assert row["difference"] == pytest.approx(row["b"] - row["a"])
        if row["items"] == 40:
            assert row["a"] == pytest.approx(metrics[0]["systems"]["model"][name]["value"])
            assert row["b"] == pytest.approx(metrics[1]["systems"]["model"][name]["value"])
    back = compare_evaluations(other, evaluated)
    for name, row in found.metrics.items():
        assert back.metrics[name]["low"] == pytest.approx(-row["high"], abs=1e-6)
    assert len(found.titles) == 40 and found.names["b"] == "title-debug (short)"
    unfinished = tmp_path / "unfinished"
    shutil.copytree(other, unfinished)
    (unfinished / "titles.jsonl").write_text("", "utf-8")
    with pytest.raises(DataError, match="0 of 40"):
        compare_evaluations(other, unfinished)
    with pytest.raises(DataError, match="No evaluation"):
        compare_evaluations(other, tmp_path / "nowhere")


def test_scores_that_an_older_evaluation_lacks_are_not_compared(
    evaluated: Path, other: Path, tmp_path: Path
) -> None:
    old = shutil.copytree(other, tmp_path / "old")
    lines = [json.loads(line) for line in (old / "titles.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        del line["systems"]["model"]["scores"]["misspelt"]
    (old / "titles.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    whole, lacking = (compare_evaluations(evaluated, each).metrics for each in (other, old))
    assert whole.keys() - lacking.keys() == {"misspelt"}
    assert lacking == {name: whole[name] for name in lacking}


@pytest.mark.slow
def test_the_control_falls_for_a_trained_model(tmp_path: Path) -> None:
    """Titles of the bundled model belong to their synopses."""
    metrics = evaluate_checkpoint(
        "narou-mini", tmp_path / "out", EvaluationOptions(limit=32, num_beams=1, num_titles=1)
    )
    control = metrics["control"]
    assert set(control) == set(CONTROLLED)
    fallen = [name for name in CONTROLLED if control[name]["own"] > control[name]["other"]]
    assert fallen == list(CONTROLLED)
    assert control["character_rouge_l"]["falls"] and control["faithfulness"]["falls"]
