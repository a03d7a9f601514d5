"""The pictures of a report, as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narou_gen.evaluation.columns import BY_NAME, LABELS, MODEL, OVERLAP, REFERENCES
from narou_gen.evaluation.drawing import ACCENT, MUTED, RULE, SECOND, SOFT, as_svg, figure, page_style
from narou_gen.evaluation.tables import Line, titles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_GROUPS = 14
_SMALLEST_GROUP = 5
_LONGEST_LABEL = 24  # characters
_SMOOTHED = 0.05  # of the updates: the window that the training loss is averaged over


@dataclass(frozen=True)
class Picture:
    """`svg` is markup that is safe as it stands."""

    heading: str
    caption: str
    svg: str
    wide: bool = False


def pictures(
    metrics: Mapping[str, Any], lines: Sequence[Line], journal: Sequence[Mapping[str, Any]]
) -> list[Picture]:
    """All there is to draw: of metrics.json, titles.jsonl, and the checkpoint's metrics.jsonl."""
    with page_style():
        found = [
            _overlap_and_titleness(metrics["systems"]),
            _lengths(lines),
            _control(metrics["control"]),
            _diversity(metrics["systems"]),
            _groups("genre", "By genre", metrics["by_genre"]),
            _groups("synopsis", "By length of the synopsis, in characters", metrics["by_synopsis_length"]),
            _training(journal),
        ]
    return [picture for picture in found if picture is not None]


def _colour(system: str) -> str:
    return {MODEL: ACCENT, REFERENCES: SECOND}.get(system, MUTED)


def _overlap_and_titleness(systems: Mapping[str, Any]) -> Picture | None:
    points = [
        (name, scores["character_rouge_l"], scores["titleness"])
        for name, scores in systems.items()
        if "character_rouge_l" in scores and "titleness" in scores
    ]
    if len(points) < 2:
        return None
    made, axes = figure()
    for name, across, up in sorted(points, key=lambda point: point[1]["value"]):
        colour = _colour(name)
        axes.errorbar(
            across["value"],
            up["value"],
            xerr=[[across["value"] - across["low"]], [across["high"] - across["value"]]],
            yerr=[[up["value"] - up["low"]], [up["high"] - up["value"]]],
            fmt="o",
            color=colour,
            markersize=8 if name == MODEL else 6,
            elinewidth=1.2,
        )
    # Many are taken for titles: their labels stand below each other, with a line to the point.
    spread = max(point[1]["high"] for point in points)
    taken: list[tuple[float, float]] = []
    for name, across, up in sorted(points, key=lambda point: -point[1]["value"]):
        x, height = across["value"], up["value"] - 0.1
        while any(abs(x - left) < 0.42 * spread and abs(height - other) < 0.085 for left, other in taken):
            height -= 0.085
        taken.append((x, height))
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkB": 5}
        axes.annotate(
            LABELS[name],
            (x, up["value"]),
            (x, height),
            ha="center",
            va="center",
            fontsize=9,
            color=_ink(name),
            arrowprops=line,
        )
    axes.set(xlim=(0, 1.15 * spread), ylim=(-0.2, 1.06))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("character ROUGE-L")
    axes.set_ylabel("taken for titles")
    _percent(axes, "y")
    return Picture(
        "Overlap is not enough",
        "A good model is at the top right: near the references, and a title. Lines are 95% intervals.",
        as_svg(made, "overlap", "Character ROUGE-L against the share taken for titles, by system"),
    )


def _ink(system: str) -> str:
    return {MODEL: ACCENT, REFERENCES: SECOND}.get(system, SOFT)


def _lengths(lines: Sequence[Line]) -> Picture:
    import numpy as np

    made, axes = figure()
    lengths = {name: [len(title) for title in titles_of(lines, name)] for name in (REFERENCES, MODEL)}
    longest = max(map(max, lengths.values()))
    step = max(1, round(longest / 25))
    edges = [float(edge) for edge in np.arange(0, longest + 2 * step, step) - 0.5]
    axes.hist(lengths[REFERENCES], edges, color=SECOND, alpha=0.35, label="reference")
    axes.hist(lengths[MODEL], edges, histtype="step", color=ACCENT, linewidth=1.8, label="model")
    axes.set_xlabel("characters of a title")
    axes.set_ylabel("titles")
    axes.grid(axis="x", visible=False)
    axes.legend()
    return Picture(
        "Length",
        "Titles of the model, and the references of the length that was asked for.",
        as_svg(made, "lengths", "Histogram of title lengths of the model and of the references"),
    )


