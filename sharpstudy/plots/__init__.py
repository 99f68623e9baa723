"""Figures: a tidy table or frames in, a Figure out; the same colour for a role everywhere.

Here is what all figures share; each part of the study has a module of them, with one function per figure.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sharpstudy.paths import PACKAGE

Look = Literal["light", "dark"]  # the page that a figure is drawn for
STYLE = PACKAGE / "study.mplstyle"
INK = {"light": "#24292f", "dark": "#e6edf3"}
GRID = {"light": "#d8dee4", "dark": "#3d444d"}

# Okabe and Ito's colours, told apart by colour-blind readers; lighter on a dark page where they would sink.
PALETTE = {
    "green": {"light": "#009E73", "dark": "#2fc79a"},
    "grey": {"light": "#7a838c", "dark": "#a0aab5"},
    "pink": {"light": "#b8588f", "dark": "#e39ac4"},
    "blue": {"light": "#0072B2", "dark": "#56B4E9"},
    "red": {"light": "#D55E00", "dark": "#ff8c42"},
    "amber": {"light": "#b87f00", "dark": "#E69F00"},
}
ROLES = {
    "reference": "green",
    "baseline": "grey",
    "teacher": "pink",
    "student": "blue",
    "realtime": "red",
    "control": "amber",
}
CATEGORIES = {"text": "blue", "nature": "green", "people": "red", "animals": "amber", "graphics": "pink"}
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
_PAGE: ContextVar[Look] = ContextVar("page", default="light")


def role_colour(role: str) -> str:
    """The colour of a role (reference, baseline, teacher, student, realtime, control) on the present page."""
    return PALETTE[ROLES[role]][_PAGE.get()]


def category_colour(category: str) -> str:
    """The colour of a category on the present page; grey for one that is not the study's."""
    return PALETTE[CATEGORIES.get(category, "grey")][_PAGE.get()]


def line_colour(number: int) -> str:
    """The colour of the line with this number, from 0, where lines stand for no role or category."""
    return PALETTE[("blue", "red", "pink", "amber", "grey")[number % 5]][_PAGE.get()]


@contextmanager
def look(name: Look = "light"):
    """The study's style for the figures drawn inside, on a light or a dark page."""
    ink, grid = INK[name], GRID[name]
    colours = {
        key: ink for key in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor")
    }
    faces = {
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "grid.color": grid,
    }
    before = _PAGE.set(name)
    try:
        with plt.style.context(str(STYLE)), mpl.rc_context({**colours, **faces}):
            yield
    finally:
        _PAGE.reset(before)


def show(draw: Callable[[], Figure]) -> Figure:
    """The figure for a notebook: on white, to read in any theme, and closed, to appear once."""
    with look("light"), mpl.rc_context({"figure.facecolor": "white"}):
        figure = draw()
    plt.close(figure)
    return figure


def save_figure(
    draw: Callable[[], Figure], stem: Path, kind: Literal["lines", "pictures"] = "lines"
) -> list[Path]:
    """The files written: the figure for a light and a dark page, as SVG, or as PNG where it is of frames.

    The bytes depend on what is drawn alone, so that a pipeline sees no change where there is none.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    suffix, metadata = ("svg", {"Date": None}) if kind == "lines" else ("png", {"Software": None})
    written = []
    for name in ("light", "dark"):
        with look(name):
            figure = draw()
            path = stem.with_name(f"{stem.name}.{name}.{suffix}")
            figure.savefig(path, format=suffix, metadata=metadata, dpi=130)
            plt.close(figure)
        written.append(path)
    return written


def picture(axes: Axes, frame: np.ndarray, title: str = "") -> None:
    """Draw a frame with a small title and without axes."""
    axes.imshow(frame)
    axes.set_title(title, fontsize=8.5, fontweight="normal")
    axes.set_axis_off()
