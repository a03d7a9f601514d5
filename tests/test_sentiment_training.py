"""Three ways to train a sentiment head, in the loop that trains titles: real tiny models."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_runs import lines, train_in_two_processes

from narou_gen import NarouGenError, SentimentAnalyzer, TitleGenerator, load_config, train
from narou_gen.checkpoint import last_state
from narou_gen.config import parse_config

STORY = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"
WORDS = {"明": "嬉しい 楽しい 最高 大好き 感動", "暗": "退屈 最悪 残念 がっかり 苦痛"}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 texts with labels that one word tells."""
    words = [(label, word) for label, all_ in WORDS.items() for word in all_.split()]
    frames = ("この話は{}です。", "読んで{}と思った。", "正直、{}。", "{}な一章だった。", "とにかく{}！")
    rows = [{"text": frame.format(word), "label": label} for frame in frames for label, word in words]
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return file


@pytest.fixture
def make(tmp_path: Path, debug_checkpoint: Path, texts: Path) -> Callable[..., Any]:
    def config(*changes: str) -> Any:
        small = (
            f"output='{tmp_path / 'run'}'",
            f"model.checkpoint='{debug_checkpoint}'",
            f"data.train='{texts}'",
            "data.validation=0.2",
            "data.test=0.1",
            "data.max_synopsis_tokens=48",
            "training.batch_size=8",
            "training.epochs=2",
            "training.fresh_learning_rate=0.01",
        )
        return load_config("sentiment", [*small, *changes])

    return config


def digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.is_file()
    }


