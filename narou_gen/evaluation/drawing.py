"""A matplotlib figure as inline SVG that follows its page: colours are CSS variables, text is text."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib knows no CSS variables: it draws in colours that nobody else uses, which are then exchanged.
INK, SOFT, RULE, ACCENT, SECOND, MUTED = (f"#0102{number:02x}" for number in range(3, 9))
_VARIABLES = dict(
    zip(
        (INK, SOFT, RULE, ACCENT, SECOND, MUTED),
        ("--ink", "--soft", "--rule", "--accent", "--second", "--muted"),
        strict=True,
    )
)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


@contextmanager
def page_style() -> Iterator[None]:
    """Draw within this: fonts that have Japanese, colours of the page; afterwards all is as before."""
    import matplotlib

    with matplotlib.rc_context():
        import matplotlib_fontja

        matplotlib_fontja.japanize()
        matplotlib.rcParams.update(_STYLE)
        yield


def figure(width: float = 6.2, height: float = 3.4) -> tuple[Figure, Axes]:
    """A figure of so many inches with one axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    return made, made.subplots()


def as_svg(made: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element. `name` parts its ids from those of the page's other figures."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        made.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # all figures have a patch_2; nothing points to it
    text = re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    label = html.escape(description, quote=True)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
