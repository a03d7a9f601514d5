"""Training: one function, one loop, in a fixed order: update, log, evaluate, show titles, save.

What is trained is a `Task`: titles, sentiment, both, or a masked language model.

The arithmetic in short. An update learns from a window of `batch_size x gradient_accumulation x processes`
pairs (or texts). Its loss is the sum over all targets of the window (title tokens, labels, hidden tokens)
divided by their number, however the window is cut into forward passes; the last, shorter window of an epoch
counts its own targets. All randomness is drawn from (seed, update) or (seed, epoch, pair), so a resumed run
repeats the uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from transformers import get_linear_schedule_with_warmup

from narou_gen import checkpoint
from narou_gen.config import Config, load_config
from narou_gen.errors import ConfigError, MissingPackageError, NarouGenError
from narou_gen.interruption import StopRequest
from narou_gen.journal import Journal
from narou_gen.progress import TrainingDisplay
from narou_gen.record import check_same_run, run_record
from narou_gen.sources import terms_reminder
from narou_gen.tasks import Task, prepare, run_folder

Hook = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Hooks:
    """A user's own functions, called in the main process.

    `update` and `evaluation` get the line that went into metrics.jsonl, `save` gets {"step", "folder"}.
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
    display.model(task, accelerator)

    options = config.training
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
        record = checkpoint.load_record(state)
        schedule.load_state_dict(progress["schedule"])
        for group, rate in zip(optimizer.param_groups, schedule.get_last_lr(), strict=True):
            group["lr"] = rate
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
    updates: int
    journal: Journal
    record: dict[str, Any]
    progress: dict[str, Any]
    hooks: Hooks
    stop: StopRequest = field(default_factory=StopRequest)


def _fit(run: _Run, bar: Any) -> None:
    """The loop. Leaves the best weights in the output folder, and the last ones in its newest state."""
    options = run.config.training
    every = options.evaluate_every or run.updates // options.epochs
    patience = options.patience or math.inf
    if run.progress["evaluations_without_best"] >= patience:
        return  # resumed after it had stopped early
    for step, epoch, rows in _windows(run):
        rate = run.schedule.get_last_lr()[0]
        loss, norm = _update(run, step, epoch, rows)
        loss, stop = run.accelerator.reduce(
            torch.stack([loss, torch.tensor(float(run.stop.requested), device=loss.device)]), "sum"
        )
        _check_finite(loss.item(), step)
        line = run.journal.update(
            step=step,
            epoch=round(step * options.epochs / run.updates, 4),
            loss=loss.item(),
            learning_rate=rate,
            gradient_norm=norm.item(),
            **run.task.kind(rows),
            pairs=len(rows),
        )
        bar.update(line)
        _call(run, run.hooks.update, line)
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


def _update(run: _Run, step: int, epoch: int, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of the optimiser; returns this process's part of the loss, and the gradient's norm."""
    accelerator, options = run.accelerator, run.config.training
    draws = np.random.SeedSequence((run.config.seed, step, accelerator.process_index))
    torch.manual_seed(int(draws.generate_state(1)[0]))  # dropout
    run.task.start_update()
    targets = max(1, run.task.items.targets(rows, epoch))
    loss = torch.zeros((), device=accelerator.device)
    # Each forward pass takes the next `batch_size` pairs for every process. Where the last one has none left
    # for a process, that one runs a pair that does not count: all must meet to exchange gradients.
    step_size = options.batch_size * accelerator.num_processes
    starts = range(0, len(rows), step_size)
    for start in starts:
        share = rows[start : start + step_size][accelerator.process_index :: accelerator.num_processes]
        counts = len(share) > 0
        batch = run.task.items.batch(share if counts else rows[:1], epoch, counts).to(accelerator.device)
        last = start == starts[-1]
        with nullcontext() if last else accelerator.no_sync(run.model):
            part = run.task.loss(run.model, batch) / targets
            # Gradients are averaged over processes, and the loss of a window is the sum of its parts.
            accelerator.backward(part * accelerator.num_processes)
        loss += part.detach()
    norm = accelerator.clip_grad_norm_(run.model.parameters(), options.max_grad_norm)
    run.optimizer.step()
    run.optimizer.zero_grad()
    if not run.accelerator.optimizer_step_was_skipped:  # fp16 skips an update whose gradients overflow
        run.schedule.step()
    return loss, norm


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
    tracker, precision = config.training.tracker, config.training.precision
    joint = config.task == "sentiment" and config.sentiment.mode == "joint"
    if tracker != "none" and find_spec(tracker) is None:
        raise MissingPackageError(f'training.tracker = "{tracker}" needs a package: pip install {tracker}')
    if precision == "auto":
        capable = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if capable else "fp32"
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
