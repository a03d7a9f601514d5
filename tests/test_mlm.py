"""Masked language modelling: learns in the same loop, and its folder starts a title model."""

from __future__ import annotations

import json
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from narou_gen import NarouGenError, TitleGenerator, fill_mask, load_config, train
from narou_gen.fill_mask import MaskFiller
from narou_gen.resources import SAMPLE
from narou_gen.texts import read_passages

LINE = "古い井戸の底で、少年は名前を呼ぶ声を聞いた。"


@pytest.fixture(scope="module")
def novel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain text of which a small model can learn what comes where."""
    names = ("少年", "少女", "勇者", "魔王", "令嬢")
    lines = [f"{name}は{place}の底で声を聞いた。" for name in names for place in ("井戸", "海", "谷", "湖")]
    file = tmp_path_factory.mktemp("novel") / "novel.txt"
    file.write_text("\n\n".join(f"{first}\n{second}" for first in lines for second in lines[::3]), "utf-8")
    return file


@pytest.fixture
def make(tmp_path: Path, novel: Path) -> Callable[..., Any]:
    def config(*changes: str) -> Any:
        small = (
            f"output='{tmp_path / 'mlm'}'",
            "model.encoder='random:sample:bert-tiny'",
            f"data.train='{novel}'",
            "data.validation=0.1",
            "data.max_synopsis_tokens=48",
            "training.batch_size=16",
            "training.gradient_accumulation=1",
            "training.learning_rate=3e-3",
            "training.epochs=2",
        )
        return load_config("mlm", [*small, *changes])

    return config


def losses(folder: Path) -> list[float]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text("utf-8").splitlines())
    return [line["loss"] for line in lines if line["kind"] == "update"]


def test_it_learns_and_its_folder_starts_a_title_model(make: Callable[..., Any], tmp_path: Path) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = train(make("training.epochs=8"))
    found = losses(folder)
    assert fmean(found[-5:]) < fmean(found[:5]) - 0.5
    assert json.loads((folder / "run.json").read_text("utf-8"))["scores"]["accuracy"] > 0
    assert AutoModelForMaskedLM.from_pretrained(folder).config.architectures == ["BertForMaskedLM"]
    assert AutoTokenizer.from_pretrained(folder).mask_token == "[MASK]"

    filled = fill_mask("少年は井戸の底で[MASK]を聞いた。", checkpoint=folder)
    assert len(filled) == 1 and len(filled[0]) == 5
    assert filled[0][0].token == "声" and filled[0][0].probability > filled[0][1].probability
    two = MaskFiller.from_checkpoint(folder).fill("[MASK]は井戸の[MASK]で声を聞いた。", number=2)
    assert [len(each) for each in two] == [2, 2]

    titles = train(
        load_config(
            "title-debug",
            [
                f"output='{tmp_path / 'titles'}'",
                f"model.encoder='{folder}'",
                f"model.decoder='{folder}'",
                "data.limit=16",
                "data.validation_limit=4",
                "training.epochs=1",
                "training.learning_rate=1e-9",
                "training.evaluate_synopses=0",
            ],
        )
    )
    weights, adapted = load_file(titles / "model.safetensors"), load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    for half in ("encoder.", "decoder.bert."):
        assert torch.allclose(weights[half + name], adapted[f"bert.{name}"], atol=1e-6)
    head = "cls.predictions.transform.dense.weight"
    assert torch.allclose(weights[f"decoder.{head}"], adapted[head], atol=1e-6)
    assert TitleGenerator.from_checkpoint(titles).generate([LINE])


def test_it_goes_on_from_the_encoder_of_a_title_checkpoint(
    make: Callable[..., Any], debug_checkpoint: Path
) -> None:
    from narou_gen.config import parse_config

    values = make(
        "training.epochs=1", "training.learning_rate=1e-9", "training.weight_decay=0.0"
    ).model_dump()
    values["model"] = {"checkpoint": str(debug_checkpoint)}
    folder = train(parse_config(values))
    before, after = (load_file(each / "model.safetensors") for each in (debug_checkpoint, folder))
    name = "encoder.layer.0.output.dense.weight"
    assert torch.allclose(before[f"encoder.{name}"], after[f"bert.{name}"], atol=1e-6)


def test_resuming_repeats_the_uninterrupted_run(make: Callable[..., Any], tmp_path: Path) -> None:
    whole = train(make(f"output='{tmp_path / 'whole'}'", "training.keep=9"))
    cut = tmp_path / "cut"
    shutil.copytree(whole, cut)
    states = sorted((cut / "state").iterdir())
    shutil.rmtree(states[-1])
    train(make(f"output='{cut}'", "training.keep=9"), resume=True)
    last = Path("state") / states[-1].name / "model.safetensors"
    one, other = load_file(whole / last), load_file(cut / last)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert losses(whole) == losses(cut)


def test_an_update_depends_on_the_window_not_on_how_it_is_cut(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    """Texts hide unlike numbers of words: the window is divided by all of them."""
    found = []
    for batch, accumulation in ((16, 1), (4, 4)):
        folder = tmp_path / f"{batch}"
        changes = (f"training.batch_size={batch}", f"training.gradient_accumulation={accumulation}")
        train(make(f"output='{folder}'", "model.dropout=0.0", "data.limit=40", "training.epochs=1", *changes))
        found.append(losses(folder))
    assert found[1] == pytest.approx(found[0], rel=1e-4)


def test_passages_of_a_plain_text(tmp_path: Path) -> None:
    """Whole lines, none of two works; a long line is cut between sentences; .xz reads the same."""
    text = f"{LINE}\n{LINE}\n{LINE}\n\n別の作品。\n" + LINE * 5 + "\n"
    (tmp_path / "a.txt").write_text(text, "utf-8")
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(text.encode()))
    found = [passage.text for passage in read_passages(str(tmp_path / "a.txt"), "train", 60)]
    assert found == [f"{LINE}\n{LINE}", LINE, "別の作品。\n" + LINE * 2, LINE * 2, LINE]
    assert "".join(found).replace("\n", "") == text.replace("\n", "")
    assert [passage.text for passage in read_passages(str(tmp_path / "a.txt.xz"), "train", 60)] == found
    (tmp_path / "b.txt").write_bytes("井戸".encode("cp932"))
    with pytest.raises(NarouGenError, match=r"Cannot read .*b\.txt as text"):
        list(read_passages(str(tmp_path / "b.txt"), "train", 60))


def test_synopses_are_texts_too(make: Callable[..., Any]) -> None:
    folder = train(
        make("data.train=sample:titles", "data.validation=auto", "data.limit=32", "training.epochs=1")
    )
    assert json.loads((folder / "run.json").read_text("utf-8"))["data"]["validation"] > 100


def test_what_cannot_be_filled(make: Callable[..., Any], debug_checkpoint: Path) -> None:
    with pytest.raises(NarouGenError, match="has no head that guesses words"):
        fill_mask("[MASK]。", checkpoint=debug_checkpoint)
    folder = train(make("training.epochs=1", "data.limit=16"))
    with pytest.raises(NarouGenError, match=r"has no gap: write \[MASK\]"):
        fill_mask(LINE, checkpoint=folder)
    with pytest.raises(NarouGenError, match="shorten it"):
        fill_mask("[MASK]" + LINE * 100, checkpoint=folder)
    with pytest.raises(NarouGenError, match="number = 0"):
        fill_mask("[MASK]", 0, checkpoint=folder)


def test_a_tokenizer_without_a_mask(make: Callable[..., Any], tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers, processors

    base = tmp_path / "base"
    shutil.copytree(SAMPLE / "bert-tiny", base)
    for file in ("vocab.txt", "tokenizer_config.json"):
        (base / file).unlink()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "井", "戸"]
    backend = Backend(models.WordPiece({name: place for place, name in enumerate(names)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    backend.save(str(base / "tokenizer.json"))
    settings = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP")}
    settings["tokenizer_class"] = "TokenizersBackend"
    (base / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(NarouGenError, match="no mask token"):
        train(make(f"model.encoder='random:{base}'"))
