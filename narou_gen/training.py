"""Training: one function, one loop, in a fixed order: update, log, evaluate, show titles, save.

What is trained is a `Task`: titles, sentiment, both, or a masked language model.

The arithmetic in short. An update learns from a window of `batch_size x gradient_accumulation x processes`
pairs (or texts). Its loss is the sum over all targets of the window (title tokens, labels, hidden tokens)
divided by their number, however the window is cut into forward passes; the last, shorter window of an epoch
counts its own targets. All randomness is drawn from (seed, update) or (seed, epoch, pair), so a resumed run
repeats the uninterrupted one.

The loop never waits for the device: losses stay there until `_report` reads them, about once a second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from transformers import get_linear_schedule_with_warmup

from narou_gen import checkpoint
from narou_gen.batches import share_of
from narou_gen.config import Config, load_config
from narou_gen.errors import ConfigError, MissingPackageError, NarouGenError
from narou_gen.hardware import chosen_precision, explained
from narou_gen.interruption import StopRequest
from narou_gen.journal import Journal
from narou_gen.micro_batches import MicroBatches
from narou_gen.progress import TrainingDisplay
from narou_gen.record import check_same_run, run_record
from narou_gen.sources import terms_reminder
from narou_gen.tasks import Task, prepare, run_folder

Hook = Callable[[Mapping[str, Any]], None]
# How often losses are read from the device, which makes it wait: after so many seconds, or, where several
# processes must agree without asking, after so many updates.
_READ_SECONDS, _READ_UPDATES = 1.0, 10


@dataclass(frozen=True)
class Hooks:
    """A user's own functions, called in the main process.

    `update` and `evaluation` get the line that went into metrics.jsonl, `save` gets {"step", "folder"}. Lines
    of updates come in bursts, about once a second.
    """

    update: Hook | None = None
    evaluation: Hook | None = None
    save: Hook | None = None


class Interrupted(NarouGenError):
    """Training was asked to stop, and saved where it was."""


def train(config: Config | str | Path, *, resume: bool = False, hooks: Hooks | None = None) -> Path:
    """Train the model that `config` describes; returns its checkpoint folder, with the best weights in it.

    Args:
        config: a `Config`, the path of a TOML file, or the name of a shipped config.
        resume: go on from the last state in the output folder; start where the folder holds no run yet.
        hooks: functions to call at each update, evaluation and save.

    Raises:
        NarouGenError: the config, the data or the base model cannot be used; the output folder holds another
            run; or the run was interrupted (it can be resumed).
    """
    if not isinstance(config, Config):
        config = load_config(config)
    folder = run_folder(config)
    state = _state_to_resume(folder, resume)
    accelerator = _accelerator(config)
    display = TrainingDisplay(shown=accelerator.is_main_process)

    if reminder := terms_reminder(config.data, config.sentiment.titles):
        display.reminder(reminder)
    task = prepare(config, accelerator, display)
    options, passes = config.training, MicroBatches(config.training, accelerator.device)

    window = options.batch_size * options.gradient_accumulation * accelerator.num_processes
    updates = len(task.items.windows(window, epoch=0)) * options.epochs
    task.model.to(accelerator.device)
    optimizer = _optimizer(task, config)
    schedule = get_linear_schedule_with_warmup(optimizer, round(options.warmup_fraction * updates), updates)
    record = run_record(config, task.data, accelerator)
    progress: dict[str, Any] = {"step": 0, "best": None, "evaluations_without_best": 0}
    if state is not None:
        check_same_run(state, record)
        progress = checkpoint.load_state(state, task.contents, optimizer)
        schedule.load_state_dict(progress["schedule"])
        before = checkpoint.load_record(state)
        if before["config"]["training"]["micro_batch_tokens"] == options.micro_batch_tokens:
            passes.tokens = progress["micro_batch_tokens"]  # to the bit: the cut decides how sums are rounded
        record = before | {"config": record["config"]}
        for group, rate in zip(optimizer.param_groups, schedule.get_last_lr(), strict=True):
            group["lr"] = rate
    display.model(task, accelerator, explained(config, accelerator, passes))
    # The schedule is not prepared: accelerate would advance it once for each process.
    model, optimizer = accelerator.prepare(task.model, optimizer)
    if progress.get("scaler") and accelerator.scaler is not None:
        accelerator.scaler.load_state_dict(progress["scaler"])
    run = _Run(
        config=config,
        accelerator=accelerator,
        task=task,
        folder=folder,
        model=model,
        optimizer=optimizer,
        schedule=schedule,
        window=window,
        passes=passes,
        updates=updates,
        journal=Journal(folder / checkpoint.METRICS, progress["step"], accelerator),
        record=record,
        progress=progress,
        hooks=hooks or Hooks(),
    )
    _start_tracker(config, accelerator)
    try:
        with display.progress(updates, progress["step"]) as bar, run.stop.listening():
            _fit(run, bar)
    finally:
        accelerator.end_training()
    return Path(config.output)


def _state_to_resume(folder: Path, resume: bool) -> Path | None:
    """The newest state in the folder of a run; None where the run is to begin."""
    state = checkpoint.last_state(folder)
    if state is None and any(folder.glob("*.safetensors")):
        raise ConfigError(f"{folder} already holds a model, and no state to resume: choose another --output.")
    if state is not None and not resume:
        raise ConfigError(f"{folder} already holds a run: add --resume to go on, or choose another --output.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Cannot write to {folder} ({error.strerror}): choose another --output.") from None
    return state


@dataclass
class _Run:
    """What one training run is made of; `progress` and `record` change as it goes."""

    config: Config
    accelerator: Accelerator
    task: Task
    folder: Path
    model: Any
    """`task.model`, wrapped by accelerate."""
    optimizer: Any
    schedule: torch.optim.lr_scheduler.LambdaLR
    window: int
    passes: MicroBatches
    updates: int
    journal: Journal
    record: dict[str, Any]
    progress: dict[str, Any]
    hooks: Hooks
    stop: StopRequest = field(default_factory=StopRequest)
    unread: list[tuple[dict[str, Any], torch.Tensor]] = field(default_factory=list)
    """Updates that the journal lacks: what their lines say, and loss and gradient norm on the device."""
    read_at: float = field(default_factory=time.monotonic)


def _fit(run: _Run, bar: Any) -> None:
    """The loop. Leaves the best weights in the output folder, and the last ones in its newest state."""
    options = run.config.training
    every = options.evaluate_every or run.updates // options.epochs
    patience = options.patience or math.inf
    if run.progress["evaluations_without_best"] >= patience:
        return  # resumed after it had stopped early
    for step, epoch, rows in _windows(run):
        rate = run.schedule.get_last_lr()[0]
        measured = _update(run, step, epoch, rows)
        line = {
            "step": step,
            "epoch": round(step * options.epochs / run.updates, 4),
            "learning_rate": rate,
            **run.task.kind(rows),
            "pairs": len(rows),
        }
        run.unread.append((line, measured))
        stop = False
        if step % every == 0 or step == run.updates or _is_time_to_read(run, step):
            stop = _report(run, bar)
        if step % every == 0 or step == run.updates:
            bar.evaluation(_evaluate(run, step))
            _save(run, step)
        elif stop:
            _save(run, step)
        if stop and step < run.updates:
            raise Interrupted(f"Stopped after update {step} of {run.updates}: go on with --resume.")
        if run.progress["evaluations_without_best"] >= patience:
            bar.note(f"Stopped early: {patience} evaluations without a new best.")
            return


def _windows(run: _Run) -> Iterator[tuple[int, int, np.ndarray]]:
    """(update, epoch, indices of its pairs) for every update that is still to do; updates count from 1."""
    step = 0
    for epoch in range(run.config.training.epochs):
        for rows in run.task.items.windows(run.window, epoch):
            step += 1
            if step > run.progress["step"]:
                yield step, epoch, rows


def _update(run: _Run, step: int, epoch: int, rows: np.ndarray) -> torch.Tensor:
    """One step of the optimiser; returns its part of the loss and the gradient's norm, shape (2,)."""
    accelerator, options = run.accelerator, run.config.training
    while (loss := _gradients(run, step, epoch, rows)) is None:
        run.optimizer.zero_grad()
        run.passes.halve(run.task.items.lengths(rows))
    norm = accelerator.clip_grad_norm_(run.model.parameters(), options.max_grad_norm)
    run.optimizer.step()
    run.optimizer.zero_grad()
    if not run.accelerator.optimizer_step_was_skipped:  # fp16 skips an update whose gradients overflow
        run.schedule.step()
    return torch.stack([loss, norm])


