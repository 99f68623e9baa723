"""Figures of the speed profile: how long a frame takes, and where the time goes."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from sharpstudy.plots import LINES, line_colour, role_colour

FRAME_RATES = (30, 60)
MARKERS = {"fp32": "o", "bf16": "s", "int8": "^"}
NUMBER_OFFSETS = ((0, 8), (8, 0), (-8, 0), (0, -8), (7, 7), (-7, 7), (7, -7), (-7, -7), (16, 0), (-16, 0))
NUMBER_ROOM = 7.0  # points between a number and what stands beside it
KINDS = {"convolutions": "realtime", "packing": "student", "rounding": "control", "other": "baseline"}


def latency_by_pixels(profiles: pd.DataFrame) -> Figure:
    """The median frame time of each model against its pixels, end to end, up to its p95; log scales.

    The table is profiles.csv; of each model its fastest form is drawn, and of a published student its eager
    form too, dashed.
    """
    rows = profiles[(profiles["stage"] == "end_to_end") & profiles["p50_ms"].notna()]
    rows = rows[rows["threads"] == profiles["threads"].max()]
    rows = rows.assign(megapixels=rows["width"] * rows["height"] / 1e6)
    figure, axes = plt.subplots(figsize=(7.2, 4.6))
    for number, (key, part) in enumerate(_lines_of(rows)):
        eager = key[1].startswith("torch")
        style = "--" if eager else "-"
        colour = role_colour(part["role"].iloc[0])
        part = part.sort_values("megapixels")
        marker = "os^Dv<>PX*"[number % 10]
        axes.plot(part["megapixels"], part["p50_ms"], style, color=colour, marker=marker, ms=4, lw=1.2)
        axes.vlines(part["megapixels"], part["p50_ms"], part["p95_ms"], color=colour, lw=0.8)
        axes.plot([], [], style, color=colour, marker=marker, ms=4, label=" ".join(key))
    _frame_rate_lines(axes, "y")
    axes.set(xscale="log", yscale="log", xlabel="frame size (pixels)")
    axes.set_ylabel("time a frame (ms), median to p95")
    sizes = rows.drop_duplicates(["width", "height"]).sort_values("megapixels")
    names = [f"{row.width}x{row.height}" for row in sizes.itertuples()]
    axes.set_xticks(sizes["megapixels"], names, fontsize=8)
    axes.minorticks_off()
    axes.legend(loc="upper left", bbox_to_anchor=(1.12, 1.02), fontsize=7.5)
    return figure


def latency_bars(profiles: pd.DataFrame, width: int = 1920, height: int = 1080) -> Figure:
    """The median frame time of every form at one size, end to end, with a tick at the p95; logarithmic.

    A form that was measured without a quiet machine is drawn paler.
    """
    rows = profiles[
        (profiles["width"] == width) & (profiles["height"] == height) & profiles["p50_ms"].notna()
    ]
    rows = rows[(rows["stage"] == "end_to_end") & (rows["threads"] == profiles["threads"].max())]
    rows = rows.sort_values("p50_ms")
    figure, axes = plt.subplots(figsize=(7.2, 0.24 * max(len(rows), 3) + 1.1))
    if len(rows):
        low = rows["p50_ms"].min() / 2
        for place, row in enumerate(rows.itertuples()):
            colour, alpha = role_colour(row.role), 1.0 if row.valid == "quiet" else 0.5
            axes.barh(place, row.p50_ms - low, left=low, height=0.66, color=colour, alpha=alpha)
            axes.plot([row.p95_ms] * 2, [place - 0.33, place + 0.33], color=colour, lw=2.0)
            axes.text(row.p95_ms * 1.12, place, f"{row.p50_ms:,.1f}", va="center", fontsize=7.5)
        axes.set(xscale="log", xlim=(low, rows["p95_ms"].max() * 2.6))
    labels = [f"{row.model}, {row.backend} {row.precision}" for row in rows.itertuples()]
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    _frame_rate_lines(axes, "x")
    axes.set_xlabel(f"time a frame at {width}x{height} (ms); bar: median, tick: p95")
    _patches(axes, {role: role for role in dict.fromkeys(rows["role"])}, at=1.0 + 0.5 / max(len(rows), 3))
    return figure


def roofline(points: pd.DataFrame, peaks: pd.DataFrame, bandwidth: float) -> Figure:
    """Multiply-adds a second against multiply-adds per byte of feature maps, below the machine's own limits.

    points: model, role, precision, macs_per_byte, gmac_per_s; peaks: precision, gmac_per_s; bandwidth:
    billions of bytes a second. The sloped line is what memory allows to a network that stores every feature
    map.
    """
    figure, axes = plt.subplots(figsize=(7.2, 4.2))
    numbers = {model: number for number, model in enumerate(dict.fromkeys(points["model"]), 1)}
    for row in points.itertuples():
        colour, place = role_colour(row.role), (row.macs_per_byte, row.gmac_per_s)
        axes.plot(*place, MARKERS[row.precision], color=colour, ms=5)
    best = peaks.groupby("precision", sort=False)["gmac_per_s"].max()
    left, right = points["macs_per_byte"].min() / 3, points["macs_per_byte"].max() * 3
    for precision, peak in best.items():
        knee = min(max(peak / bandwidth, left), right)
        axes.plot([knee, right], [peak, peak], color=role_colour("baseline"), lw=1.2)
        axes.text(right, peak * 1.03, f"{precision} peak {peak:,.0f}", ha="right", va="bottom", fontsize=8)
    limit = [left, max(left, best.max() / bandwidth)]
    axes.plot(limit, [bandwidth * place for place in limit], color=role_colour("baseline"), lw=1.2)
    speeds = [*points["gmac_per_s"], *best]
    low, high = min(speeds) / 2, max(speeds) * 1.7
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(low, high))
    _round_ticks(axes.xaxis, left, right)
    _round_ticks(axes.yaxis, low, high)
    _number_points(axes, points, numbers)
    axes.set_xlabel("multiply-adds per byte of feature maps, each written once and read once")
    axes.set_ylabel("billions of multiply-adds a second")
    roles = points.drop_duplicates("model").set_index("model")["role"]
    key = [Line2D([], [], ls="", label=f"{number} {model}") for model, number in numbers.items()]
    shapes = {name: MARKERS[name] for name in dict.fromkeys(points["precision"])}
    grey = role_colour("baseline")
    key += [Line2D([], [], ls="", marker=shape, color=grey, label=name) for name, shape in shapes.items()]
    legend = axes.legend(handles=key, loc="upper left", bbox_to_anchor=(1.0, 1.02), fontsize=8)
    for text, model in zip(legend.get_texts(), numbers, strict=False):
        text.set_color(role_colour(roles[model]))
    return figure


def thread_scaling(profiles: pd.DataFrame) -> Figure:
    """How many times more frames a model restores on more threads than on one, with the ideal dashed.

    The table has model, backend, precision, threads and p50_ms, of one size.
    """
    figure, axes = plt.subplots(figsize=(5.4, 3.4))
    most = int(profiles["threads"].max())
    axes.plot([1, most], [1, most], "--", color=role_colour("baseline"), lw=1.2, label="ideal")
    groups = profiles.groupby(["model", "backend", "precision"], sort=False)
    for number, (key, part) in enumerate(groups):
        part = part.sort_values("threads")
        gain = part["p50_ms"].iloc[0] / part["p50_ms"]
        style = LINES[number % len(LINES)]
        axes.plot(part["threads"], gain, "o", ls=style, color=line_colour(number), label=" ".join(key))
    axes.set_xticks(sorted(set(profiles["threads"])))
    axes.set_xlabel("threads")
    axes.set_ylabel("speed (1 = one thread), medians")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), fontsize=8)
    return figure


def op_breakdown(splits: pd.DataFrame) -> Figure:
    """Where a frame's time goes inside a network: one bar a runtime, stacked by kind of operation.

    The table has backend, kind, node and milliseconds; single convolutions are told apart by thin lines.
    """
    names = list(dict.fromkeys(splits["backend"]))
    figure, axes = plt.subplots(figsize=(7.2, 0.6 * len(names) + 1.3))
    for place, backend in enumerate(names):
        part, left = splits[splits["backend"] == backend], 0.0
        total = part["milliseconds"].sum()
        for kind in KINDS:
            start = left
            for took in part.loc[part["kind"] == kind, "milliseconds"]:
                bar = axes.barh(place, took, left=left, height=0.6, color=role_colour(KINDS[kind]))
                if kind == "convolutions":
                    bar[0].set(edgecolor=plt.rcParams["axes.edgecolor"], linewidth=0.3)
                left += took
            if left - start > 0.06 * total:
                share = f"{(left - start) / total:.0%}"
                axes.text((start + left) / 2, place + 0.34, share, ha="center", va="top", fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.35, -0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("time a frame (ms), as the runtime counts it")
    _patches(axes, KINDS)
    return figure


def _lines_of(rows: pd.DataFrame) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """For each model its fastest form at its largest size, and a published student's eager form."""
    found = []
    for model, part in rows.groupby("model", sort=False):
        largest = part[part["megapixels"] == part["megapixels"].max()]
        best = largest.nsmallest(1, "p50_ms").iloc[0]
        forms = {(best["backend"], best["precision"])}
        if best["role"] == "student":
            forms.add(("torch", "fp32"))
        for backend, precision in sorted(forms):
            line = part[(part["backend"] == backend) & (part["precision"] == precision)]
            if len(line):
                found.append(((str(model), backend, precision), line))
    return found


