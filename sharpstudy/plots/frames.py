"""Figures of the frames, and of what a degradation does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sharpstudy.plots import LINES, category_colour, line_colour, picture, role_colour


def contact_sheet(frames: Mapping[str, Sequence[np.ndarray]], columns: int = 6) -> Figure:
    """Thumbnails of frames, one row of them per group, whose name stands at its left."""
    figure, grid = plt.subplots(len(frames), columns, figsize=(9.6, 1.45 * len(frames)), squeeze=False)
    for row, (name, group) in zip(grid, frames.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        for axes, frame in zip(row, group, strict=False):
            axes.imshow(frame, interpolation="antialiased")
        row[0].text(
            -0.06, 0.5, name, transform=row[0].transAxes, rotation=90, ha="right", va="center", fontsize=9
        )
    return figure


def degraded_crops(
    reference: np.ndarray, degraded: Mapping[str, np.ndarray], box: tuple[int, int, int], columns: int = 4
) -> Figure:
    """One square of a frame under each degradation, at one scale; box is top, left and side in pixels."""
    top, left, side = box
    crops = {"reference": reference, **degraded}
    rows = -(-len(crops) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.4 * columns, 2.62 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, frame) in zip(grid.flat, crops.items(), strict=False):
        picture(axes, frame[top : top + side, left : left + side], name)
    return figure


def split_shares(table: pd.DataFrame) -> Figure:
    """Share of the clips of each category in each split; the table has category, split, share and target."""
    figure, axes = plt.subplots(figsize=(7.2, 3.0))
    splits = [name for name in ("train", "validation", "test") if name in set(table["split"])]
    categories = list(dict.fromkeys(table["category"]))
    width = 0.8 / max(len(splits), 1)
    strength = {"train": 0.45, "validation": 0.7, "test": 1.0}
    for number, split in enumerate(splits):
        part = table[table["split"] == split].set_index("category").reindex(categories)
        places = np.arange(len(categories)) + (number - (len(splits) - 1) / 2) * width
        alpha = strength[split]
        axes.bar(
            places, 100 * part["share"], width * 0.92, color=role_colour("student"), alpha=alpha, label=split
        )
    wanted = table.groupby("category", sort=False)["target"].first().reindex(categories)
    for place, share in enumerate(wanted):
        axes.plot([place - 0.45, place + 0.45], [100 * share] * 2, color=role_colour("realtime"), lw=1.8)
    axes.plot([], [], color=role_colour("realtime"), lw=1.8, label="wanted")
    axes.set_xticks(range(len(categories)), categories)
    axes.set_ylabel("share of clips (%)")
    axes.grid(axis="x", visible=False)
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.17))
    return figure


def do_nothing_by_degradation(
    scores: pd.DataFrame, metric: str, unit: str, line: float | None = None
) -> Figure:
    """What the degraded frame itself scores: every frame a dot, the mean a bar, by degradation.

    The table has degradation, category and value; `line` draws a threshold that is often claimed.
    """
    names = list(dict.fromkeys(scores["degradation"]))
    figure, axes = plt.subplots(figsize=(7.2, 0.34 * len(names) + 1.0))
    for place, name in enumerate(names):
        part = scores[scores["degradation"] == name]
        shift = np.linspace(-0.24, 0.24, len(part)) if len(part) > 1 else np.zeros(1)
        colours = [category_colour(category) for category in part["category"]]
        axes.scatter(part["value"], place + shift, s=9, c=colours, alpha=0.75, linewidths=0)
        axes.plot(
            [part["value"].mean()] * 2, [place - 0.36, place + 0.36], color=role_colour("baseline"), lw=2.4
        )
    if line is not None:
        axes.axvline(line, color=role_colour("realtime"), lw=1.2, ls="--")
    for category in dict.fromkeys(scores["category"]):
        axes.scatter([], [], s=14, color=category_colour(category), label=category)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"{metric} of the degraded frame{f' ({unit})' if unit else ''}; bar: mean")
    axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0), handletextpad=0.1, columnspacing=1.2)
    return figure


def radial_spectra(spectra: pd.DataFrame) -> Figure:
    """Share of the reference's detail that is still in a degraded frame, by spatial frequency, a line each.

    The table has degradation, frequency (cycles per pixel, up to 0.5) and true (1 = all of it).
    """
    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    names = list(dict.fromkeys(spectra["degradation"]))
    for number, name in enumerate(names):
        part = spectra[spectra["degradation"] == name]
        colour = line_colour(number)
        style = LINES[number % len(LINES)]
        axes.plot(part["frequency"], part["true"], color=colour, ls=style, label=name)
    axes.axhline(1.0, color=role_colour("reference"), lw=1.2, ls="--", label="reference")
    axes.set_xlabel("spatial frequency (cycles per pixel)")
    axes.set_ylabel("true detail left (1 = reference)")
    axes.set_xlim(0, 0.5)
    axes.set_ylim(0, 1.1)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.03), fontsize=8.5)
    return figure


def patch_statistics(patches: pd.DataFrame) -> Figure:
    """How much detail the patches of each category hold and how much of it each loses; one violin a category.

    The table has category, detail (mean gradient of the reference, grey levels) and lost (PSNR, dB).
    """
    figure, both = plt.subplots(1, 2, figsize=(7.8, 3.2))
    categories = list(dict.fromkeys(patches["category"]))
    labels = {"detail": "mean gradient (grey levels per pixel)", "lost": "PSNR of the degraded patch (dB)"}
    for axes, (column, label) in zip(both, labels.items(), strict=True):
        floor = 0.1 if column == "detail" else 0.0  # flat patches have no place on the logarithmic axis
        groups = [
            patches.loc[patches["category"] == name, column].clip(floor).to_numpy() for name in categories
        ]
        bodies = axes.violinplot(groups, showmedians=True, widths=0.85)
        for body, name in zip(bodies["bodies"], categories, strict=True):
            body.set_facecolor(category_colour(name))
            body.set_alpha(0.65)
        for part in ("cmedians", "cbars", "cmins", "cmaxes"):
            bodies[part].set_color(role_colour("baseline"))
            bodies[part].set_linewidth(1.0)
        axes.set_xticks(range(1, len(categories) + 1), categories, rotation=20)
        axes.set_ylabel(label)
        axes.grid(axis="x", visible=False)
    both[0].set_yscale("log")
    return figure
