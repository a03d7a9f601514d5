"""The feeling of texts: from Python, from the command line, and of the bundled model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from narou_gen import NarouGenError, SentimentAnalyzer, analyze_sentiment, load_config, train
from narou_gen.encoder import Encoder
from narou_gen.resources import SAMPLE, find_checkpoint

TEXTS = [
    "続きが楽しみで眠れません。最高です！",
    "退屈で、途中で読むのをやめた。",
    "👻",
    "次の更新は火曜です。" * 90,
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, debug_checkpoint: Path) -> Path:
    """A frozen head on a tiny title model, trained on the bundled comments."""
    folder = tmp_path_factory.mktemp("sentiment") / "head"
    changes = [f"output='{folder}'", f"model.checkpoint='{debug_checkpoint}'", "training.epochs=3"]
    return train(load_config("sentiment", [*changes, "data.max_synopsis_tokens=96", "data.limit=200"]))


def test_labels_and_probabilities(checkpoint: Path) -> None:
    analyzer = SentimentAnalyzer.from_checkpoint(checkpoint)
    assert analyzer.labels == ("negative", "neutral", "positive")
    for found in analyzer.analyze(TEXTS):
        assert set(found.probabilities) == set(analyzer.labels)
        assert sum(found.probabilities.values()) == pytest.approx(1)
        assert found.label == max(found.probabilities, key=lambda label: found.probabilities[label])
    assert analyzer.analyze([]) == []


@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
def test_a_batch_is_as_its_texts_one_by_one(checkpoint: Path, engine: str) -> None:
    analyzer = SentimentAnalyzer.from_checkpoint(checkpoint, engine)  # type: ignore[arg-type]
    together = analyzer.analyze(TEXTS * 12)
    for text, found in zip(TEXTS * 12, together, strict=True):
        (alone,) = analyzer.analyze([text])
        assert found.probabilities == pytest.approx(alone.probabilities, abs=1e-5)


def test_both_engines_feel_the_same(checkpoint: Path) -> None:
    fast, slow = (
        SentimentAnalyzer.from_checkpoint(checkpoint, engine).analyze(TEXTS)  # type: ignore[arg-type]
        for engine in ("ctranslate2", "torch")
    )
    for one, other in zip(fast, slow, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_an_encoder_that_is_there_already_serves(checkpoint: Path) -> None:
    encoder = Encoder.from_checkpoint(checkpoint)
    analyzer = SentimentAnalyzer.from_checkpoint(checkpoint, encoder=encoder)
    assert analyzer.analyze(TEXTS) == SentimentAnalyzer.from_checkpoint(checkpoint).analyze(TEXTS)


def test_bad_input_is_one_line(checkpoint: Path, debug_checkpoint: Path, tmp_path: Path) -> None:
    analyzer = SentimentAnalyzer.from_checkpoint(checkpoint)
    with pytest.raises(NarouGenError, match="The text is empty"):
        analyzer.analyze(["良い", "　\n"])
    with pytest.raises(NarouGenError, match="takes a list of texts"):
        analyzer.analyze("良い")
    with pytest.raises(
        NarouGenError, match="has no sentiment head: train one with `narou-gen train sentiment"
    ):
        SentimentAnalyzer.from_checkpoint(debug_checkpoint)
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint, broken, ignore=shutil.ignore_patterns("state"))
    (broken / "sentiment/labels.json").write_text('{"labels": ["a"], "pooling": "mean", "max_tokens": 8}')
    with pytest.raises(NarouGenError, match="labels and weights do not fit together"):
        SentimentAnalyzer.from_checkpoint(broken)
    (broken / "sentiment/labels.json").write_text("{")
    with pytest.raises(NarouGenError, match="sentiment is damaged"):
        SentimentAnalyzer.from_checkpoint(broken)


def test_a_head_of_another_encoder_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(checkpoint, other, ignore=shutil.ignore_patterns("state"))
    head = load_file(other / "sentiment/head.safetensors")
    save_file(
        {name: value[..., :3].copy() for name, value in head.items()}, other / "sentiment/head.safetensors"
    )
    with pytest.raises(NarouGenError, match="was trained on another encoder"):
        SentimentAnalyzer.from_checkpoint(other)


def test_it_needs_no_torch(checkpoint: Path) -> None:
    code = (
        "import sys; from narou_gen import SentimentAnalyzer\n"
        f"SentimentAnalyzer.from_checkpoint({str(checkpoint)!r}).analyze(['井戸'])\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'accelerate'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_titles_pay_nothing_for_it(debug_checkpoint: Path) -> None:
    """`narou-gen title` imports none of it."""
    code = (
        "import sys; from narou_gen.cli import main\n"
        f"sys.argv = ['narou-gen', 'title', '井戸の底の声', '--checkpoint', {str(debug_checkpoint)!r}]\n"
        "main.__globals__['app'](standalone_mode=False)\n"
        "mine = {f'narou_gen.{name}' for name in ('encoder', 'sentiment', 'similar', 'attention', 'texts')}\n"
        "print(sorted(mine & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr.strip().endswith("[]")


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "narou_gen", *arguments],
        input=stdin,
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )


def test_the_command_in_the_order_of_the_input(checkpoint: Path, tmp_path: Path) -> None:
    rows = [{"text": text} for text in [*TEXTS, "赤い\x1b[31m夜\x9b2J\u202e"]]
    file = tmp_path / "texts.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    default = {"NAROU_GEN_CHECKPOINT": str(checkpoint)}
    answer = run("sentiment", "--input", str(file), "--json", **default)
    assert (answer.returncode, answer.stderr) == (0, b"")
    found = [json.loads(line) for line in answer.stdout.decode().splitlines()]
    assert [line["text"] for line in found] == [row["text"] for row in rows]
    assert all(list(line) == ["text", "label", "probabilities"] for line in found)
    assert not {"\x1b", "\x9b", "\u202e"} & set(answer.stdout.decode())
    lines = "\n".join(TEXTS[:2]).encode()
    (tmp_path / "texts.txt").write_bytes(lines + b"\n\n")
    for arguments, stdin in (
        (("sentiment",), lines),
        (("sentiment", "--input", str(tmp_path / "texts.txt")), b""),
    ):
        answer = run(*arguments, stdin=stdin, **default)
        shown = [line.split("\t") for line in answer.stdout.decode().splitlines()]
        assert [(label, text) for label, _, text in shown] == [(f["label"], f["text"]) for f in found[:2]]
    (label, _, text) = run("sentiment", TEXTS[0], **default).stdout.decode().rstrip("\n").split("\t")
    assert (label, text) == (found[0]["label"], TEXTS[0])


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("sentiment", "　"), b"", "The text is empty"),
        (("sentiment",), b"\n\n", "stdin is empty"),
        (("sentiment",), "井戸".encode("cp932"), "not UTF-8; convert it first"),
        (("sentiment", "--input", "nowhere.jsonl"), b"", "No data at nowhere.jsonl"),
        (("sentiment", "--input", "nowhere.txt"), b"", "Cannot read nowhere.txt"),
        (("sentiment", "良い", "--checkpoint", "nowhere"), b"", "No checkpoint at nowhere"),
        (("sentiment-scores", "sample:titles", "--split", "nowhere"), b"", "No data at sample:titles"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    arguments: tuple[str, ...], stdin: bytes, said: str, checkpoint: Path
) -> None:
    answer = run(*arguments, stdin=stdin, NAROU_GEN_CHECKPOINT=str(checkpoint))
    assert answer.returncode == 1 and answer.stdout == b""
    (line,) = answer.stderr.decode().splitlines()
    assert said in line


def test_scores_of_the_command(checkpoint: Path, tmp_path: Path) -> None:
    default = {"NAROU_GEN_CHECKPOINT": str(checkpoint)}
    answer = run("sentiment-scores", "sample:comments", "--json", "-o", str(tmp_path / "out"), **default)
    assert (answer.returncode, answer.stderr) == (0, b"")
    scores = json.loads(answer.stdout)
    assert scores["texts"] == 84 and sum(map(sum, scores["confusion"])) == 84
    assert json.loads((tmp_path / "out/metrics.json").read_text("utf-8")) == scores
    assert (tmp_path / "out/confusion.png").stat().st_size > 5000
    # The tone of synopses is a second source, with the same labels.
    answer = run("sentiment-scores", "sample:titles", "--split", "validation", **default)
    works = (SAMPLE / "titles" / "validation.jsonl").read_text("utf-8").splitlines()
    assert answer.stdout.decode().startswith(f"{len(works)} texts: accuracy 0.")
    unlabelled = tmp_path / "texts.jsonl"
    unlabelled.write_text('{"text": "井戸"}', "utf-8")
    answer = run("sentiment-scores", str(unlabelled), **default)
    assert answer.returncode == 1 and "a text has no `label`" in answer.stderr.decode()


# --- the bundled model

BUNDLED = find_checkpoint("narou-mini")


def test_the_bundled_head_belongs_to_the_bundled_encoder() -> None:
    about = json.loads((BUNDLED / "sentiment/labels.json").read_text("utf-8"))
    weights = hashlib.sha256((BUNDLED / "model.safetensors").read_bytes()).hexdigest()
    assert about["encoder_sha256"] == weights, "the head must be trained again: narou-gen train sentiment"
    assert not (BUNDLED / "sentiment/state").exists()


def test_the_bundled_head_does_what_its_card_says() -> None:
    from narou_gen.sentiment_scores import score_sentiment

    found = score_sentiment("sample:comments", checkpoint=BUNDLED)
    assert found.macro_f1 > 0.7 > found.majority().macro_f1 + 0.3
    assert f"{found.macro_f1:.3f}" in (BUNDLED / "README.md").read_text("utf-8")


def test_the_default_model_knows_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAROU_GEN_CHECKPOINT", raising=False)
    assert analyze_sentiment("続きが楽しみで眠れません。最高です！").label == "positive"
    assert analyze_sentiment("退屈で、途中で読むのをやめた。").label == "negative"
