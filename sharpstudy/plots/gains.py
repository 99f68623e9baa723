"""Figures of how gains are distributed: by category, over frames, and over spatial frequencies."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sharpstudy.plots import LINES, category_colour, role_colour
from sharpstudy.plots.marks import LINE_MARKERS, marked, model_legend, note_harm, part_of

COLUMNS = 3  # panels side by side
FAR = 6.0  # times the median gain or loss: what is beyond stands at the end of the axis
EDGE = 0.02  # share of frames at each end that may lie beyond the axis, and are counted there


def category_violins(gains: pd.DataFrame, categories: Sequence[str], harmful: Collection[str] = ()) -> Figure:
    """Each model's gains by category, a panel a model: a violin, every frame a dot, a bar for the mean.

    The table has model, category and gain (dB), a row for each frame. A frame beyond the axis is an arrowhead
    at its end, and a mean beyond it is written there.
    """
    figure, panels = _panels(gains, harmful, height=2.1)
    low, high = _range(gains["gain"])
    there = [name for name in categories if name in set(gains["category"])]
    for axes, (_, part) in zip(panels, gains.groupby("model", sort=False), strict=True):
        for place, name in enumerate(there):
            values = part.loc[part["category"] == name, "gain"].dropna().to_numpy()
            if values.size:
                _violin(axes, place, values, category_colour(name), (low, high))
        axes.axhline(0, color=role_colour("baseline"), lw=1.1, ls="--")
        axes.set_xticks(range(len(there)), there, fontsize=8, rotation=20)
        axes.grid(axis="x", visible=False)
        axes.set_ylim(low, high)
    figure.supylabel("PSNR gain over doing nothing (dB)", fontsize=9.5)
    note_harm(figure, gains["model"], harmful, "bar: mean; arrowheads: frames beyond the axis")
    return figure


def gain_histograms(gains: pd.DataFrame, harmful: Collection[str] = (), bins: int = 24) -> Figure:
    """How many frames gain how much, a panel a model; what frames lose is hatched.

    The table has model, role, recipe and gain (dB), a row for each frame; the outermost bars hold all that
    lies beyond.
    """
    figure, panels = _panels(gains, harmful, height=1.8)
    low, high = _range(gains["gain"])
    step, tallest = (high - low) / bins, 1
    edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step  # 0 is an edge
    for axes, (_, part) in zip(panels, gains.groupby("model", sort=False), strict=True):
        values = part["gain"].dropna().to_numpy()
        colour = role_colour(part_of(part.iloc[0]))
        counts, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)
        lost, held = edges[:-1] < -step / 2, counts > 0
        axes.bar(edges[:-1][~lost & held], counts[~lost & held], step * 0.94, align="edge", color=colour)
        axes.bar(
            edges[:-1][lost], counts[lost], step * 0.94, align="edge", fill=False, ec=colour, hatch="////"
        )
        axes.axvline(0, color=role_colour("baseline"), lw=1.1, ls="--")
        if values.size:
            words = (
                f"{np.mean(values > 0):.0%} of {values.size} frames improved, mean {values.mean():+.2f} dB"
            )
            axes.text(0, 1.02, words, transform=axes.transAxes, va="bottom", fontsize=7.6)
        axes.set_title(axes.get_title("left"), fontsize=8.8, pad=15)
        tallest = max(tallest, int(counts.max()))
        axes.set_xlim(edges[0], edges[-1])
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    for axes in panels:
        axes.set_ylim(0, 1.08 * tallest)
    figure.supylabel("frames", fontsize=9.5)
    note_harm(figure, gains["model"], harmful, "PSNR gain over doing nothing (dB); hatched: lost")
    return figure


def detail_spectra(spectra: pd.DataFrame, harmful: Collection[str] = ()) -> Figure:
    """How much of the reference's detail is there by spatial frequency, and how much beside it is invented.

    The table has model, role, recipe, frequency (cycles per pixel), kept and true, as metrics.radial_spectrum
    gives them. Invented is the amplitude that is no part of the reference, noise and artefacts included.
    """
    invented = np.sqrt(np.maximum(spectra["kept"] ** 2 - spectra["true"] ** 2, 0))
    spectra = spectra.assign(invented=invented)
    figure, both = plt.subplots(1, 2, figsize=(9.0, 4.3), sharex=True)
    for number, (name, part) in enumerate(spectra.groupby("model", sort=False)):
        style = {"color": role_colour(part_of(part.iloc[0])), "ls": LINES[number % len(LINES)]}
        style |= {"marker": LINE_MARKERS[number % len(LINE_MARKERS)], "markevery": (number % 6, 6), "ms": 4}
        both[0].plot(part["frequency"], part["true"], label=marked(name, harmful), **style)
        both[1].plot(part["frequency"], part["invented"], **style)
    for axes, label, ideal in zip(both, ("true detail", "invented beside it"), (1.0, 0.0), strict=True):
        axes.axhline(ideal, color=role_colour("reference"), lw=1.2, ls="--")
        axes.set_ylabel(f"{label} (1 = amplitude of the reference)")
        axes.set_xlim(0, 0.5)
    both[0].set_ylim(min(0, spectra["true"].min()), max(1.15, min(spectra["true"].max() * 1.05, 2)))
    both[1].set_ylim(0, max(0.3, min(invented.max() * 1.05, 2)))
    words = "spatial frequency (cycles per pixel); dashed: the reference"
    note_harm(figure, spectra["model"], harmful, words)
    model_legend(figure, both[0].get_legend_handles_labels()[0])
    return figure


def _panels(table: pd.DataFrame, harmful: Collection[str], height: float) -> tuple[Figure, list[Axes]]:
    """A panel for each model, titled by it; further ones of the last row stay empty."""
    names = list(dict.fromkeys(table["model"]))
    columns = min(COLUMNS, max(len(names), 1))
    rows = max(-(-len(names) // columns), 1)
    size = (max(3.1 * columns, 4.2), height * rows + 0.7)
    figure, grid = plt.subplots(rows, columns, figsize=size, sharex=True, sharey="row", squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes in grid.flat[max(len(names) - columns, 0) : len(names)]:
        axes.tick_params(labelbottom=True)  # the lowest of its column, though others may share its axis
    panels = list(grid.flat[: len(names)])
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(marked(name, harmful), fontsize=8.8)
    return figure, panels


def _range(gains: pd.Series) -> tuple[float, float]:
    """The axis for all panels: nearly all frames, with 0 in it, however far off a single model is."""
    values = gains.dropna()
    if values.empty:
        return -1.0, 1.0
    reach = FAR * float(values.abs().median())
    low = min(max(values.quantile(EDGE), -reach), 0.0)
    high = max(min(values.quantile(1 - EDGE), reach), 0.0)
    margin = max(0.08 * (high - low), 0.05)
    return low - margin, high + margin


def _violin(axes: Axes, place: int, values: np.ndarray, colour: str, limits: tuple[float, float]) -> None:
    """Dots, their mean, and a violin behind them where there are enough for a shape."""
    low, high = limits
    shown, inside = values.clip(low, high), (values >= low) & (values <= high)
    if inside.sum() > 4 and np.ptp(shown) > 1e-9:
        body = axes.violinplot([shown], [place], widths=0.85, showextrema=False)["bodies"][0]
        body.set_facecolor(colour)
        body.set_alpha(0.35)
    shift = np.linspace(-0.16, 0.16, values.size) if values.size > 1 else np.zeros(1)
    for there, marker, size in (
        (inside, "o", 7),
        (values < low, "v", 16),
        (values > high, "^", 16),
    ):
        style = {"marker": marker, "s": size, "color": colour, "alpha": 0.8, "linewidths": 0}
        axes.scatter(place + shift[there], shown[there], clip_on=False, **style)
    mean = values.mean()
    if low <= mean <= high:
        axes.plot([place - 0.3, place + 0.3], [mean] * 2, color=colour, lw=2.0)
    else:
        end, side = (low, "bottom") if mean < low else (high, "top")
        at = end + (0.05 if mean < low else -0.05) * (high - low)
        axes.text(place, at, f"{mean:+.1f}", ha="center", va=side, fontsize=7)
