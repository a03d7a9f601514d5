"""The command that takes a checkpoint out of this package, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    checkpoint: Annotated[str, typer.Argument(help="Checkpoint folder, or a shipped one: narou-mini.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write.")],
    form: Annotated[
        Literal["ctranslate2", "bert"],
        typer.Option(
            "--format", help="ctranslate2: the whole title generator; bert: the encoder, for transformers."
        ),
    ],
    quantization: Annotated[
        Literal["int8", "float32", "float16"], typer.Option(help="With ctranslate2: how weights are stored.")
    ] = "int8",
) -> None:
    """Write a checkpoint in another format; its folder is printed at the end."""
    from narou_gen.resources import find_checkpoint

    folder = find_checkpoint(checkpoint)
    if form == "bert":
        from narou_gen.bert_export import export_bert

        export_bert(folder, output)
    else:
        from narou_gen.ctranslate import convert

        convert(folder, output, quantization)
    print(output)
