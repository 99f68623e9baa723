"""Figures of the experiments: variants against their base, equal time, and gains off the grid."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sharpstudy.plots import role_colour
from sharpstudy.plots.marks import diverging

WORDS = {"better": ("^", "better"), "worse": ("v", "worse"), "no difference shown": ("o", "none shown")}
ROW_INCHES = 0.31
FAR, LEAST = 2.0, 0.5  # the axis ends at so many times the best gain, of at least so many dB


def ablation_forest(table: pd.DataFrame) -> Figure:
    """Each variant's paired difference to the base with its interval, PSNR and SSIM side by side.

    The table has variant, group and changes, and diff_psnr and diff_ssim with _low, _high and _word; rows
    without a difference are left out. Words follow Holm's adjustment.
    """
    rows = table[table["diff_psnr"].notna()].reset_index(drop=True)
    size = (8.6, ROW_INCHES * len(rows) + 1.5)
    figure, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    for axes, metric, unit, factor in zip(
        panels, ("psnr", "ssim"), ("PSNR (dB)", "SSIM (× 100)"), (1, 100), strict=True
    ):
        for place, row in rows.iterrows():
            values = [factor * row[f"diff_{metric}{end}"] for end in ("", "_low", "_high")]
            forest_row(axes, place, *values, row[f"diff_{metric}_word"], role_colour("realtime"))
        axes.axvline(0, color=role_colour("baseline"), lw=1.1, ls="--")
        axes.set_xlabel(f"difference to the base, {unit}")
        axes.grid(axis="y", visible=False)
    labels = [f"{row.changes}" for row in rows.itertuples()]
    panels[0].set_yticks(range(len(rows)), labels)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    for place in _breaks(rows["group"]):
        for axes in panels:
            axes.axhline(place - 0.5, color=role_colour("baseline"), lw=0.6, alpha=0.5)
    word_legend(figure)
    figure.supxlabel("bars: 95 % intervals over clips; all conditions together", fontsize=8.3)
    return figure


def forest_row(axes: Axes, place: int, value: float, low: float, high: float, word: str, colour: str) -> None:
    """One difference with its interval; the marker says the word, hollow where none was shown."""
    marker, _ = WORDS.get(word, WORDS["no difference shown"])
    face = colour if word in ("better", "worse") else "none"
    axes.plot([low, high], [place, place], color=colour, lw=1.6)
    axes.plot(value, place, marker, ms=6.5, mfc=face, mec=colour, mew=1.3)


def word_legend(figure: Figure) -> None:
    """What the markers say, above the axes."""
    colour = role_colour("baseline")
    handles = [
        plt.Line2D(
            [], [], ls="", marker=marker, mec=colour, mfc="none" if marker == "o" else colour, label=word
        )
        for marker, word in WORDS.values()
    ]
    figure.legend(handles=handles, ncols=3, loc="outside upper center", fontsize=8.5)


def _breaks(groups: pd.Series) -> list[int]:
    """The places where another group begins."""
    return [at for at in range(1, len(groups)) if groups[at] != groups[at - 1]]


def equal_time_gains(table: pd.DataFrame) -> Figure:
    """Each student's gain over doing nothing with its interval, a panel for each degradation.

    The table has learned_on, student and gain_psnr with _low and _high (dB), seconds and kmac_per_pixel; the
    study's own student is in its colour. One that lost more than FAR times what the best gained is an
    arrowhead at the end of the axis, with its number.
    """
    rows = table[table["gain_psnr"].notna()]
    end = -FAR * max(rows["gain_psnr"].max(), LEAST)
    panels = list(dict.fromkeys(rows["learned_on"]))
    students = list(dict.fromkeys(rows["student"]))
    size = (2.2 + 2.4 * len(panels), ROW_INCHES * len(students) + 1.4)
    figure, grid = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    for axes, degradation in zip(grid[0], panels, strict=True):
        part = rows[rows["learned_on"] == degradation].set_index("student")
        for place, student in enumerate(students):
            if student not in part.index:
                axes.text(0.5, place, "–", transform=axes.get_yaxis_transform(), ha="center", va="center")
                continue
            row, role = part.loc[student], "realtime" if student == "realtime" else "student"
            colour = role_colour(role)
            if row["gain_psnr"] < end:
                axes.plot(end, place, "<", ms=6, color=colour)
                axes.annotate(f"{row['gain_psnr']:.1f} dB", (end, place), (7, 0), textcoords="offset points",
                              va="center", fontsize=8)  # fmt: skip
                continue
            axes.plot([row["gain_psnr_low"], row["gain_psnr_high"]], [place] * 2, color=colour, lw=1.6)
            axes.plot(row["gain_psnr"], place, "o", ms=6, color=colour)
        axes.set_xlim(1.1 * end, max(0.2, 1.15 * rows["gain_psnr_high"].max()))
        axes.axvline(0, color=role_colour("baseline"), lw=1.1, ls="--")
        axes.set_title(degradation, fontsize=9.5)
        axes.grid(axis="y", visible=False)
    grid[0][0].set_yticks(range(len(students)), students)
    grid[0][0].set_ylim(len(students) - 0.5, -0.5)
    words = "PSNR gain over doing nothing (dB); bars: 95 % intervals; arrowheads: beyond the axis"
    figure.supxlabel(words, fontsize=9)
    return figure


def share_heatmap(table: pd.DataFrame) -> Figure:
    """The share of the aligned gain that is kept at each factor (row) and shift of the grid (column).

    The table has student, factor, shift_up and shift_left (pixels), grid, gain (dB) and share; a panel for
    each student. Under each share stands the gain. What keeps all of it has no colour.
    """
    students = list(dict.fromkeys(table["student"]))
    shifts = list(dict.fromkeys(zip(table["shift_up"], table["shift_left"], strict=True)))
    factors = list(dict.fromkeys(table["factor"]))
    size = (1.6 + (0.95 * len(shifts) + 0.3) * len(students), 0.52 * len(factors) + 1.7)
    figure, grid = plt.subplots(1, len(students), figsize=size, sharey=True, squeeze=False)
    for axes, student in zip(grid[0], students, strict=True):
        part = table[table["student"] == student].set_index(["factor", "shift_up", "shift_left"])
        rows = [[part.loc[(factor, *shift)] for shift in shifts] for factor in factors]
        values = np.array([[row["share"] for row in line] for line in rows], float)
        shown = axes.imshow(values, cmap=diverging(), norm=Normalize(0, 2), aspect="auto")
        for (at, column), _ in np.ndenumerate(values):
            axes.text(column, at, _cell(rows[at][column]), ha="center", va="center", fontsize=7.8)
        axes.set_xticks(range(len(shifts)), [f"{up:g}, {left:g}" for up, left in shifts])
        axes.set_title(student, fontsize=9.5)
        axes.grid(visible=False)
    grid[0][0].set_yticks(range(len(factors)), [f"× {factor:g}" for factor in factors])
    grid[0][0].set_ylabel("factor of the down-up")
    figure.supxlabel("shift of the grid up, left (pixels)", fontsize=9)
    bar = figure.colorbar(shown, ax=list(grid[0]), shrink=0.9, aspect=18)
    bar.set_label("share of the aligned gain")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


def _cell(row: pd.Series) -> str:
    """Share and gain; the aligned grid, to which a shift by whole factors leads back, is all there is."""
    gain = f"{row['gain']:+.2f} dB"
    if row["grid"] == "aligned":
        return f"aligned\n{gain}"
    return f"{row['share']:.0%}\n{gain}" if np.isfinite(row["share"]) else f"n/a\n{gain}"
