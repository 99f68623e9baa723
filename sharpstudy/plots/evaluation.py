"""Figures of the verdicts: paired differences, strengths, other inputs, clean frames.

Every function takes the names of the models that were shown to do harm and marks them wherever they appear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sharpstudy.plots import LINES, role_colour
from sharpstudy.plots.marks import (
    LINE_MARKERS,
    diverging,
    marked,
    model_legend,
    note_harm,
    part_of,
    stretch,
)

MARKERS = {"better": "^", "worse": "v", "no difference shown": "o"}
SPREAD = 0.5  # of the way from one step of a ladder to the next: what models at one step share


def verdict_forest(verdicts: pd.DataFrame, unit: str, harmful: Collection[str] = ()) -> Figure:
    """Paired differences with intervals, a row for each model and a panel for each that it is held against.

    The table has model, role, recipe, against, word, difference, low and high. Words follow Holm's
    adjustment, so that an interval which excludes 0 may still show no difference.
    """
    models = verdicts.drop_duplicates("model").reset_index(drop=True)
    panels = list(dict.fromkeys(verdicts["against"]))
    figure, grid = plt.subplots(
        1, len(panels), figsize=(2.2 + 2.3 * len(panels), 0.3 * len(models) + 1.5), sharey=True, squeeze=False
    )
    for axes, against in zip(grid[0], panels, strict=True):
        part = verdicts[verdicts["against"] == against].set_index("model")
        for place, row in enumerate(models.itertuples()):
            if row.model in part.index:
                _forest_row(axes, place, part.loc[row.model], role_colour(part_of(row)))
            else:
                axes.text(0.5, place, "–", transform=axes.get_yaxis_transform(), ha="center", va="center")
        axes.axvline(0, color=role_colour("baseline"), lw=1.0, ls="--")
        stretch(axes.xaxis, part[["low", "high"]].to_numpy(float), part["difference"].to_numpy(float))
        axes.set_title(f"against\n{against}", fontsize=9)
        axes.set_xlabel(unit)
    first = grid[0][0]
    first.set_yticks(range(len(models)), [marked(name, harmful) for name in models["model"]])
    first.set_ylim(len(models) - 0.5, -0.5)
    grey = role_colour("baseline")
    handles = [
        plt.Line2D([], [], color=grey, marker=marker, mfc="none" if marker == "o" else grey, label=word)
        for word, marker in MARKERS.items()
    ]
    figure.legend(handles=handles, ncols=3, loc="outside upper center")
    note_harm(figure, models["model"], harmful)
    return figure


def gain_by_strength(
    gains: pd.DataFrame, ladders: Mapping[str, Sequence[str]], harmful: Collection[str] = ()
) -> Figure:
    """Gain over doing nothing along each ladder of degradations, mild to strong, with intervals.

    Models stand a little apart at each step, so that their intervals can be told apart. The table has model,
    role, recipe, degradation, gain, low and high; a ladder with fewer than two
    degradations in it is left out.
    """
    there = set(gains["degradation"])
    kept = {name: [one for one in steps if one in there] for name, steps in ladders.items()}
    kept = {name: steps for name, steps in kept.items() if len(steps) > 1}
    if not kept:
        raise ValueError("gain_by_strength: expected at least two degradations of one ladder, got none")
    widths = [len(steps) + 0.6 for steps in kept.values()]
    size = (min(1.5 + 0.95 * sum(widths), 11), 3.6 + 0.08 * gains["model"].nunique())
    figure, grid = plt.subplots(1, len(kept), figsize=size, width_ratios=widths, squeeze=False)
    for axes, (name, steps) in zip(grid[0], kept.items(), strict=True):
        part = gains[gains["degradation"].isin(steps)]
        groups = part.groupby("model", sort=False)
        for number, (model, rows) in enumerate(groups):
            shift = SPREAD * ((number + 0.5) / len(groups) - 0.5)
            rows = rows.set_index("degradation").reindex(steps)
            _ladder_line(axes, rows, number, shift, marked(model, harmful))
        axes.axhline(0, color=role_colour("baseline"), lw=1.2, ls="--")
        labels = [step.removeprefix(f"{name}-") for step in steps]
        axes.set_xticks(range(len(steps)), labels)
        axes.set_title(name, fontsize=9.5)
        stretch(axes.yaxis, part[["low", "high"]].to_numpy(float), part["gain"].to_numpy(float))
    grid[0][0].set_ylabel("PSNR gain over doing nothing (dB)")
    handles = {line.get_label(): line for axes in grid[0] for line in axes.lines[:-1]}  # but the one at 0
    model_legend(figure, list(handles.values()))
    note_harm(figure, gains["model"], harmful, "bars: 95 % intervals")
    return figure


def cross_heatmap(cross: pd.DataFrame, degradations: Sequence[str], harmful: Collection[str] = ()) -> Figure:
    """Gain over doing nothing of each model (row) on each degradation (column), its own one framed.

    The table has model, own, degradation, gain and word; a gain whose interval holds 0 is in brackets, and a
    colour that has reached the end of its scale says "this much or more".
    """
    models = list(dict.fromkeys(cross["model"]))
    values = cross.pivot_table(index="model", columns="degradation", values="gain", sort=False)
    values = values.reindex(index=models, columns=list(degradations))
    words = cross.set_index(["model", "degradation"])["word"]
    own = cross.drop_duplicates("model").set_index("model")["own"]
    sizes = np.abs(cross["gain"].dropna())
    limit = max(float(sizes.quantile(0.8)), 0.1) if len(sizes) else 1.0
    size = (2.6 + 0.78 * len(degradations), 0.36 * len(models) + 1.9)
    figure, axes = plt.subplots(figsize=size)
    shown = axes.imshow(
        values.to_numpy(float), cmap=diverging(), norm=Normalize(-limit, limit), aspect="auto"
    )
    for (row, column), value in np.ndenumerate(values.to_numpy(float)):
        name, where = models[row], degradations[column]
        word = words.get((name, where), "")
        text = (
            "n/a"
            if not np.isfinite(value)
            else f"{value:+.2f}"
            if word in ("better", "worse")
            else f"({value:+.2f})"
        )
        axes.text(column, row, text, ha="center", va="center", fontsize=7.8)
        if own.get(name) == where:
            edge = plt.rcParams["text.color"]
            axes.add_patch(Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, fill=False, lw=1.6, ec=edge))
    axes.set_xticks(range(len(degradations)), degradations, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(models)), [marked(name, harmful) for name in models])
    axes.grid(visible=False)
    bar = figure.colorbar(shown, ax=axes, shrink=0.9, pad=0.02, extend="both")
    bar.set_label("PSNR gain (dB)")
    bar.outline.set_visible(False)
    note_harm(figure, models, harmful, "framed: what it was trained on; in brackets: no difference shown")
    return figure


def clean_harm(
    scores: pd.DataFrame, floor: float, harmful: Collection[str] = (), ceiling: float = 60.0
) -> Figure:
    """What each model does to frames that need nothing: PSNR to the untouched frame, every frame a dot.

    The table has model, role, recipe and value (dB), a row for each frame; below `floor` in the mean a model
    counts as harmful. What is above `ceiling`, or not changed at all, stands there.
    """
    rows = scores.dropna(subset=["value"]).assign(value=lambda table: table["value"].clip(upper=ceiling))
    means = rows.groupby("model", sort=False)["value"].mean().sort_values(ascending=False, kind="stable")
    facts = rows.drop_duplicates("model").set_index("model")
    figure, axes = plt.subplots(figsize=(7.6, 0.32 * len(means) + 1.4))
    for place, name in enumerate(means.index):
        values = rows.loc[rows["model"] == name, "value"].to_numpy()
        shift = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        colour = role_colour(part_of(facts.loc[name]))
        axes.scatter(values, place + shift, s=10, color=colour, alpha=0.6, linewidths=0)
        axes.plot([means[name]] * 2, [place - 0.36, place + 0.36], color=colour, lw=2.4)
    axes.axvline(floor, color=role_colour("realtime"), lw=1.3, ls="--")
    axes.text(
        floor, -0.75, f"below {floor:g} dB: harm  ", ha="right", fontsize=8.5, color=role_colour("realtime")
    )
    axes.set_xlim(min(rows["value"].min(), floor) - 6, ceiling + 1)
    axes.set_yticks(range(len(means)), [marked(name, harmful) for name in means.index])
    axes.set_ylim(len(means) - 0.5, -1.3)
    axes.set_xlabel(f"PSNR against the untouched frame (dB; {ceiling:g}: that or more)")
    note_harm(figure, means.index, harmful, "bar: mean of the dots")
    return figure


def _ladder_line(axes: Axes, rows: pd.DataFrame, number: int, shift: float, label: str) -> None:
    colour = role_colour(part_of(rows.dropna(subset=["role"]).iloc[0]))
    style = {"ls": LINES[number % len(LINES)], "marker": LINE_MARKERS[number % len(LINE_MARKERS)], "ms": 4.5}
    places = np.arange(len(rows)) + shift
    axes.vlines(places, rows["low"], rows["high"], color=colour, alpha=0.4, lw=1.0)
    axes.plot(places, rows["gain"], color=colour, label=label, **style)


def _forest_row(axes: Axes, place: int, row: pd.Series, colour: str) -> None:
    if not np.isfinite(row["difference"]):
        axes.text(
            0.5, place, "n/a", transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=8
        )
        return
    axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=2.0)
    hollow = row["word"] not in ("better", "worse")
    face = "none" if hollow else colour
    axes.plot(row["difference"], place, MARKERS.get(row["word"], "o"), color=colour, mfc=face, ms=6)
