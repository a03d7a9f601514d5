"""The loop: real tiny models, trained for real."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_runs import distance, lines, weights

from narou_gen import Hooks, NarouGenError, train
from narou_gen.checkpoint import last_state, load_checkpoint

EXACT = ("model.dropout=0.0", "data.limit=41", "training.epochs=2")


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_an_update_depends_on_the_window_not_on_how_it_is_cut(
    make_config: Callable[..., Any], tmp_path: Path, label_smoothing: float
) -> None:
    """16 x 1, 4 x 4 and 1 x 16, with a last window of 9 pairs: the same weights."""
    results = []
    for batch, accumulation in ((16, 1), (4, 4), (1, 16)):
        folder = tmp_path / f"{batch}x{accumulation}"
        train(
            make_config(
                *EXACT,
                f"output='{folder}'",
                f"training.batch_size={batch}",
                f"training.gradient_accumulation={accumulation}",
                f"training.label_smoothing={label_smoothing}",
            )
        )
        results.append((weights(folder), [line["loss"] for line in lines(folder, "update")]))
    assert len(results[0][1]) == 2 * math.ceil(41 / 16)
    for found, losses in results[1:]:
        assert distance(found, results[0][0]) < 2e-5
        assert losses == pytest.approx(results[0][1], rel=1e-5)


def test_the_window_is_divided_by_its_target_tokens(make_config: Callable[..., Any], tmp_path: Path) -> None:
    """The loss that is logged is the mean over tokens, also of the short last window."""
    from narou_gen.batches import tokenise
    from narou_gen.data import load_splits
    from narou_gen.loss import summed_loss
    from narou_gen.model import build

    config = make_config(*EXACT, "training.epochs=1", "training.learning_rate=1e-12")
    folder = train(config)
    torch.manual_seed(config.seed)
    built = build(config.model, config.data)
    pairs = tokenise(load_splits(config.data).train, built.tokenizer, config.data, config.seed)
    found = lines(folder, "update")
    for window, line in zip(pairs.windows(16, 0), found, strict=True):
        batch = pairs.batch(window, 0)
        tokens = int((batch.labels != -100).sum())
        with torch.no_grad():
            expected = float(summed_loss(built.model, batch)) / tokens
        assert line["loss"] == pytest.approx(expected, rel=1e-5)
    assert len(found) == 3


def test_the_schedule_rises_then_falls_to_zero_in_real_updates(make_config: Callable[..., Any]) -> None:
    folder = train(make_config("training.epochs=4", "training.warmup_fraction=0.25"))
    rates = [line["learning_rate"] for line in lines(folder, "update")]
    updates = 4 * math.ceil(40 / 16)
    assert len(rates) == updates == 12
    assert rates[0] == 0 and max(rates) == rates[3] == pytest.approx(2e-3)
    assert rates[3:] == sorted(rates[3:], reverse=True)
    progress = json.loads((last_state(folder) / "progress.json").read_text())  # type: ignore[operator]
    assert set(progress["schedule"]["_last_lr"]) == {0.0}


def test_every_pair_is_learned_from_once_an_epoch(make_config: Callable[..., Any]) -> None:
    folder = train(make_config("data.limit=41", "training.epochs=3"))
    found = lines(folder, "update")
    assert [line["step"] for line in found] == list(range(1, 10))
    assert found[-1]["epoch"] == 3.0


@pytest.mark.slow
def test_two_processes_train_the_same_weights_as_one(
    make_config: Callable[..., Any], small: tuple[str, ...], tmp_path: Path
) -> None:
    """33 pairs in windows of 16, 65 to validate in windows of 64: the last ones leave one process without."""
    exact = (*EXACT, "data.limit=33", "data.validation_limit=65")
    changes = (*exact, "training.gradient_accumulation=2", "training.batch_size=8")
    one = train(make_config(*changes, f"output='{tmp_path / 'one'}'"))
    two = tmp_path / "two"
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "narou_gen", "train", "title-debug", "--output", str(two)),
    ]
    for change in (*small, *exact, "training.batch_size=2", "training.gradient_accumulation=4"):
        command += ["--set", change]
    environment = os.environ | {"ACCELERATE_USE_CPU": "1"}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    record = json.loads((two / "run.json").read_text())
    assert record["processes"] == 2 and record["data"]["validation"] == 65
    assert distance(weights(one), weights(two)) < 2e-5
    for kind, key in (("update", "loss"), ("evaluation", "validation_loss"), ("evaluation", "rouge_l")):
        found = [[line[key] for line in lines(folder, kind)] for folder in (one, two)]
        assert found[1] == pytest.approx(found[0], rel=1e-4), key
    assert answer.stdout.splitlines().count(str(two)) == 1


@pytest.mark.slow
def test_the_loss_falls_and_the_decoder_reads_the_encoder(some_pairs: Path, tmp_path: Path) -> None:
    """What it has learned it knows from the synopsis: with those of others it does far worse."""
    from narou_gen import load_config
    from narou_gen.batches import Batch, tokenise
    from narou_gen.data import load_splits
    from narou_gen.loss import summed_loss
    from narou_gen.model import build

    config = load_config(
        "title-debug",
        [
            f"output='{tmp_path / 'run'}'",
            f"data.train='{some_pairs}'",
            "data.limit=48",
            "data.condition_dropout=1.0",  # nothing but the synopsis tells the titles apart
            "training.epochs=200",
            "training.evaluate_every=1000",
            "training.evaluate_synopses=0",
            "model.dropout=0.0",
        ],
    )
    folder = train(config)
    losses = [line["loss"] for line in lines(folder, "update")]
    assert losses[-1] < 0.5 * losses[0]
    built = build(config.model, config.data)
    built.model.load_state_dict(weights(folder), strict=False)
    built.model.eval()
    pairs = tokenise(load_splits(config.data, config.seed).train, built.tokenizer, config.data, config.seed)
    batch = pairs.batch(range(48), epoch=0)
    order = torch.arange(48).roll(7)
    shuffled = Batch(batch.source_ids[order], batch.source_mask[order], batch.target_ids, batch.labels)
    tokens = int((batch.labels != -100).sum())
    with torch.no_grad():
        own, of_others = (float(summed_loss(built.model, each)) / tokens for each in (batch, shuffled))
    assert of_others > own + 1.0, (own, of_others)


def test_a_frozen_encoder_keeps_its_weights(make_config: Callable[..., Any], tmp_path: Path) -> None:
    start = train(make_config(f"output='{tmp_path / 'start'}'"))
    from narou_gen import Config

    frozen = make_config(f"output='{tmp_path / 'frozen'}'").model_dump()
    frozen["model"] = {"checkpoint": str(start), "freeze_encoder": True}
    folder = train(Config.model_validate(frozen))
    before, after = load_file(start / "model.safetensors"), weights(folder)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("decoder.") for name in changed)


def test_shared_weights_stay_shared(make_config: Callable[..., Any]) -> None:
    found = weights(train(make_config("model.share_weights=true")))
    one = found["encoder.encoder.layer.0.output.dense.weight"]
    assert torch.equal(one, found["decoder.bert.encoder.layer.0.output.dense.weight"])
    cross = "decoder.bert.encoder.layer.0.crossattention.self.key.weight"
    assert not torch.equal(found[cross], found["encoder.encoder.layer.0.attention.self.key.weight"])


def test_fresh_parts_have_a_rate_of_their_own(make_config: Callable[..., Any], tmp_path: Path) -> None:
    start = train(make_config(f"output='{tmp_path / 'start'}'"))
    for key in ("encoder", "decoder"):  # both halves trained: only cross attention is fresh
        part = load_checkpoint(start)[0]
        getattr(part, key).save_pretrained(tmp_path / key)
        for file in ("vocab.txt", "tokenizer_config.json"):
            shutil.copy(start / file, tmp_path / key)
    config = make_config(
        f"output='{tmp_path / 'run'}'",
        f"model.encoder='{tmp_path / 'encoder'}'",
        f"model.decoder='{tmp_path / 'encoder'}'",
        "training.fresh_learning_rate=1e-2",
        "training.learning_rate=1e-9",
        "training.weight_decay=0.0",
    )
    after = weights(train(config))
    before = load_file(tmp_path / "encoder/model.safetensors")
    moved = (
        after["encoder.encoder.layer.0.output.dense.weight"] - before["encoder.layer.0.output.dense.weight"]
    ).abs()
    assert float(moved.max()) < 1e-6
    cross = after["decoder.bert.encoder.layer.0.crossattention.self.key.bias"]
    assert float(after["decoder.bert.encoder.layer.0.crossattention.output.dense.bias"].abs().max()) > 1e-3, (
        cross
    )


def test_best_and_last_are_kept_and_older_states_rotated(make_config: Callable[..., Any]) -> None:
    folder = train(make_config("training.epochs=4", "training.learning_rate=5e-2", "training.keep=2"))
    assert sorted(path.name for path in (folder / "state").iterdir()) == ["step-00000009", "step-00000012"]
    found = lines(folder, "evaluation")
    best = min(found, key=lambda line: line["validation_loss"])
    record = json.loads((folder / "run.json").read_text())
    assert record["step"] == best["step"]
    assert record["scores"]["validation_loss"] == best["validation_loss"]
    assert len(found[0]["samples"]) == 2 and set(found[0]["samples"][0]) == {
        "synopsis",
        "title",
        "references",
    }
    assert record["data"]["train"] == 40 and len(record["data"]["fingerprint"]) == 64
    assert {"torch", "transformers", "narou-gen"} <= set(record["versions"])
    assert not (folder / ".new").exists()


def test_patience_stops_early_and_stays_stopped(make_config: Callable[..., Any]) -> None:
    changes = ("training.epochs=9", "training.learning_rate=3.0", "training.patience=2")
    folder = train(make_config(*changes))
    found = lines(folder, "evaluation")
    assert len(found) < 9
    before = (folder / "metrics.jsonl").read_text()
    train(make_config(*changes), resume=True)
    assert (folder / "metrics.jsonl").read_text() == before


def test_hooks_are_called_at_update_evaluation_and_save(make_config: Callable[..., Any]) -> None:
    calls: dict[str, list[Any]] = {"update": [], "evaluation": [], "save": []}
    hooks = Hooks(**{name: found.append for name, found in calls.items()})
    folder = train(make_config(), hooks=hooks)
    assert calls["update"] == lines(folder, "update")
    assert calls["evaluation"] == lines(folder, "evaluation")
    assert calls["save"] == [{"step": 3, "folder": folder / "state/step-00000003"}]


def test_weights_can_be_stored_smaller(make_config: Callable[..., Any]) -> None:
    from narou_gen import TitleGenerator

    folder = train(make_config("training.saved_dtype=float16"))
    assert {value.dtype for value in load_file(folder / "model.safetensors").values()} == {torch.float16}
    assert {value.dtype for value in weights(folder).values()} == {torch.float32}
    assert TitleGenerator.from_checkpoint(folder).generate(["少年は井戸の底で声を聞いた。"])[0]


def test_bf16_trains_on_a_cpu_too(make_config: Callable[..., Any]) -> None:
    folder = train(make_config("training.precision=bf16"))
    assert json.loads((folder / "run.json").read_text())["precision"] == "bf16"
    assert all(math.isfinite(line["loss"]) for line in lines(folder, "update"))


def test_trackers(make_config: Callable[..., Any]) -> None:
    folder = train(make_config("training.tracker=tensorboard"))
    assert list(folder.rglob("events.out.tfevents.*"))
    with pytest.raises(NarouGenError, match="needs a package: pip install mlflow"):
        train(make_config("training.tracker=mlflow", f"output='{folder}-2'"))


def test_a_loss_that_is_no_number_ends_the_run(make_config: Callable[..., Any]) -> None:
    config = make_config("training.epochs=9", "training.learning_rate=1e30", "training.max_grad_norm=1e30")
    with pytest.raises(NarouGenError, match=r"The loss is .* at update .*: start again"):
        train(config)
    text = (Path(config.output) / "metrics.jsonl").read_text("utf-8")
    assert "NaN" not in text and "Infinity" not in text
