"""Figures of what models do to frames: crops at equal scale, chosen by rule, and the failures."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sharpstudy.plots.marks import HARM_NOTE, diverging, marked

DPI = 130  # of the saved figures: one pixel of a crop is two of the figure, everywhere
WORDS, GAP, LETTER = 1.9, 0.09, 0.078  # inches: for the words at the left, between crops, for a letter
WORDS_LETTERS = 29
WORSE_LEVELS = 40.0  # grey levels of error gained or lost at the ends of the colours


@dataclass(frozen=True, eq=False)
class Crop:
    """A square of one frame, uint8, as each model leaves it; `words` stand at its left."""

    words: str
    frames: Mapping[str, np.ndarray]


def crop_rows(crops: Sequence[Crop], harmful: Collection[str] = ()) -> Figure:
    """A row for each crop, a column for each model, all at one scale: two figure pixels to a pixel."""
    names = list(dict.fromkeys(name for crop in crops for name in crop.frames))
    note = HARM_NOTE if set(names) & set(harmful) else ""
    figure, grid = _pixel_grid(crops, [marked(name, harmful) for name in names], note)
    for row, crop in zip(grid, crops, strict=True):
        for axes, name in zip(row, names, strict=True):
            if name in crop.frames:
                axes.imshow(crop.frames[name])
    return figure


def failure_rows(failures: Sequence[Crop]) -> Figure:
    """The worst frames: reference, degraded and restored, then where error grew (orange) or shrank (blue).

    Each crop's frames are the reference, the degraded and the restored one, in this order.
    """
    titles = ["reference", "degraded", "restored", "error: orange grew, blue shrank"]
    figure, grid = _pixel_grid(failures, titles)
    for row, failure in zip(grid, failures, strict=True):
        reference, degraded, restored = (np.asarray(frame, float) for frame in failure.frames.values())
        shrunk = np.abs(degraded - reference).mean(axis=2) - np.abs(restored - reference).mean(axis=2)
        for axes, frame in zip(row, failure.frames.values(), strict=False):
            axes.imshow(frame)
        row[3].imshow(shrunk, cmap=diverging(), vmin=-WORSE_LEVELS, vmax=WORSE_LEVELS)
    return figure


def worst_square(
    reference: np.ndarray, degraded: np.ndarray, restored: np.ndarray, side: int
) -> tuple[int, int, int]:
    """Top, left and side of the square in which the error grew most."""
    before, after = (np.abs(frame.astype(float) - reference).mean(axis=2) for frame in (degraded, restored))
    side = min(side, *before.shape)
    total = np.pad((after - before).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(top), int(left), side


def ranked_frames(gains: pd.DataFrame) -> dict[str, str]:
    """The frames with the best, the median and the worst gain, by these words; the table has frame and gain.

    Of frames that gain the same the first by name is taken, so that nobody chooses.
    """
    rows = gains.dropna(subset=["gain"]).sort_values(["gain", "frame"], ascending=[False, True])
    if rows.empty:
        raise ValueError("ranked_frames: expected at least one frame with a gain, got none")
    places = {"best": 0, "median": (len(rows) - 1) // 2, "worst": len(rows) - 1}
    return {word: str(rows["frame"].iloc[place]) for word, place in places.items()}


def failure_words(scores: Mapping[str, float], nothing: Mapping[str, float]) -> str:
    """What went wrong with a frame, from its scores and those of doing nothing: the three largest faults.

    Both map metrics to values; a metric that is missing or not a number is passed over.
    """
    faults = []
    for metric, (sign, scale, words) in FAULTS.items():
        before, after = nothing.get(metric, np.nan), scores.get(metric, np.nan)
        change = sign * (after - before)
        if np.isfinite(change) and change >= scale:
            faults.append((change / scale, words.format(before=before, after=after, change=after - before)))
    named = [words for _, words in sorted(faults, key=lambda fault: -fault[0])[:3]]
    return "; ".join(named) if named else "no single fault stands out"


# metric: the direction of a fault, the change from which it is named, and its words
FAULTS: Mapping[str, tuple[int, float, str]] = {
    "halo": (1, 0.03, "overshoot at edges {before:.0%} to {after:.0%}"),
    "worsened": (1, 0.10, "{after:.0%} of the pixels made worse"),
    "detail": (-1, 0.03, "true detail {before:.0%} to {after:.0%}"),
    "ssim": (-1, 0.01, "SSIM {change:+.3f}"),
    "gmsd": (1, 0.01, "distorted gradients (GMSD {change:+.3f})"),
    "lpips": (1, 0.02, "looks less alike (LPIPS {change:+.3f})"),
    "cer": (1, 0.02, "misread characters {before:.0%} to {after:.0%}"),
}


def _pixel_grid(crops: Sequence[Crop], titles: Sequence[str], note: str = "") -> tuple[Figure, np.ndarray]:
    """Bare axes of exactly two figure pixels to a pixel, the crops' words at their left and titles above."""
    if not crops:
        raise ValueError("crops: expected at least one, got none")
    side = max(max(frame.shape[:2]) for crop in crops for frame in crop.frames.values())
    cell, rows, columns = 2 * side / DPI, len(crops), len(titles)
    letters = max(int(cell / LETTER), 8)
    titles = [textwrap.fill(title, letters, break_on_hyphens=False) for title in titles]
    top = 0.1 + 0.15 * (1 + max(title.count("\n") for title in titles))
    bottom = 0.25 if note else 0.05
    width, height = WORDS + columns * (cell + GAP), top + bottom + rows * (cell + GAP)
    figure = plt.figure(figsize=(width, height), dpi=DPI, layout="none")
    grid = np.empty((rows, columns), dtype=object)
    for row, column in np.ndindex(rows, columns):
        left, up = WORDS + column * (cell + GAP), height - top - (row + 1) * cell - row * GAP
        axes = figure.add_axes((left / width, up / height, cell / width, cell / height))
        axes.set_axis_off()
        if row == 0:
            axes.set_title(titles[column], fontsize=8, fontweight="normal")
        if column == 0:
            lines = crops[row].words.splitlines()
            words = "\n".join(map(_folded, lines))
            axes.text(-0.04, 0.5, words, transform=axes.transAxes, ha="right", va="center", fontsize=7.6)
        grid[row, column] = axes
    figure.text(WORDS / width, 0.05 / height, note, fontsize=8)
    return figure, grid


def _folded(line: str) -> str:
    """The line in lines that have room beside the crops; a name too long for one is parted at a hyphen."""
    cut = line.rfind("-", 0, WORDS_LETTERS) + 1
    if cut and len(line) > WORDS_LETTERS and " " not in line:
        return f"{line[:cut]}\n{_folded(line[cut:])}"
    return textwrap.fill(line, WORDS_LETTERS, break_on_hyphens=False)