def _frame_rate_lines(axes: Axes, axis: str) -> None:
    for fps in FRAME_RATES:
        limit = 1000 / fps
        line, colour = (axes.axhline, axes.axvline)[axis == "x"], role_colour("reference")
        line(limit, color=colour, lw=1.2, ls="--")
        look = {"fontsize": 8, "color": colour}
        if axis == "y":  # beside the axes, where no line of a model crosses the words
            axes.text(1.01, limit, f"{fps} FPS", transform=axes.get_yaxis_transform(), va="center", **look)
        else:  # two lines so near each other have their words on either side
            side = "right" if fps == max(FRAME_RATES) else "left"
            place = axes.get_xaxis_transform()
            axes.text(limit, 1.0, f" {fps} FPS ", transform=place, ha=side, va="bottom", **look)


def _number_points(axes: Axes, points: pd.DataFrame, numbers: Mapping[str, int]) -> None:
    """Each point's number beside it, where no other number or point stands."""
    axes.figure.canvas.draw()  # so that places on the page are known
    places = axes.transData.transform(points[["macs_per_byte", "gmac_per_s"]].to_numpy(float))
    places = places * 72 / axes.figure.dpi  # points, as offsets are
    taken = list(places)
    for row, place in zip(points.itertuples(), places, strict=True):

        def room(offset: tuple[float, float], place: np.ndarray = place) -> float:
            return min(np.hypot(*(place + offset - other)) for other in taken if other is not place)

        offset = next((one for one in NUMBER_OFFSETS if room(one) >= NUMBER_ROOM), None)
        offset = offset or max(NUMBER_OFFSETS, key=room)
        taken.append(place + offset)
        look = {"ha": "center", "va": "center", "fontsize": 7.5, "color": role_colour(row.role)}
        at = (row.macs_per_byte, row.gmac_per_s)
        axes.annotate(str(numbers[row.model]), at, xytext=offset, textcoords="offset points", **look)


def _round_ticks(axis: Axis, low: float, high: float) -> None:
    """Ticks at 1, 2 and 5 times the powers of ten between the limits of a logarithmic axis."""
    ticks = [step * 10**power for power in range(-3, 7) for step in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    axis.set_ticks(shown, labels=[f"{tick:,g}" for tick in shown])
    axis.set_minor_locator(NullLocator())


def _patches(axes: Axes, roles: Mapping[str, str], at: float = 1.0) -> None:
    """A legend above the axes: each name with the colour of its role."""
    handles = [Patch(color=role_colour(role), label=name) for name, role in roles.items()]
    axes.legend(handles=handles, ncols=4, loc="lower left", bbox_to_anchor=(0.0, at))