def _control(control: Mapping[str, Any]) -> Picture | None:
    names = [name for name in (*OVERLAP, "faithfulness") if name in control]
    if not names:
        return None
    made, axes = figure()
    for place, name in enumerate(reversed(names)):
        row = control[name]
        axes.plot([row["other"], row["own"]], [place, place], color=RULE, linewidth=3, zorder=1)
        axes.plot(
            row["other"],
            place,
            "o",
            color=MUTED,
            markersize=7,
            label="another synopsis" if not place else None,
        )
        axes.plot(
            row["own"],
            place,
            "o",
            color=ACCENT,
            markersize=7,
            label="its own synopsis" if not place else None,
        )
    axes.set_yticks(range(len(names)), [BY_NAME[name].label for name in reversed(names)])
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return Picture(
        "Does it read?",
        "The same titles, held against their own work and against another one, drawn at random. "
        "A model that ignores its input would score alike.",
        as_svg(made, "control", "Scores against the own and against another synopsis"),
    )


def _diversity(systems: Mapping[str, Any]) -> Picture:
    made, axes = figure()
    names = list(systems)
    for place, name in enumerate(reversed(names)):
        for offset, metric in ((0.19, "distinct_1"), (-0.19, "distinct_2")):
            score = systems[name].get(metric)
            if score is not None:
                axes.barh(
                    place + offset, score["value"], 0.34, color=_colour(name), alpha=1 if offset > 0 else 0.55
                )
                axes.text(
                    score["value"], place + offset, f" {metric[-1]}", va="center", fontsize=7, color=SOFT
                )
    axes.set_yticks(range(len(names)), [LABELS[name] for name in reversed(names)])
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("different n-grams of words / all")
    return Picture(
        "Variety",
        "distinct-1 (upper bars) and distinct-2 over all titles. Low: the same words again and again.",
        as_svg(made, "diversity", "distinct-1 and distinct-2 by system"),
    )


def _groups(name: str, heading: str, groups: Sequence[Mapping[str, Any]]) -> Picture | None:
    large = [group for group in groups if group["items"] >= _SMALLEST_GROUP]
    shown = large[:_MOST_GROUPS]
    if len(shown) < 2:
        return None
    made, axes = figure(height=0.9 + 0.27 * len(shown) if len(shown) > 8 else 3.4)
    for place, group in enumerate(reversed(shown)):
        score = group["scores"]["character_rouge_l"]
        axes.plot(
            [score["low"], score["high"]],
            [place, place],
            color=ACCENT,
            alpha=0.35,
            linewidth=5,
            solid_capstyle="round",
        )
        axes.plot(score["value"], place, "o", color=ACCENT, markersize=6)
    labels = [f"{group['group'][:_LONGEST_LABEL]} ({group['items']:,})" for group in reversed(shown)]
    axes.set_yticks(range(len(shown)), labels, parse_math=False)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("character ROUGE-L of the model")
    return Picture(
        heading,
        f"With 95% intervals, and the number of synopses; {len(shown)} of {len(groups)} groups, "
        f"those of {_SMALLEST_GROUP} synopses and more.",
        as_svg(made, name, f"Character ROUGE-L, {heading.lower()}"),
    )


def _training(journal: Sequence[Mapping[str, Any]]) -> Picture | None:
    import numpy as np

    updates = [
        (line["step"], line["loss"])
        for line in journal
        if line["kind"] == "update" and line["loss"] is not None
    ]
    checks = [line for line in journal if line["kind"] == "evaluation"]
    if len(updates) < 2:
        return None
    made, axes = figure(width=12.8)
    steps, losses = np.array(updates).T
    window = max(1, round(len(steps) * _SMOOTHED))
    smooth = np.convolve(losses, np.full(window, 1 / window), "valid")
    axes.plot(steps, losses, color=MUTED, alpha=0.35, linewidth=0.8)
    axes.plot(steps[window - 1 :], smooth, color=MUTED, linewidth=1.8, label="training loss")
    _checked(axes, checks, "validation_loss", ACCENT, "validation loss")
    axes.set_xlabel("update")
    axes.set_ylabel("loss, nats per token")
    handles = axes.get_legend_handles_labels()
    if any(check.get("rouge_l") is not None for check in checks):
        right = axes.twinx()
        right.grid(visible=False)
        right.spines["right"].set_visible(True)
        _checked(right, checks, "rouge_l", SECOND, "validation ROUGE-L")
        right.set_ylabel("character ROUGE-L", color=SECOND)
        right.set_ylim(0, 1.2 * max(check["rouge_l"] for check in checks if check.get("rouge_l") is not None))
        more = right.get_legend_handles_labels()
        handles = handles[0] + more[0], handles[1] + more[1]
    axes.legend(*handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
    return Picture(
        "Training",
        "The checkpoint's journal. The training loss includes label smoothing and dropout.",
        as_svg(made, "training", "Training loss, validation loss and validation ROUGE-L by update"),
        wide=True,
    )


def _checked(axes: Axes, checks: Sequence[Mapping[str, Any]], key: str, colour: str, label: str) -> None:
    points = [(check["step"], check[key]) for check in checks if check.get(key) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color=colour, linewidth=1.6, markersize=5, label=label)


def _percent(axes: Axes, which: str) -> None:
    from matplotlib.ticker import PercentFormatter

    (axes.yaxis if which == "y" else axes.xaxis).set_major_formatter(PercentFormatter(1, decimals=0))
