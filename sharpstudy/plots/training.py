"""Figures of a training: its log, what it makes of a square from epoch to epoch, and its controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sharpstudy.plots import LINES, category_colour, line_colour, picture, role_colour

STYLES = {"no-teacher": "--", "random-teacher": ":"}
GAIN, NOTHING = "dB over doing nothing", "do nothing"

# The tables of this module have a row for each validation of each run: run, model (student, no-teacher,
# random-teacher), role (as in plots.role_colour), and the columns of the run's log.csv.


def loss_terms(log: pd.DataFrame, terms: Sequence[str]) -> Figure:
    """Each term of the loss by epoch, unweighted, a panel each; a control has lines for its own terms."""
    columns = min(len(terms), 3)
    rows = -(-len(terms) // columns)
    size = (3.2 * columns + 0.4, 2.3 * rows + 0.5)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, term in zip(grid.flat, terms, strict=False):
        _lines(axes, log, "epoch", term)
        _logarithmic(axes)
        axes.set_title(term)
    for axes in grid.flat[len(terms) :]:
        axes.set_axis_off()
    for axes in grid.flat[: len(terms)]:
        axes.set_xlabel("epoch")
    _legend(figure, grid.flat[0])
    return figure


def validation_gain(log: pd.DataFrame) -> Figure:
    """PSNR and SSIM over doing nothing by epoch, on the validation squares; marks: the weights kept."""
    figure, both = plt.subplots(1, 2, figsize=(8.4, 3.2))
    log = log.assign(ssim_gain=log["val_ssim"] - log["do_nothing_ssim"])
    for axes, column, label in zip(
        both, ("gain_db", "ssim_gain"), (GAIN, "SSIM over doing nothing"), strict=True
    ):
        _gain(axes, log, "epoch", column)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
    best = log[log["best"] == "yes"]
    for row in best.itertuples():
        both[0].plot(row.epoch, row.gain_db, "o", color=role_colour(row.role), ms=6, mfc="none", mew=1.5)
    _legend(figure, both[0])
    return figure


def training_pace(log: pd.DataFrame) -> Figure:
    """Learning rate, gradient norm before clipping, and pairs a second, by epoch."""
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 2.8))
    labels = {"lr": "learning rate", "grad_norm": "gradient norm", "pairs_per_s": "pairs per second"}
    for axes, (column, label) in zip(panels, labels.items(), strict=True):
        _lines(axes, log, "epoch", column)
        axes.set_title(label)
        axes.set_xlabel("epoch")
    panels[0].set_ylim(bottom=0)
    _logarithmic(panels[1])
    panels[2].set_ylim(bottom=0)
    _legend(figure, panels[0])
    return figure


def nine_panels(log: pd.DataFrame, weights: Mapping[str, float]) -> Figure:
    """The whole training in nine panels: the loss, what came of it, and how it went.

    `weights` are those of the terms in the student's loss. Terms are those of the first student; where a
    panel has several runs, lines are told apart as in the other figures.
    """
    figure, grid = plt.subplots(3, 3, figsize=(10.2, 7.8))
    first = log[log["run"] == "student"]
    draws: tuple[Callable[[Axes], None], ...] = (
        lambda axes: _loss(axes, first),
        lambda axes: _fall_of_terms(axes, first, list(weights)),
        lambda axes: _shares(axes, first, weights),
        lambda axes: _gain(axes, log, "epoch", "gain_db"),
        lambda axes: _similarity(axes, log),
        lambda axes: _gain(axes, log.assign(minutes=log["seconds"] / 60), "minutes", "gain_db"),
        lambda axes: _from_zero(axes, log, "lr"),
        lambda axes: _norm(axes, log),
        lambda axes: _from_zero(axes, log, "pairs_per_s"),
    )
    titles = (
        ("loss of the student", "epoch"),
        ("its terms, of the first epoch's", "epoch"),
        ("their shares of the loss, colours as beside", "epoch"),
        (GAIN, "epoch"),
        ("SSIM", "epoch"),
        (GAIN, "minutes of training"),
        ("learning rate", "epoch"),
        ("gradient norm", "epoch"),
        ("pairs per second", "epoch"),
    )
    for axes, draw, (title, label) in zip(grid.flat, draws, titles, strict=True):
        draw(axes)
        axes.set_title(title)
        axes.set_xlabel(label)
    _legend(figure, grid[1, 0])
    return figure


def epoch_crops(samples: pd.DataFrame) -> Figure:
    """Squares through the epochs: degraded, restored after each epoch that was kept, reference; a row each.

    The table has place, epoch, and the uint8 frames degraded, restored and reference.
    """
    places, epochs = sorted(set(samples["place"])), sorted(set(samples["epoch"]))
    columns = len(epochs) + 2
    figure, grid = plt.subplots(
        len(places), columns, figsize=(1.75 * columns, 1.95 * len(places)), squeeze=False
    )
    for number, (row, place) in enumerate(zip(grid, places, strict=True)):
        part = samples[samples["place"] == place].set_index("epoch")
        titles = ["degraded", *(f"epoch {epoch}" for epoch in epochs), "reference"]
        titles = titles if number == 0 else [""] * columns
        frames = [part["degraded"].iloc[0], *part["restored"].reindex(epochs), part["reference"].iloc[0]]
        for axes, frame, title in zip(row, frames, titles, strict=True):
            picture(axes, frame, title)
    return figure


def verdict_forest(differences: pd.DataFrame, verdicts: pd.DataFrame) -> Figure:
    """What the student is above each of its rivals: every clip a dot, the mean with its interval.

    `differences` has against, category and value (dB, a row a clip); `verdicts` has against, difference, low
    and high of the PSNR.
    """
    names = list(verdicts["against"])
    figure, axes = plt.subplots(figsize=(7.4, 0.62 * len(names) + 1.3))
    for place, row in enumerate(verdicts.itertuples()):
        part = differences[differences["against"] == row.against]
        shift = np.linspace(-0.2, 0.2, len(part)) if len(part) > 1 else np.zeros(1)
        colours = [category_colour(name) for name in part["category"]]
        axes.scatter(part["value"], place + shift, s=13, c=colours, alpha=0.8, linewidths=0)
        colour = role_colour("baseline" if row.against == NOTHING else "control")
        axes.plot([row.low, row.high], [place, place], color=colour, lw=3.0)
        axes.plot(row.difference, place, "o", color=colour, ms=8)
    axes.axvline(0, color=role_colour("baseline"), lw=1.0, ls="--")
    for name in dict.fromkeys(differences["category"]):
        axes.scatter([], [], s=16, color=category_colour(name), label=name)
    labels = ["over doing nothing" if name == NOTHING else f"over {name}" for name in names]
    axes.set_yticks(range(len(names)), labels)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("PSNR gain of the student (dB); dots: clips, bar: mean with 95 % interval")
    axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0), handletextpad=0.1, columnspacing=1.2)
    return figure


def _lines(axes: Axes, log: pd.DataFrame, x: str, y: str) -> None:
    """A line for each run that has the column; the first seed of a model is named."""
    named: set[str] = set()
    for _, part in log.groupby("run", sort=False):
        part = part.dropna(subset=[y])
        if not len(part):
            continue
        model, role = part["model"].iloc[0], part["role"].iloc[0]
        style, label = STYLES.get(model, "-"), None if model in named else model
        mark = "o" if len(part) == 1 else None
        axes.plot(part[x], part[y], color=role_colour(role), ls=style, label=label, marker=mark)
        named.add(model)


def _gain(axes: Axes, log: pd.DataFrame, x: str, y: str) -> None:
    _lines(axes, log, x, y)
    axes.axhline(0, color=role_colour("baseline"), lw=1.2, label=NOTHING)
    low = np.nanquantile(log[y], 0.25)  # an untrained student may begin far below, and would hide the rest
    high = max(0.0, log[y].max())
    if log[y].min() < 2 * min(low, 0.0) - high:
        axes.set_ylim(2 * min(low, 0.0) - 0.5 * high - 1e-3, high + 0.1 * (high - min(low, 0.0)))


def _loss(axes: Axes, first: pd.DataFrame) -> None:
    _lines(axes, first, "epoch", "loss")
    _logarithmic(axes)


def _fall_of_terms(axes: Axes, first: pd.DataFrame, terms: Sequence[str]) -> None:
    rows = first.dropna(subset=["loss"])
    for number, term in enumerate(terms):
        style = LINES[number % len(LINES)]
        axes.plot(
            rows["epoch"], rows[term] / rows[term].iloc[0], color=line_colour(number), ls=style, label=term
        )
    _logarithmic(axes)
    axes.legend(fontsize=7)


def _shares(axes: Axes, first: pd.DataFrame, weights: Mapping[str, float]) -> None:
    rows = first.dropna(subset=["loss"])
    parts = np.array([weight * rows[term].to_numpy() for term, weight in weights.items()])
    colours = [line_colour(number) for number in range(len(weights))]
    shares = 100 * parts / np.maximum(parts.sum(axis=0), 1e-12)
    if shares.shape[1] == 1:
        axes.bar(list(weights), shares[:, 0], color=colours, alpha=0.6)
    else:
        axes.stackplot(rows["epoch"], shares, colors=colours, alpha=0.6)
        axes.margins(x=0)
    axes.set_ylabel("%")
    axes.set_ylim(0, 100)


def _similarity(axes: Axes, log: pd.DataFrame) -> None:
    _lines(axes, log, "epoch", "val_ssim")
    axes.axhline(log["do_nothing_ssim"].iloc[0], color=role_colour("baseline"), lw=1.2)


def _norm(axes: Axes, log: pd.DataFrame) -> None:
    _lines(axes, log, "epoch", "grad_norm")
    _logarithmic(axes)


def _from_zero(axes: Axes, log: pd.DataFrame, column: str) -> None:
    _lines(axes, log, "epoch", column)
    axes.set_ylim(bottom=0)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic scale, with plain numbers, where the lines span enough for one."""
    values = np.concatenate(
        [np.asarray(line.get_ydata(), float) for line in axes.get_lines()] or [np.ones(1)]
    )
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 4 * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())


def _legend(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, above them."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5)
