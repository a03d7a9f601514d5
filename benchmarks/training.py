"""How fast titles are learned: our loop against transformers' Seq2SeqTrainer with its best ordinary settings.

    python benchmarks/training.py [--rounds 3] [--updates 3] [--trainer-batch N] [-o losses.png] [--write]
    python benchmarks/training.py --reference-run

The same model, the same windows of 64 pairs, AdamW, dropout on; both run by turns in one process, and each
round gives one ratio. The Trainer has padding to the longest of a batch, pairs sorted by length, fused AdamW,
sdpa, and bf16 where the GPU has it. Pairs are invented, their lengths real: synopses of 150 tokens (median;
mean 190, a tenth over 400, cut at 512), titles of 15 (a tenth over 35). Memory is that of another process,
which does one update. On a processor seconds are those that it worked, all threads together, since others may
share it.

Useful FLOPs, of which MFU is the share of the card's peak: 6 for each weight that a real token passes
through, 12 x width for each key that a query attends to; the vocabulary head counts for title tokens
alone, embeddings and padding for nothing.

On a processor the model is small (4 + 2 layers, 256 wide), on a GPU of base size (12 + 12 layers, 768 wide, a
vocabulary of 32,768), both with random weights. `--reference-run` trains 100,000 pairs for 13 epochs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import ROOT, machine, put_into_readmes

from narou_gen import Config, Hooks, train
from narou_gen.batches import TokenisedPairs
from narou_gen.config import parse_config
from narou_gen.loss import classification_loss
from narou_gen.model import build
from narou_gen.novelty import NoveltyIndex
from narou_gen.ragged import Ragged
from narou_gen.tokenised import load_tokenised

WINDOW = 64
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12}
"""Dense bf16 operations a second, by the makers' data sheets."""


@dataclass(frozen=True)
class Shape:
    name: str
    layers: tuple[int, int]
    """Of encoder and decoder."""
    width: int
    heads: int
    vocabulary: int

    def write(self, folder: Path) -> None:
        """A base model of which only the shape counts."""
        sample = ROOT / "narou_gen" / "sample" / "bert-tiny"
        folder.mkdir()
        shutil.copy(sample / "tokenizer_config.json", folder)
        special = (sample / "vocab.txt").read_text("utf-8").splitlines()[:5]
        words = [f"w{number}" for number in range(self.vocabulary - len(special))]
        (folder / "vocab.txt").write_text("\n".join(special + words) + "\n", "utf-8")
        config = {
            **json.loads((sample / "config.json").read_text("utf-8")),
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "num_attention_heads": self.heads,
            "num_hidden_layers": max(self.layers),
            "intermediate_size": 4 * self.width,
            "max_position_embeddings": 512,
        }
        (folder / "config.json").write_text(json.dumps(config), "utf-8")

    def useful_flops(self, sources: np.ndarray, targets: np.ndarray) -> float:
        """Forward and backward, of pairs with so many tokens."""
        width, square = self.width, self.width**2
        source, target = float(sources.sum()), float(targets.sum())
        encoder = 12 * square * source + 2 * width * float((sources**2).sum())
        # A title's tokens: self attention 4, cross attention 2, feed-forward 8; its source's: cross 2.
        decoder = 14 * square * target + 2 * square * source
        decoder += width * float((targets**2).sum()) + 2 * width * float((sources * targets).sum())
        head = (square + width * self.vocabulary) * target
        return 6 * (self.layers[0] * encoder + self.layers[1] * decoder + head)


SMALL = Shape("small model (4 + 2 layers, 256 wide)", (4, 2), 256, 8, 15289)
BASE = Shape("base size (12 + 12 layers, 768 wide)", (12, 12), 768, 12, 32768)


def write_pairs(shape: Shape, count: int, folder: Path) -> None:
    """Invented ids, in a folder as `narou-gen tokenize` writes it; some are frequent, as words are."""
    rng = np.random.default_rng(0)
    lengths = {
        "synopsis": (rng.lognormal(np.log(150), 0.765, count).round().clip(12, 512) - 2).astype(int),
        "title": (rng.lognormal(np.log(15), 0.66, count).round().clip(4, 64) - 2).astype(int),
    }
    folder.mkdir()
    shape.write(folder / "tokenizer")
    for split, rows in (("train", count), ("validation", WINDOW)):
        (folder / split).mkdir()
        for name in ("length", "genre", "keywords"):
            Ragged.of([[[]] * rows]).save(folder / split, name)
        for name, wanted in lengths.items():
            ids = np.minimum(rng.zipf(1.2, int(wanted[:rows].sum())) + 4, shape.vocabulary - 1)
            Ragged.of([np.split(ids, np.cumsum(wanted[:rows])[:-1])]).save(folder / split, name)
    NoveltyIndex.made_of(["題"]).save(folder)
    about = {"max_synopsis_tokens": 512, "max_title_tokens": 64, "collected": False}
    numbers = {"fingerprint": "", "train": count, "validation": WINDOW}
    (folder / "tokenised.json").write_text(json.dumps({**about, "data": numbers}), "utf-8")
    (folder / "samples.json").write_text(json.dumps({"pairs": [], "ids": {}, "unknowns": {}}), "utf-8")