def same(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_frozen_leaves_titles_as_they_are_to_the_bit(
    make: Callable[..., Any], debug_checkpoint: Path, tmp_path: Path
) -> None:
    """Trained into the very folder of the title checkpoint: no file of it changes, and no title."""
    folder = tmp_path / "titles"
    shutil.copytree(debug_checkpoint, folder, ignore=shutil.ignore_patterns("state"))
    before = digests(folder)
    titles = TitleGenerator.from_checkpoint(folder).generate([STORY], num_titles=3)
    assert train(make(f"model.checkpoint='{folder}'", f"output='{folder}'")) == folder
    assert digests(folder) == before
    after = TitleGenerator.from_checkpoint(folder).generate([STORY], num_titles=3)
    assert [title.text for title in after[0]] == [title.text for title in titles[0]]
    about = json.loads((folder / "sentiment/labels.json").read_text("utf-8"))
    assert about["labels"] == ["明", "暗"]
    assert about["encoder_sha256"] == before["model.safetensors"]
    assert about["trained_on"]["texts"] and about["validation"]["texts"] > 0


def test_frozen_into_another_folder_takes_the_titles_along(
    make: Callable[..., Any], debug_checkpoint: Path
) -> None:
    folder = train(make())
    assert (folder / "model.safetensors").read_bytes() == (
        debug_checkpoint / "model.safetensors"
    ).read_bytes()
    assert TitleGenerator.from_checkpoint(folder).generate([STORY])[0]
    assert SentimentAnalyzer.from_checkpoint(folder).labels == ("明", "暗")
    with pytest.raises(NarouGenError, match="already holds a run: add --resume"):
        train(make())


def test_frozen_learns_what_words_tell(make: Callable[..., Any]) -> None:
    folder = train(make("training.epochs=20", "data.validation=0.3"))
    scores = [line["macro_f1"] for line in lines(folder / "sentiment", "evaluation")]
    losses = [line["loss"] for line in lines(folder / "sentiment", "update")]
    assert fmean(losses[-5:]) < 0.5 * losses[0]
    assert max(scores) > 0.75


@pytest.mark.parametrize("mode", ["frozen", "finetune", "joint"])
def test_resuming_repeats_the_uninterrupted_run(mode: str, make: Callable[..., Any], tmp_path: Path) -> None:
    """A run of two epochs loses its last state and all it wrote since, and goes on: the same bits."""
    changes = [f"sentiment.mode={mode}", "sentiment.balance=sampling", "training.keep=9"]
    if mode == "joint":
        titles = tmp_path / "titles.jsonl"
        rows = [{"synopsis": f"{STORY}それは{n}年前の話だ。", "title": f"{n}年前の声"} for n in range(40)]
        titles.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
        changes += [f"sentiment.titles='{titles}'", "sentiment.share=0.4", "training.evaluate_synopses=2"]
    whole = train(make(*changes, f"output='{tmp_path / 'whole'}'"))
    cut = tmp_path / "cut"
    shutil.copytree(whole, cut)
    run, kept = (folder / "sentiment" if mode == "frozen" else folder for folder in (cut, whole))
    states = sorted((run / "state").iterdir())
    assert len(states) == 2
    shutil.rmtree(states[-1])
    train(make(*changes, f"output='{cut}'"), resume=True)
    assert [file.name for file in sorted((run / "state").iterdir())] == [file.name for file in states]
    for file in (kept / "state" / states[-1].name).rglob("*.safetensors"):
        assert same(file, run / file.relative_to(kept)), file.name
    for file in ("sentiment/head.safetensors", "model.safetensors"):
        assert same(whole / file, cut / file), file
    strip = [
        [
            {key: value for key, value in line.items() if key != "pairs_per_second"}
            for line in lines(folder, "update")
        ]
        for folder in (kept, run)
    ]
    assert strip[0] == strip[1]


def test_finetune_makes_a_bert_of_its_own(make: Callable[..., Any], debug_checkpoint: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    before = digests(debug_checkpoint)
    folder = train(make("sentiment.mode=finetune", "training.fresh_learning_rate=2e-3", "training.epochs=8"))
    assert digests(debug_checkpoint) == before
    encoder = AutoModel.from_pretrained(folder)
    assert AutoTokenizer.from_pretrained(folder).vocab_size > 0
    titles = load_file(debug_checkpoint / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(encoder.state_dict()[name], titles[f"encoder.{name}"])
    found = [
        SentimentAnalyzer.from_checkpoint(folder, engine).analyze(["最高！", "退屈。"])
        for engine in ("ctranslate2", "torch")
    ]  # type: ignore[arg-type]
    for fast, slow in zip(*found, strict=True):
        assert fast.probabilities == pytest.approx(slow.probabilities, abs=1e-4)
    losses = [line["loss"] for line in lines(folder, "update")]
    assert fmean(losses[-5:]) < fmean(losses[:5]) - 0.05


def test_joint_trains_both_and_both_losses_fall(make: Callable[..., Any], tmp_path: Path) -> None:
    folder = train(
        make(
            "sentiment.mode=joint",
            "sentiment.share=0.3",
            "training.epochs=3",
            "training.batch_size=16",
            "training.learning_rate=2e-3",
            "training.fresh_learning_rate=2e-3",
            "training.evaluate_synopses=2",
            "data.limit=160",
            "data.validation_limit=24",
            "data.max_title_tokens=24",
        )
    )
    found = lines(folder, "evaluation")
    for kind in ("titles", "sentiment"):
        losses = [line["loss"] for line in lines(folder, "update") if line["learned"] == kind]
        third = len(losses) // 3
        assert fmean(losses[-third:]) < fmean(losses[:third]) - 0.1, kind
    learned = [line["learned"] for line in lines(folder, "update")]
    assert learned.count("sentiment") / len(learned) == pytest.approx(0.3, abs=0.05)
    assert "sentiment" in learned[:4] and "sentiment" in learned[-4:]  # evenly spread
    assert {"rouge_l", "macro_f1", "accuracy", "validation_loss"} <= found[-1].keys()
    weighed = 0.7 * found[-1]["title_loss"] + 0.3 * found[-1]["sentiment_loss"]
    assert found[-1]["validation_loss"] == pytest.approx(weighed)
    assert TitleGenerator.from_checkpoint(folder).generate([STORY])[0]
    assert SentimentAnalyzer.from_checkpoint(folder).analyze(["最高！"])[0].label in WORDS
    record = json.loads((folder / "run.json").read_text("utf-8"))
    assert record["data"]["train"] < record["data"]["titles"]["train"] == 160


def test_weights_of_labels_count(make: Callable[..., Any], tmp_path: Path) -> None:
    """Nine of ten texts say one thing: with weights the other is heard more."""
    rows = [
        {"text": f"{n}番目も{'退屈' if n % 10 else '最高'}。", "label": "暗" if n % 10 else "明"}
        for n in range(200)
    ]
    file = tmp_path / "texts.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    recalled = {}
    for balance in ("none", "weights", "sampling"):
        folder = train(
            make(
                f"data.train='{file}'",
                f"sentiment.balance={balance}",
                f"output='{tmp_path / balance}'",
                "training.epochs=1",
                "training.fresh_learning_rate=0.002",
            )
        )
        found = SentimentAnalyzer.from_checkpoint(folder).analyze(["五百番目も最高。", "十一番目も最高。"])
        recalled[balance] = fmean(each.probabilities["明"] for each in found)
    assert recalled["weights"] > recalled["none"] and recalled["sampling"] > recalled["none"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [("良い話だった", "明"), ("悪い話だった", "明")] * 5,
            "every text is labelled 明; give texts of two labels",
        ),
        ([("良い話だった", "明"), ("悪い話だった", None)] * 5, "has no `label`"),
        ([("　", "明"), ("", "暗")], "No texts for data.test = 0.1 .2 were left out."),
    ],
)
def test_texts_that_teach_nothing(
    rows: list[tuple[str, str | None]], said: str, make: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "texts.jsonl"
    values = [
        {"text": text + "あ" * n if text.strip() else text, "label": label}
        for n, (text, label) in enumerate(rows)
    ]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in values), "utf-8")
    with pytest.raises(NarouGenError, match=said) as caught:
        train(make(f"data.train='{file}'", "data.validation=0.3"))
    assert "\n" not in str(caught.value)


