"""Attention to look at: a heat map as PNG, or a page where each word of the title shades the synopsis."""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template

import numpy as np

from narou_gen.attention import Attention
from narou_gen.errors import InputError
from narou_gen.folders import file_written_whole
from narou_gen.text import visible

_MOST_WORDS = 40
"""Columns of the heat map: those words of the synopsis that were looked at most, in their order."""


def write_attention(attention: Attention, file: Path) -> None:
    """Write .png or .html, whole or not at all.

    Raises:
        InputError: the file's suffix is another.
        OSError: it cannot be written.
    """
    writers = {".png": _png, ".html": _html}
    writer = writers.get(file.suffix.lower())
    if writer is None:
        raise InputError(f"{file}: write .png or .html.")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file_written_whole(file) as aside:
        writer(attention, aside)


def _png(attention: Attention, file: Path) -> None:
    import matplotlib
    from matplotlib.figure import Figure

    weights = attention.weights
    shown = np.sort(np.argsort(-weights.max(0), kind="stable")[:_MOST_WORDS])
    with matplotlib.rc_context():  # the font is for this picture, not for the rest of the process
        import matplotlib_fontja

        matplotlib_fontja.japanize()
        size = (2.2 + 0.28 * len(shown), 1.8 + 0.28 * len(attention.title))
        figure = Figure(figsize=(max(size[0], 5), size[1]), dpi=150, layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(weights[:, shown], cmap="Blues", aspect="auto", vmin=0)
        words = [visible(attention.synopsis[place]) or "␣" for place in shown]
        axes.set_xticks(range(len(words)), words, rotation=90, parse_math=False)
        axes.set_yticks(range(len(attention.title)), map(visible, attention.title), parse_math=False)
        left_out = len(attention.synopsis) - len(shown)
        note = f"（よく見た{len(shown)}語。ほか{left_out}語は略）" if left_out else ""
        axes.set_xlabel(f"あらすじの語{note}")
        axes.set_ylabel("題名の語")
        figure.colorbar(image, ax=axes, label="注意の重み")
        figure.savefig(file, format="png")


def _html(attention: Attention, file: Path) -> None:
    strongest = attention.weights.max(1, keepdims=True)
    shades = np.round((attention.weights / np.maximum(strongest, 1e-9)).astype(float), 3).tolist()
    mean = attention.weights.mean(0)
    shades.insert(0, np.round((mean / max(float(mean.max()), 1e-9)).astype(float), 3).tolist())
    title = "".join(
        f'<button data-row="{row}">{html.escape(word)}</button>'
        for row, word in enumerate(("全体", *attention.title))
    )
    synopsis = "".join(f"<span>{html.escape(word)}</span>" for word in attention.synopsis)
    page = _PAGE.substitute(title=title, synopsis=synopsis, shades=json.dumps(shades))
    file.write_text(page, encoding="utf-8")


class _Page(Template):
    delimiter = "@"  # the script has its own use for $


_PAGE = _Page("""<!doctype html>
<html lang="ja">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>題名はあらすじのどこを見たか</title>
<style>
:root { color-scheme: light dark; --shade: 230, 120, 20; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1.05rem/2 sans-serif; }
button { font: inherit; color: inherit; background: none; cursor: pointer; }
button { border: 1px solid #8888; border-radius: .3rem; }
button[aria-pressed=true] { background: rgba(var(--shade), .5); }
button:first-child { margin-right: 1rem; }
#synopsis span { border-radius: .2rem; }
</style>
<h1>題名はあらすじのどこを見たか</h1>
<p>題名の語を選ぶと、それを書くときに見た語が濃くなります。</p>
<p id="title">@title</p>
<p id="synopsis">@synopsis</p>
<script>
const shades = @shades;
const words = document.querySelectorAll("#synopsis span");
const buttons = document.querySelectorAll("#title button");
function show(chosen) {
  buttons.forEach(button => button.setAttribute("aria-pressed", button === chosen));
  const row = shades[chosen.dataset.row];
  words.forEach((word, place) => {
    word.style.background = `rgba(var(--shade), ${row[place]})`;
    word.title = row[place];
  });
}
buttons.forEach(button => ["click", "mouseenter", "focus"].forEach(event =>
  button.addEventListener(event, () => show(button))));
show(buttons[0]);
</script>
""")