def config_for(shape: Shape, pairs: Path, output: Path, epochs: int = 1) -> Config:
    return parse_config(
        {
            "output": str(output),
            "model": {
                "encoder": f"random:{pairs / 'tokenizer'}",
                "encoder_layers": shape.layers[0],
                "decoder_layers": shape.layers[1],
            },
            "data": {"train": str(pairs)},
            "training": {
                "epochs": epochs,
                "batch_size": WINDOW,
                "gradient_accumulation": 1,
                "learning_rate": 5e-4 if shape is SMALL else 5e-5,
                "evaluate_synopses": 0,
            },
        }
    )


@dataclass(frozen=True)
class Run:
    """One training: the seconds of its updates, and their losses."""

    seconds: float
    losses: list[float]


def now() -> float:
    """Seconds: of work on a processor, of waiting for a GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def lasting(ends: list[float]) -> float:
    """Of all updates, given when each ended: the first, which warms up, counts as the mean of the others."""
    return (ends[-1] - ends[0]) * len(ends) / (len(ends) - 1) if len(ends) > 1 else 0.0


def ours(config: Config) -> Run:
    found: list[Any] = []
    ends: list[float] = []

    def update(line: Any) -> None:
        found.append(line)
        ends.append(now())

    shutil.rmtree(config.output, ignore_errors=True)
    train(config, hooks=Hooks(update=update))
    seconds = lasting(ends)
    if torch.cuda.is_available():  # many updates are read together there; the journal knows their time
        seconds = sum(WINDOW / line["pairs_per_second"] for line in found)
    return Run(seconds, [line["loss"] for line in found])


def trainers(config: Config, batch: int) -> Run:
    """The same model, data and windows by Seq2SeqTrainer."""
    from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback

    torch.manual_seed(config.seed)
    built = build(config.model, config.data)
    pairs: TokenisedPairs = load_tokenised(config, built.tokenizer).train
    padded = TokenisedPairs(pairs.columns, built.tokenizer, config.data, config.seed)
    order = np.concatenate(padded.windows(WINDOW, epoch=0)).tolist()

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if not torch.cuda.is_available():
                self.ends.append(now())

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began = now()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.seconds = now() - self.began if torch.cuda.is_available() else lasting(self.ends)

    def collate(rows: list[int]) -> dict[str, torch.Tensor]:
        made = padded.batch(rows, epoch=0)
        return {**made.inputs(), "labels": made.labels}

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        return classification_loss(outputs.logits, labels) / num_items_in_batch

    options, clock = config.training, Clock()
    trainer = Seq2SeqTrainer(
        built.model,
        Seq2SeqTrainingArguments(
            output_dir=config.output,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=WINDOW // batch,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            warmup_steps=round(options.warmup_fraction * len(order) / WINDOW * options.epochs),
            optim="adamw_torch_fused",
            bf16=torch.cuda.is_available(),
            train_sampling_strategy="sequential",  # in our order, which is sorted within windows
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            label_names=["labels"],
            dataloader_pin_memory=torch.cuda.is_available(),
        ),
        train_dataset=order,
        data_collator=collate,
        compute_loss_func=loss,
        callbacks=[clock],
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return Run(clock.seconds, losses)


def peak_mb(kind: str, batch: int) -> float:
    """Peak memory of one update in a process of its own: the GPU's, or all of the process."""
    command = [sys.executable, __file__, "--memory-of", kind, "--trainer-batch", str(batch)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(answer.stdout.splitlines()[-1])


def own_peak_mb() -> float:
    """Of this process. Not by `resource`: Linux begins its figure with that of the parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def padding(pairs: TokenisedPairs, batch: int) -> float:
    """The part of all positions that holds no token, with batches of so many pairs."""
    real = computed = 0
    for window in pairs.windows(WINDOW, epoch=0):
        for start in range(0, len(window), batch):
            rows = window[start : start + batch]
            for lengths in (pairs.source_lengths[rows], pairs.label_counts[rows]):
                real += int(lengths.sum())
                computed += len(rows) * int(lengths.max())
    return 1 - real / computed


def draw(losses: dict[str, list[float]], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(losses.items(), ("-", "--"), strict=True):
        axes.plot(range(1, len(values) + 1), values, style, label=name)
    axes.set(xlabel="update", ylabel="loss (nats per target token)")
    axes.legend()
    figure.savefig(file, dpi=150)


def table(shape: Shape, config: Config, runs: dict[str, list[Run]], batch: int) -> str:
    pairs = load_tokenised(config, build(config.model, config.data).tokenizer).train
    flops = shape.useful_flops(pairs.source_lengths, pairs.label_counts) * config.training.epochs
    tokens = int(pairs.source_lengths.sum() + pairs.label_counts.sum()) * config.training.epochs
    peak = None
    if torch.cuda.is_available():
        card = torch.cuda.get_device_name()
        peak = next((value for name, value in PEAK_FLOPS.items() if name in card), None)
    rows = []
    for name, found in runs.items():
        seconds = statistics.median(run.seconds for run in found)
        ratio = statistics.median(
            slow.seconds / run.seconds for slow, run in zip(runs["Seq2SeqTrainer"], found, strict=True)
        )
        memory = peak_mb("trainer" if name == "Seq2SeqTrainer" else "ours", batch)
        wasted = padding(pairs, batch) if name == "Seq2SeqTrainer" else 0.0
        speed = flops / seconds
        mfu = "-" if peak is None else f"{speed / peak:.0%}"
        cells = [
            f"{shape.name}, {name}",
            f"{len(pairs) * config.training.epochs / seconds:.1f}",
            f"{tokens / seconds:,.0f}",
            f"{wasted:.0%}",
            f"{memory:,.0f} MB",
            f"{speed / 1e9:,.0f} G",
            mfu,
            f"{ratio:.2f} x",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--updates", type=int, help="of each run, 2 at least; 3 on a processor, 60 on a GPU")
    parser.add_argument("--trainer-batch", type=int, help="pairs in the Trainer's forward pass")
    parser.add_argument("-o", "--output", type=Path, help="a .png for the losses of both")
    parser.add_argument("--write", action="store_true", help="put the table into the READMEs")
    parser.add_argument("--reference-run", action="store_true", help="100,000 pairs, 13 epochs, on a GPU")
    parser.add_argument("--memory-of", choices=("ours", "trainer"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.updates is not None and options.updates < 2:
        parser.error("--updates: 2 at least, since the first one only warms up")

    gpu = torch.cuda.is_available()
    shape = BASE if gpu else SMALL
    batch = options.trainer_batch or (WINDOW if gpu else 16)
    updates = options.updates or (60 if gpu else 3)
    if options.memory_of:
        updates = 1
    with tempfile.TemporaryDirectory() as folder:
        pairs = Path(folder) / "pairs"
        write_pairs(shape, 100_000 if options.reference_run else WINDOW * updates, pairs)
        config = config_for(shape, pairs, Path(folder) / "run", 13 if options.reference_run else 1)
        if options.memory_of:
            if options.memory_of == "ours":
                ours(config)
            else:
                trainers(config, batch)
            print(torch.cuda.max_memory_allocated() / 2**20 if gpu else own_peak_mb())
            return
        if options.reference_run:
            started = time.perf_counter()
            run = ours(config)
            total = time.perf_counter() - started
            speed = 1_300_000 / run.seconds
            print(f"{speed:,.0f} pairs/s, {total / 60:.1f} minutes, last loss {run.losses[-1]:.3f}")
            return
        runs: dict[str, list[Run]] = {"Seq2SeqTrainer": [], "narou-gen": []}
        for _ in range(options.rounds):
            runs["narou-gen"].append(ours(config))
            runs["Seq2SeqTrainer"].append(trainers(config, batch))
            print({name: round(found[-1].seconds, 1) for name, found in runs.items()}, file=sys.stderr)
        if options.output:
            draw({name: found[0].losses for name, found in runs.items()}, options.output)
        packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "accelerate"))
        result = "\n".join(
            [
                "| | pairs/s | useful tokens/s | padding | peak memory | useful FLOPs/s | MFU | ratio |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
                table(shape, config, runs, batch),
                *([] if gpu else ["| base size on one H100 | not yet measured | | | | | | |"]),
                "",
                f"{machine()}; {torch.get_num_threads()} threads; {packages}.",
                f"`python benchmarks/training.py`, medians of {options.rounds} rounds of {updates} updates; "
                f"the Trainer with {batch} pairs x {WINDOW // batch}.",
            ]
        )
    print(f"\n{result}")
    if options.write:
        put_into_readmes("training", result)


if __name__ == "__main__":
    main()
