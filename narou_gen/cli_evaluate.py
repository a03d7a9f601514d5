"""The commands that measure quality, registered by `cli.py`: parse, one public call, print."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer


def evaluate(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The folder for metrics.json, titles.jsonl, report.html.")
    ],
    checkpoint: Annotated[
        str | None, typer.Argument(help="Checkpoint folder; by default NAROU_GEN_CHECKPOINT, else bundled.")
    ] = None,
    data: Annotated[
        str,
        typer.Option(help="A file, taken whole; sample:titles; or `run`: the data that it was trained with."),
    ] = "sample:titles",
    split: Annotated[
        Literal["train", "validation", "test"], typer.Option(help="Of a source that has splits.")
    ] = "test",
    train: Annotated[
        str | None,
        typer.Option(help="Training titles, for baselines and novelty; by default as the checkpoint says."),
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Also lead, random, nearest title and an untrained encoder.")
    ] = False,
    length: Annotated[
        Literal["long", "middle", "short", "reference", "none"],
        typer.Option(help="Which manner of title to ask for."),
    ] = "long",
    given: Annotated[bool, typer.Option("--given", help="Give genre and keywords too.")] = False,
    number: Annotated[int, typer.Option("-n", "--num-titles", help="Candidates of each synopsis.")] = 3,
    beams: Annotated[int, typer.Option(help="Width of the beam search.")] = 5,
    engine: Annotated[
        Literal["auto", "ctranslate2", "torch"], typer.Option(help="What searches for titles.")
    ] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many synopses.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples, the control and the baselines.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted evaluation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The scores as one line of JSON.")] = False,
) -> None:
    """Measure a model's titles: scores with intervals, baselines, a control, and a report to look at."""
    # Nobody asked for a report on how the model is loaded.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from narou_gen.evaluation.display import EvaluationDisplay, show_evaluation
    from narou_gen.evaluation.items import EvaluationOptions
    from narou_gen.evaluation.run import evaluate_checkpoint
    from narou_gen.text import visible

    options = EvaluationOptions(
        data=data,
        split=split,
        train=train,
        limit=limit,
        length=length,
        given=given,
        num_titles=number,
        num_beams=beams,
        engine=engine,
        baselines=baselines,
        seed=seed,
    )
    try:
        with EvaluationDisplay() as display:
            metrics = evaluate_checkpoint(checkpoint, output, options, resume=resume, watcher=display)
    except KeyboardInterrupt:
        typer.echo("Interrupted: the same command with --resume goes on from here", err=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(metrics, ensure_ascii=False))
    else:
        show_evaluation(metrics)
    typer.echo(f"Report: {visible(str(output / 'report.html'))}", err=True)


def compare(
    run_a: Annotated[Path, typer.Argument(help="A folder that `narou-gen evaluate` wrote.")],
    run_b: Annotated[Path, typer.Argument(help="Another one, of the same synopses.")],
    show: Annotated[int, typer.Option(min=0, help="Titles side by side, of the first so many.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON Lines: the scores, then the titles of every synopsis.")
    ] = False,
) -> None:
    """Compare two evaluations: differences with intervals (paired bootstrap), titles side by side."""
    from narou_gen.evaluation.comparison import compare_evaluations
    from narou_gen.evaluation.display import show_comparison
    from narou_gen.text import visible

    comparison = compare_evaluations(run_a, run_b, seed=seed)
    for key, (first, second) in comparison.different.items():
        typer.echo(visible(f"They differ in {key}: {first} and {second}"), err=True)
    if as_json:
        scores = asdict(comparison)
        titles = scores.pop("titles")
        for line in (scores, *titles):
            typer.echo(json.dumps(line, ensure_ascii=False))
    else:
        show_comparison(asdict(comparison), comparison.titles[:show])
