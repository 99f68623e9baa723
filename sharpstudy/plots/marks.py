"""What the figures of the evaluation share: how a model that does harm is marked, colours of parts, axes."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from sharpstudy.plots import ROLES, line_colour, role_colour

HARM = "✗"
HARM_NOTE = f"{HARM} shown to do harm: worse than doing nothing, or to frames that need nothing"
LINE_MARKERS = ("o", "s", "^", "D", "v")
LONGEST = 34  # characters of a name in a figure
COLUMN_INCHES = 2.9  # of a legend that holds the longest names
LETTERS_PER_INCH = 12.5  # of the notes below a figure
STRETCHED = 8.0  # times a small difference from which the largest one asks for a logarithmic axis


def marked(name: str, harmful: Collection[str]) -> str:
    """The name as figures and tables print it: cut where it is very long, with a cross where it does harm."""
    cut = name if len(name) <= LONGEST else f"{name[: LONGEST - 12]}…{name[-11:]}"
    return f"{HARM} {cut}" if name in harmful else cut


def part_of(row: Any) -> str:
    """The role that decides a model's colour: the study's own sharpener has one of its own."""
    return "realtime" if row.role == "student" and str(row.recipe).startswith("realtime") else row.role


def role_legend(figure: Figure, rows: pd.DataFrame) -> None:
    """The colours of the parts that are in the table, above the axes."""
    parts = {part_of(row) for row in rows.itertuples()}
    names = {"realtime": "this study's sharpener"}
    for axes in figure.axes[:1]:
        for part in [part for part in ROLES if part in parts]:
            axes.plot([], [], "o", color=role_colour(part), label=names.get(part, part))
        axes.legend(
            ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0), handletextpad=0.2, columnspacing=1.2
        )


def note_harm(figure: Figure, names: Iterable[str], harmful: Collection[str], also: str = "") -> None:
    """The meaning of the cross below the figure where it has one, after whatever else there is to say."""
    words = [also] if also else []
    words += [HARM_NOTE] if set(names) & set(harmful) else []
    if words:
        text, letters = "; ".join(words), int(figure.get_figwidth() * LETTERS_PER_INCH)
        even = -(-len(text) // -(-len(text) // letters))  # lines of one length, and no last word alone
        figure.supxlabel(textwrap.fill(text, min(even + 8, letters)), fontsize=8.3)


def model_legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """The names of lines above the axes, in as many columns as long names leave room for."""
    columns = max(1, int(figure.get_figwidth() / COLUMN_INCHES))
    figure.legend(handles=list(handles), ncols=columns, loc="outside upper center", fontsize=8.5)


def diverging() -> LinearSegmentedColormap:
    """Colours from harm (red) over the page itself to gain (blue), for differences around 0."""
    blue, red = line_colour(0), line_colour(1)
    stops = [
        (0.0, to_rgba(red, 0.85)),
        (0.5, to_rgba(red, 0)),
        (0.5, to_rgba(blue, 0)),
        (1.0, to_rgba(blue, 0.85)),
    ]
    return LinearSegmentedColormap.from_list("harm-gain", stops)


def stretch(axis: Axis, bounds: np.ndarray, centres: np.ndarray) -> None:
    """Limits with 0 in them; a logarithmic axis beyond its middle where single differences dwarf the rest."""
    bounds, centres = (values[np.isfinite(values)] for values in (np.asarray(bounds), np.abs(centres)))
    low, high = (min(bounds.min(), 0.0), max(bounds.max(), 0.0)) if bounds.size else (-1.0, 1.0)
    typical = float(np.quantile(centres[centres > 0], 0.25)) if (centres > 0).any() else 1.0
    name = "y" if axis.axis_name == "y" else "x"
    axes = axis.axes
    if max(-low, high) > STRETCHED * typical and max(-low, high) > 1:
        linear = max(10 ** np.floor(np.log10(typical)), 0.1)
        getattr(axes, f"set_{name}scale")("symlog", linthresh=linear, linscale=0.6)
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        low, high = 1.7 * low, 1.7 * high
    margin = 0.06 * (high - low) or 0.1
    getattr(axes, f"set_{name}lim")(low - margin, high + margin)