def test_a_label_that_training_lacks(make: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "validation.jsonl"
    file.write_text(json.dumps({"text": "ふつうの話だった。", "label": "無"}, ensure_ascii=False), "utf-8")
    with pytest.raises(NarouGenError, match="validation texts are labelled 無, which no training text is"):
        train(make(f"data.validation='{file}'"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sentiment.mode=thawed", "sentiment.mode = 'thawed'"),
        ("training.best_by=rouge_l", "this task knows accuracy, loss, macro_f1"),
        ("sentiment.share=1.0", "sentiment.share"),
        ("mlm.mask_fraction=0.5", r'\[mlm\] belongs to task = "mlm"'),
        ("model.freeze_encoder=true", "only the training of titles knows that, remove it"),
    ],
)
def test_configs_that_contradict_themselves(change: str, said: str) -> None:
    with pytest.raises(NarouGenError, match=said):
        load_config("sentiment", [change])


def test_frozen_needs_titles() -> None:
    values = {"task": "sentiment", "output": "x", "model": {"encoder": "y"}, "data": {"train": "z"}}
    with pytest.raises(NarouGenError, match="needs \\[model\\] checkpoint"):
        parse_config(values)
    parse_config({**values, "sentiment": {"mode": "finetune"}})


def test_the_head_of_states_is_what_training_saw(make: Callable[..., Any]) -> None:
    """numpy in `SentimentAnalyzer` and torch in training say the same."""
    from narou_gen.encoder import Encoder
    from narou_gen.encoder_model import SentimentHead
    from narou_gen.sentiment import Head

    folder = train(make("sentiment.pooling=max"))
    head, state = Head.load(folder), last_state(folder / "sentiment")
    assert head.pooling == "max" and state is not None
    vectors = Encoder.from_checkpoint(folder).embed(["最高！", "残念だった。"], "max")
    torch_head = SentimentHead(torch.from_numpy(vectors), 2, 0.1).eval()
    torch_head.load_state_dict(load_file(folder / "sentiment/head.safetensors"))
    with torch.no_grad():
        expected = torch_head(torch.from_numpy(vectors)).softmax(-1).numpy()
    assert np.allclose(head.probabilities(vectors), expected, atol=1e-6)


@pytest.mark.slow
def test_two_processes_train_jointly_as_one(make: Callable[..., Any], tmp_path: Path) -> None:
    """Updates of one kind leave the other kind's parameters alone, on every process."""
    titles = tmp_path / "titles.jsonl"
    rows = [{"synopsis": f"{STORY}それは{n}年前の話だ。", "title": f"{n}年前の声"} for n in range(40)]
    titles.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    config = make("sentiment.mode=joint", f"sentiment.titles='{titles}'", "sentiment.share=0.4")
    values = config.model_dump()
    values["model"] = {"dropout": 0.0, "checkpoint": config.model.checkpoint}
    values["sentiment"]["dropout"] = values["data"]["condition_dropout"] = 0.0
    values["training"] |= {"evaluate_synopses": 2, "epochs": 1}
    folders = [train(parse_config(values))]
    folders.append(tmp_path / "two")
    values["output"] = str(folders[1])
    values["training"]["batch_size"] //= 2
    answer = train_in_two_processes(values, tmp_path)
    assert answer.returncode == 0, answer.stderr[-2000:]
    losses = [[line["loss"] for line in lines(folder, "update")] for folder in folders]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    for file in ("model.safetensors", "sentiment/head.safetensors"):
        one, two = (load_file(folder / file) for folder in folders)
        assert max(float((one[name] - two[name]).abs().max()) for name in one) < 5e-5, file
