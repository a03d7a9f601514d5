"""The command that writes titles."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from narou_gen.inputs import Request
    from narou_gen.options import Titles

# So many synopses are read, searched and written before the next ones are read.
_CHUNK = 64


def title(
    text: Annotated[str | None, typer.Argument(help="The synopsis; by default read from stdin.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="A .txt file with one synopsis, or .jsonl with a `synopsis` a line "
            "(and `genre`, `keywords`, `length` where known).",
        ),
    ] = None,
    number: Annotated[int, typer.Option("-n", "--num-titles", help="Titles of each synopsis.")] = 1,
    diversity: Annotated[
        float,
        typer.Option(
            help="0 to 1: how much several titles should differ. Above 0 all lengths are searched; 0 is one "
            "beam search, several times as fast."
        ),
    ] = 0.5,
    grounding: Annotated[
        float,
        typer.Option(
            help="How much standing in the synopsis counts for a title; 1: as for an editor, 0: not at all."
        ),
    ] = 1.0,
    min_chars: Annotated[int | None, typer.Option(help="No title is shorter.")] = None,
    max_chars: Annotated[int | None, typer.Option(help="No title is longer.")] = None,
    keyword: Annotated[
        list[str] | None, typer.Option(help="A word that stands in every title; can be repeated.")
    ] = None,
    avoid: Annotated[
        list[str] | None, typer.Option(help="A word that stands in no title; can be repeated.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="How every title begins.")] = "",
    tone: Annotated[
        Literal["bright", "dark"] | None, typer.Option(help="By the checkpoint's sentiment head.")
    ] = None,
    genre: Annotated[str | None, typer.Option(help="Narou genre, by code or name: 201.")] = None,
    length: Annotated[
        Literal["long", "middle", "short"] | None, typer.Option(help="Manner of the title.")
    ] = None,
    beams: Annotated[int, typer.Option(help="Width of the beam search.")] = 5,
    length_penalty: Annotated[float, typer.Option(help="Over 1: longer titles.")] = 1.0,
    sample: Annotated[bool, typer.Option("--sample", help="Draw titles instead of beam search.")] = False,
    temperature: Annotated[float, typer.Option(help="With --sample: over 1 is wilder.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="With --sample: draw from so many tokens.")] = 50,
    top_p: Annotated[float, typer.Option(help="With --sample: draw from this probability mass.")] = 0.95,
    seed: Annotated[int | None, typer.Option(help="The same titles again; another seed, others.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Checkpoint folder; by default NAROU_GEN_CHECKPOINT, else bundled.")
    ] = None,
    engine: Annotated[
        Literal["auto", "ctranslate2", "torch"], typer.Option(help="auto: the fast one wherever it can.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use; by default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write JSON Lines to this file, with a bar.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --output: go on after an interruption.")
    ] = False,
) -> None:
    """Write titles for a synopsis, or for a file of them."""
    if text is not None and input_file is not None:
        raise typer.BadParameter("give a text or --input, not both")
    if text is None and input_file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise typer.BadParameter("give a synopsis, pipe one in, or use --input FILE")
    if resume and (output is None or input_file is None):
        raise typer.BadParameter("--resume needs --input and --output")
    # Nobody asked for a report on how the model is loaded.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from narou_gen.generate import TitleGenerator
    from narou_gen.inputs import as_json_line, as_lines, read_requests
    from narou_gen.options import GenerationOptions
    from narou_gen.text import visible

    options = GenerationOptions(
        num_titles=number,
        num_beams=beams,
        length_penalty=length_penalty,
        diversity=diversity,
        grounding=grounding,
        min_chars=min_chars,
        max_chars=max_chars,
        keywords=tuple(keyword or ()),
        avoid=tuple(avoid or ()),
        prefix=prefix,
        tone=tone,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        genre=genre,
        length=length,
    )
    requests = read_requests(text, input_file, options.conditions)

    def answered(requests: Iterable[Request]) -> Iterator[tuple[Request, Titles]]:
        generator: TitleGenerator | None = None
        iterator = iter(requests)
        while chunk := list(islice(iterator, _CHUNK)):
            # Loaded when the first synopsis has been read, so that a bad input is told at once.
            generator = generator or TitleGenerator.from_checkpoint(checkpoint, engine, threads)
            found = generator.generate(
                [request.synopsis for request in chunk],
                options,
                conditions=[request.conditions for request in chunk],
            )
            yield from zip(chunk, found, strict=True)

    if output is not None:
        from narou_gen.bulk import write_titles

        write_titles(requests, answered, output, input_file, resume=resume)
        return
    for request, titles in answered(requests):
        show = as_json_line if as_json else as_lines
        if titles or as_json:
            print(show(request, titles), flush=True)
        if titles.note:
            print(f"{visible(request.synopsis[:20])}…: {visible(titles.note)}", file=sys.stderr)