def _gradients(run: _Run, step: int, epoch: int, rows: np.ndarray) -> torch.Tensor | None:
    """Leave the window's gradients in the model; returns this process's part of its loss, shape ().

    None where memory did not suffice. Several processes cannot recover from that: they are in the midst of
    exchanging gradients.
    """
    accelerator, items = run.accelerator, run.task.items
    draws = np.random.SeedSequence((run.config.seed, step, accelerator.process_index))
    torch.manual_seed(int(draws.generate_state(1)[0]))  # dropout
    run.task.start_update()
    targets = max(1, items.targets(rows, epoch))
    loss = torch.zeros((), device=accelerator.device)
    share, counts = share_of(rows, accelerator.process_index, accelerator.num_processes)
    lengths = items.lengths(share)
    parts = run.passes.cut(lengths)
    try:
        for number, part in enumerate(parts, 1):
            batch = items.batch(share[part], epoch, counts).to(accelerator.device)
            with nullcontext() if number == len(parts) else accelerator.no_sync(run.model):
                part_loss = run.task.loss(run.model, batch) / targets
                # Gradients are averaged over processes, and the loss of a window is the sum of its parts.
                accelerator.backward(part_loss * accelerator.num_processes)
            loss += part_loss.detach()
    except torch.OutOfMemoryError:
        if accelerator.num_processes > 1:
            run.passes.halve(lengths)  # says where no lower number helps
            raise NarouGenError(
                f"Out of memory at update {step}: go on with --resume and "
                f"--set training.micro_batch_tokens={run.passes.tokens}"
            ) from None
        return None
    return loss


