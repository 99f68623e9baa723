"""The figure of quality against cost: what each model gains, and how much it computes for that."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from sharpstudy.plots import role_colour
from sharpstudy.plots.marks import marked, note_harm, part_of, role_legend, stretch

ROLE_MARKERS = {"baseline": "s", "teacher": "P", "student": "o", "realtime": "o", "control": "D"}
LABEL_INCHES = 0.19  # from one name to the next beside the axes


def cost_pareto(table: pd.DataFrame, harmful: Collection[str] = ()) -> Figure:
    """Gain over doing nothing with its interval against multiply-adds a pixel; best towards the upper left.

    The table has model, role, recipe, kmac_per_pixel, gain, low and high (dB). A model without a number of
    multiply-adds is a line across; the step joins what no cheaper network reaches.
    """
    rows = table.dropna(subset=["gain"]).sort_values("gain", ascending=False, kind="stable")
    figure, axes = plt.subplots(figsize=(8.4, max(4.0, 0.21 * len(rows) + 1.4)))
    costed = rows["kmac_per_pixel"] > 0
    for row in rows[costed].itertuples():
        colour = role_colour(part_of(row))
        axes.plot([row.kmac_per_pixel] * 2, [row.low, row.high], color=colour, lw=1.6, alpha=0.8)
        axes.plot(row.kmac_per_pixel, row.gain, **_marker(row, harmful), color=colour)
    for row in rows[~costed].itertuples():
        axes.axhline(row.gain, color=role_colour(part_of(row)), lw=1.2, ls=":")
    axes.axhline(0, color=role_colour("baseline"), lw=1.4, ls="--")
    if costed.any():
        axes.set_xscale("log")
        spread = rows.loc[costed, "kmac_per_pixel"]
        axes.set_xlim(spread.min() / 1.8, spread.max() * 1.8)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if spread.max() < 20 * spread.min() else (1,)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        _draw_front(axes, rows[costed & ~rows["model"].isin(list(harmful))])
    else:
        axes.set_xticks([])
    stretch(axes.yaxis, rows[["low", "high"]].to_numpy(), rows["gain"].to_numpy())
    axes.set_xlabel("thousand multiply-adds per pixel of the frame")
    axes.set_ylabel("PSNR gain over doing nothing (dB)")
    _label_beside(axes, rows, harmful)
    role_legend(figure, rows)
    note_harm(figure, rows["model"], harmful, "bars: 95 % intervals")
    return figure


def _marker(row: Any, harmful: Collection[str]) -> dict[str, Any]:
    if row.model in harmful:
        return {"marker": "X", "ms": 8, "mec": plt.rcParams["text.color"], "mew": 0.8, "ls": ""}
    return {"marker": ROLE_MARKERS[part_of(row)], "ms": 6.5, "ls": ""}


def _draw_front(axes: Axes, rows: pd.DataFrame) -> None:
    """The step through the models that gain more than every cheaper one, and more than nothing."""
    best, places = 0.0, []
    for row in rows.sort_values("kmac_per_pixel", kind="stable").itertuples():
        if row.gain > best:
            places += (
                [(row.kmac_per_pixel, best), (row.kmac_per_pixel, row.gain)]
                if places
                else [(row.kmac_per_pixel, row.gain)]
            )
            best = row.gain
    if len(places) > 1:
        axes.plot(*zip(*places, strict=True), color=role_colour("baseline"), lw=1.0, alpha=0.7, zorder=1)


def _label_beside(axes: Axes, rows: pd.DataFrame, harmful: Collection[str]) -> None:
    """Names at the right of the axes, from best to worst at even distances, each joined to its point."""
    height = axes.figure.get_figheight() - 1.2
    step = min(LABEL_INCHES / height, 1.0 / max(len(rows), 1))
    wanted = axes.transData.transform([(1.0, gain) for gain in rows["gain"]])
    places = [axes.transAxes.inverted().transform(place)[1] for place in wanted]
    last = 1.0 + step
    spread = []
    for place in places:
        last = min(place, last - step)
        spread.append(last)
    lift = max(0.0, -spread[-1]) if spread else 0.0
    ceiling = [1.0 - number * step for number in range(len(spread))]
    spread = [min(place + lift, top) for place, top in zip(spread, ceiling, strict=True)]
    right = axes.get_xlim()[1]
    for row, place in zip(rows.itertuples(), spread, strict=True):
        at = row.kmac_per_pixel if row.kmac_per_pixel > 0 else right
        axes.annotate(
            f"{marked(row.model, harmful)}  {row.gain:+.2f}",
            (at, row.gain),
            (1.05, place),
            textcoords="axes fraction",
            va="center",
            fontsize=8.3,
            color=role_colour(part_of(row)),
            arrowprops={
                "arrowstyle": "-",
                "lw": 0.5,
                "color": role_colour("baseline"),
                "alpha": 0.6,
                "relpos": (0, 0.5),
            },
        )
