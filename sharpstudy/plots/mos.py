"""Figures of the ratings; one that shows simulated votes says so inside the picture."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sharpstudy.plots import LINES, category_colour, line_colour, role_colour

SIMULATED = "SIMULATED - pipeline test"
PUBLISHED = "published, not re-run"
ROLE_OF = {"reference": "reference", "input": "baseline", "unsharp": "baseline", "teacher": "teacher"}


def mos_by_system(systems: pd.DataFrame) -> Figure:
    """MOS of each system with its two-way interval, a panel per criterion; published scores are hollow.

    The table has source, criterion, system, category, mos, low, high; of it the rows of all categories.
    """
    source = only_source(systems, also_published=True)
    rows = systems[systems["category"] == "all"]
    names = _ordered(rows)
    figure, panels = _panels(rows, 0.34 * len(names) + 1.2)
    for axes, (criterion, part) in zip(panels, rows.groupby("criterion", sort=False), strict=True):
        for row in part.itertuples():
            _point(axes, row, names.index(row.system))
        _finish(axes, names, criterion, "MOS (1 bad to 5 excellent)", (1, 5))
    if "published" in set(rows["source"]):
        panels[0].plot([], [], "D", mfc="none", color=role_colour("control"), label=PUBLISHED)
        figure.legend(loc="outside lower right")
    return stamped(figure, source)


def mos_by_category(systems: pd.DataFrame, criterion: str) -> Figure:
    """MOS of each system by category for one criterion, with two-way intervals; columns as mos_by_system."""
    source = only_source(systems, also_published=False)
    rows = systems[(systems["criterion"] == criterion) & (systems["category"] != "all")]
    names, kinds = _ordered(rows), list(dict.fromkeys(rows["category"]))
    figure, axes = plt.subplots(figsize=(7.2, 0.5 * len(names) + 1.2))
    for row in rows.itertuples():
        place = names.index(row.system) + 0.13 * (kinds.index(row.category) - (len(kinds) - 1) / 2)
        colour = category_colour(row.category)
        axes.plot([row.low, row.high], [place] * 2, color=colour, lw=1.4)
        axes.plot(row.mos, place, "o", color=colour, ms=4)
    for kind in kinds:
        axes.plot([], [], "o-", color=category_colour(kind), ms=4, label=kind)
    _finish(axes, names, "", f"MOS, {criterion} (1 bad to 5 excellent), two-way interval", (1, 5))
    axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0), columnspacing=1.2)
    return stamped(figure, source)


def comparison_forest(comparisons: pd.DataFrame) -> Figure:
    """The effect of each pair of systems with its two-way interval, a panel per criterion; hollow where no
    difference is shown. The table has source, criterion, system, baseline, category, effect, low, high,
    verdict."""
    source = only_source(comparisons)
    rows = comparisons[comparisons["category"] == "all"]
    labels = [f"{row.system} − {row.baseline}" for row in rows.itertuples()]
    rows = rows.assign(label=labels)
    names = list(rows.groupby("label")["effect"].mean().sort_values(ascending=False).index)
    figure, panels = _panels(rows, 0.26 * len(names) + 1.2)
    for axes, (criterion, part) in zip(panels, rows.groupby("criterion", sort=False), strict=True):
        for row in part.itertuples():
            colour, place = role_colour(_role(row.system)), names.index(row.label)
            shown = row.verdict in ("better", "worse")
            axes.plot([row.low, row.high], [place] * 2, color=colour, lw=1.8)
            axes.plot(row.effect, place, "o", color=colour, mfc=colour if shown else "none")
        axes.axvline(0, color=role_colour("baseline"), lw=1.0, ls="--")
        _finish(axes, names, criterion, "difference (scale points)", None)
    return stamped(figure, source)


def rater_recovery(recovered: pd.DataFrame) -> Figure:
    """Planted against found bias and inconsistency, a dot a rater; excluded raters are crosses.

    The table has source, kind, excluded and, of both, the found value and the planted one.
    """
    source = only_source(recovered)
    figure, both = plt.subplots(1, 2, figsize=(7.6, 3.5))
    kinds = sorted(set(recovered["kind"]), key=lambda name: (name != "honest", name))
    for axes, name in zip(both, ("bias", "inconsistency"), strict=True):
        for number, kind in enumerate(kinds):
            for excluded, marker in (("no", "o"), ("yes", "x")):
                part = recovered[(recovered["kind"] == kind) & (recovered["excluded"] == excluded)]
                axes.plot(part[f"{name}_planted"], part[name], marker, color=line_colour(number), ms=5)
        values = recovered.loc[recovered["kind"] == "honest", [name, f"{name}_planted"]].to_numpy()
        if values.size:
            axes.axline((values.min(),) * 2, slope=1, color=role_colour("baseline"), lw=1.0, ls="--")
        axes.set_xlabel(f"planted {name} (scale points)")
        axes.set_ylabel(f"found {name} (scale points)")
    for number, kind in enumerate(kinds):
        both[0].plot([], [], "s", color=line_colour(number), label=kind)
    both[0].plot([], [], "x", color=role_colour("baseline"), label="excluded")
    figure.legend(loc="outside upper center", ncols=len(kinds) + 1)
    return stamped(figure, source)


def screening_overview(raters: pd.DataFrame) -> Figure:
    """Each rater's correlation with the others on golds and anchors beside golds and traps missed, by arm.

    The table has source, arm, rater, correlation, golds, gold_misses, traps, trap_misses, excluded.
    """
    source = only_source(raters)
    arms = list(dict.fromkeys(raters["arm"]))
    figure, panels = plt.subplots(1, len(arms), figsize=(7.6, 3.4), sharex=True, sharey=True, squeeze=False)
    for axes, arm in zip(panels[0], arms, strict=True):
        part = raters[raters["arm"] == arm]
        missed = (part["gold_misses"] + part["trap_misses"]) / (part["golds"] + part["traps"]).clip(lower=1)
        for excluded, role, marker in (("no", "student", "o"), ("yes", "realtime", "x")):
            some = (part["excluded"] == excluded).to_numpy()
            label = f"{'excluded' if excluded == 'yes' else 'kept'} ({some.sum()})"
            x, y = part["correlation"][some], 100 * missed[some]
            axes.plot(x, y, marker, color=role_colour(role), alpha=0.8, label=label)
        axes.axvline(0.6, color=role_colour("baseline"), lw=1.0, ls="--")
        axes.set_title({"ccr": "comparison (ccr)", "acr": "alone (acr)"}.get(arm, arm))
        axes.set_xlabel("correlation on golds and anchors")
        axes.legend(loc="upper right")
    panels[0][0].set_xlim(-1.05, 1.05)
    panels[0][0].set_ylim(-4, 104)
    panels[0][0].set_ylabel("golds and traps missed (%)")
    return stamped(figure, source)


def power_curves(power: pd.DataFrame) -> Figure:
    """The chance to find a difference by number of raters, a line per number of contents, a panel per effect.

    The table has raters, contents, effect, power, and low and high where the power was simulated.
    """
    effects = sorted(set(power["effect"]))
    size = (min(7.6, 3.2 * len(effects) + 1.2), 3.3)
    figure, panels = plt.subplots(1, len(effects), figsize=size, sharey=True, squeeze=False)
    for axes, effect in zip(panels[0], effects, strict=True):
        for number, (contents, part) in enumerate(power[power["effect"] == effect].groupby("contents")):
            part, colour = part.sort_values("raters"), line_colour(number)
            style = LINES[number % len(LINES)]
            axes.plot(part["raters"], part["power"], "o", ls=style, color=colour, ms=4, label=f"{contents}")
            if {"low", "high"} <= set(part):
                axes.fill_between(part["raters"], part["low"], part["high"], color=colour, alpha=0.15, lw=0)
        axes.axhline(0.8, color=role_colour("baseline"), lw=1.0, ls="--")
        axes.set_title(f"a difference of {effect:g}")
        axes.set_xlabel("raters")
    panels[0][0].set_ylim(0, 1.02)
    panels[0][0].set_ylabel("power")
    panels[0][-1].legend(title="contents", loc="lower right")
    source = only_source(power) if "source" in power else ""
    return stamped(figure, source)


def mos_against_metric(joined: pd.DataFrame, curves: pd.DataFrame | None = None) -> Figure:
    """MOS of each stimulus against a metric, a panel per metric, with the fitted logistic where there is one.

    `joined` has source, metric, system, value, mos; `curves` metric, value and mos along the curve.
    """
    source = only_source(joined)
    metrics = list(dict.fromkeys(joined["metric"]))
    figure, panels = plt.subplots(1, len(metrics), figsize=(max(4.6, 3.4 * len(metrics)), 3.5), squeeze=False)
    for axes, metric in zip(panels[0], metrics, strict=True):
        part = joined[joined["metric"] == metric]
        for number, (system, some) in enumerate(part.groupby("system")):
            marker, colour = "osD^v<>"[number % 7], role_colour(_role(system))
            axes.plot(some["value"], some["mos"], marker, color=colour, ms=3.5, alpha=0.7, label=system)
        if curves is not None and len(curves):
            line = curves[curves["metric"] == metric]
            axes.plot(line["value"], line["mos"], color=role_colour("realtime"), label="logistic")
        axes.set_xlabel(metric)
        axes.set_ylim(0.9, 5.1)
    panels[0][0].set_ylabel("MOS (1 bad to 5 excellent)")
    panels[0][-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.03))
    return stamped(figure, source)


def bradley_terry(scale: pd.DataFrame) -> Figure:
    """The systems' strengths in log odds with rater bootstrap intervals, a panel per criterion.

    The table has source, criterion, system, against, strength, low, high.
    """
    source = only_source(scale)
    names = list(scale.groupby("system")["strength"].mean().sort_values(ascending=False).index)
    figure, panels = _panels(scale, 0.34 * len(names) + 1.2)
    for axes, (criterion, part) in zip(panels, scale.groupby("criterion", sort=False), strict=True):
        for row in part.itertuples():
            colour, place = role_colour(_role(row.system)), names.index(row.system)
            axes.plot([row.low, row.high], [place] * 2, color=colour, lw=2.0)
            axes.plot(row.strength, place, "o", color=colour)
        axes.axvline(0, color=role_colour("baseline"), lw=1.0, ls="--")
        _finish(axes, names, criterion, f"log odds against {part['against'].iloc[0]}", None)
    return stamped(figure, source)


def only_source(table: pd.DataFrame, also_published: bool = False) -> str:
    """Whose votes a figure is to show; a ValueError for votes of unknown source or of several.

    Published scores may stand beside people's where a figure marks them.
    """
    if "source" not in table:
        raise ValueError("source: expected a column that says who voted (human, simulated, published)")
    found = sorted(set(table["source"].astype(str)))
    if also_published and found == ["human", "published"]:
        return "human"
    if len(found) != 1:
        raise ValueError(
            f"source: expected votes of one source in a figure, got {', '.join(found) or 'none'}"
        )
    return found[0]


def stamped(figure: Figure, source: str) -> Figure:
    """The figure, with what it shows written across it where that is not people's votes."""
    words = {"simulated": SIMULATED, "published": PUBLISHED}.get(source)
    if words:
        figure.text(
            *(0.5, 0.5, words),
            color=role_colour("realtime"),
            alpha=0.38,
            fontsize=19,
            fontweight="bold",
            rotation=12,
            ha="center",
            va="center",
            zorder=10,
        )
    return figure