def _is_time_to_read(run: _Run, step: int) -> bool:
    if run.accelerator.num_processes > 1:
        return step % _READ_UPDATES == 0
    return run.stop.requested or time.monotonic() - run.read_at >= _READ_SECONDS


def _report(run: _Run, bar: Any) -> bool:
    """Write the lines of all updates since the last time; returns whether a process was asked to stop."""
    measured = torch.stack([values for _, values in run.unread]).float()
    asked = torch.full((1, 2), float(run.stop.requested), device=measured.device)
    measured = torch.cat([measured, asked])
    losses = run.accelerator.reduce(measured.clone(), "sum")[:, 0].tolist()
    norms = measured[:, 1].tolist()  # the same in all processes
    updates = [
        {**line, "loss": loss, "gradient_norm": norm}
        for (line, _), loss, norm in zip(run.unread, losses[:-1], norms[:-1], strict=True)
    ]
    run.unread.clear()
    good = list(takewhile(lambda line: math.isfinite(line["loss"]), updates))
    for line in run.journal.updates(good):
        bar.update(line)
        _call(run, run.hooks.update, line)
    for line in updates[len(good) :]:
        _check_finite(line["loss"], line["step"])
    run.read_at = time.monotonic()
    return bool(losses[-1])


def _check_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise NarouGenError(
            f"The loss is {loss} at update {step}: start again with a lower training.learning_rate. "
            "What was saved before is kept."
        )


def _evaluate(run: _Run, step: int) -> Mapping[str, Any]:
    """Score the model, and keep its weights if they are the best so far."""
    options = run.config.training
    scores, samples = run.task.validate(run.model, run.accelerator)
    line = run.journal.evaluation(step=step, **scores, samples=samples)
    _check_finite(scores["validation_loss"], step)
    value = -scores["validation_loss"] if options.best_by == "loss" else scores[options.best_by]
    if run.progress["best"] is None or value > run.progress["best"]:
        run.progress.update(best=value, evaluations_without_best=0)
        run.record = run.record | {"step": step, "scores": scores}
        if run.accelerator.is_main_process:
            dtype = getattr(torch, options.saved_dtype)
            checkpoint.save_checkpoint(run.folder, run.task.contents, run.record, dtype)
    else:
        run.progress["evaluations_without_best"] += 1
    _call(run, run.hooks.evaluation, line)
    return line


def _save(run: _Run, step: int) -> None:
    """Keep all that the next update needs."""
    scaler = run.accelerator.scaler
    run.progress.update(
        step=step,
        schedule=run.schedule.state_dict(),
        scaler=None if scaler is None else scaler.state_dict(),
        micro_batch_tokens=run.passes.tokens,
    )
    if run.accelerator.is_main_process:
        keep = run.config.training.keep
        folder = checkpoint.save_state(
            run.folder, run.task.contents, run.record, run.optimizer, run.progress, keep
        )
        _call(run, run.hooks.save, {"step": step, "folder": folder})
    run.accelerator.wait_for_everyone()


def _call(run: _Run, hook: Hook | None, value: Mapping[str, Any]) -> None:
    if hook is not None and run.accelerator.is_main_process:
        hook(value)


def _accelerator(config: Config) -> Accelerator:
    tracker, precision = config.training.tracker, chosen_precision(config.training)
    joint = config.task == "sentiment" and config.sentiment.mode == "joint"
    if tracker != "none" and find_spec(tracker) is None:
        raise MissingPackageError(f'training.tracker = "{tracker}" needs a package: pip install {tracker}')
    # Accelerate keeps the precision of the first run in a Python process; the next may want another.
    AcceleratorState._reset_state()
    return Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        log_with=None if tracker == "none" else tracker,
        project_dir=config.output,
        # Joint training: an update of one kind leaves the other kind's parameters alone.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=joint)],
    )


def _start_tracker(config: Config, accelerator: Accelerator) -> None:
    if config.training.tracker == "none":
        return
    flat = {
        f"{section}.{key}": str(value)
        for section in ("model", "data", "training", "sentiment", "mlm")
        for key, value in getattr(config, section).model_dump().items()
    }
    accelerator.init_trackers("narou-gen", config=flat)


def _optimizer(task: Task, config: Config) -> torch.optim.AdamW:
    """AdamW; fresh parts with their own rate, biases and layer norms without decay (as BERT was trained)."""
    options = config.training
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in task.model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name in task.fresh, parameter.ndim > 1), []).append(parameter)
    fresh_rate = options.fresh_learning_rate or options.learning_rate
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": fresh_rate if fresh else options.learning_rate,
                "weight_decay": options.weight_decay if decays else 0.0,
            }
            # The pretrained group first: its rate is the one that is shown.
            for (fresh, decays), parameters in sorted(groups.items())
        ],
        fused=True,
    )