def _role(system: str) -> str:
    return ROLE_OF.get(system, "realtime" if system.startswith("realtime") else "student")


def _ordered(rows: pd.DataFrame) -> list[str]:
    """The systems, the highest mean first."""
    return list(rows.groupby("system")["mos"].mean().sort_values(ascending=False).index)


def _panels(rows: pd.DataFrame, height: float) -> tuple[Figure, list[Axes]]:
    """A panel for each criterion, side by side."""
    count = rows["criterion"].nunique()
    width = min(10.5, 3.2 + 2.3 * count)
    figure, panels = plt.subplots(1, count, figsize=(width, height), sharey=True, sharex=True, squeeze=False)
    return figure, list(panels[0])


def _point(axes: Axes, row: object, place: int) -> None:
    """One MOS with its interval; hollow and without one where it is published."""
    if row.source == "published":
        axes.plot(row.mos, place, "D", mfc="none", color=role_colour("control"))
        return
    colour = role_colour(_role(row.system))
    axes.plot([row.low, row.high], [place] * 2, color=colour, lw=2.0)
    axes.plot(row.mos, place, "o", color=colour)


def _finish(axes: Axes, names: list[str], title: str, label: str, limits: tuple[float, float] | None) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_title(title)
    axes.set_xlabel(label)
    if limits:
        axes.set_xlim(limits[0] - 0.1, limits[1] + 0.1)
