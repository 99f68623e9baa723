"""Systems against each other on the same raters and contents, with intervals, p values and one family."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from sharpstudy.mos.estimates import TwoWay, two_way
from sharpstudy.mos.votes import INPUT, REFERENCE, Pair, Votes, oriented
from sharpstudy.statistics import SMALLEST_EFFECTS, holm

MOST_SYSTEMS = 20
"""With more systems than these only the comparisons with the reference and the input are made."""
LEVEL = 0.95


def differences(votes: Votes) -> dict[Pair, np.ndarray]:
    """For each pair of systems the differences (rater, content), positive where the system is better.

    Of pictures alone: by rater and content, where the rater judged both. Of comparisons: the votes.
    """
    if votes.sides is not None:
        return {pair: votes.of(pair) for pair in votes.conditions}
    pairs = [oriented(*pair) for pair in combinations(votes.conditions, 2)]
    if len(votes.conditions) > MOST_SYSTEMS:
        pairs = [pair for pair in pairs if pair.baseline in (REFERENCE, INPUT)]
    return {pair: votes.of(pair.system) - votes.of(pair.baseline) for pair in pairs}


def compare_systems(votes: Votes, category: str = "all") -> pd.DataFrame:
    """One row per pair of systems: effect on the scale with two-way interval, p values, contents.

    `p_value` is of the two-way t test and decides; `wilcoxon_p` is over the contents' means, beside it.
    """
    where = votes.within(category)
    rows = []
    for pair, table in differences(votes).items():
        found = two_way(table[:, where])
        rows.append(
            {**pair._asdict(), "category": category, **effect_row(found), **_over_contents(table[:, where])}
        )
    columns = ["system", "baseline", "category", "effect", "low", "high", "p_value", "wilcoxon_p"]
    frame = pd.DataFrame(rows, columns=[*columns, "contents_better", "raters", "contents", "votes"])
    return frame[frame["votes"] > 0].reset_index(drop=True)


def effect_row(found: TwoWay) -> dict[str, float | int]:
    """An effect with its interval as columns of a table."""
    return {
        "effect": found.mean,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "raters": found.raters,
        "contents": found.contents,
        "votes": found.votes,
    }


def _over_contents(table: np.ndarray) -> dict[str, float]:
    """Wilcoxon's signed rank test over the contents' mean differences, and the share that is better."""
    table = table[:, ~np.isnan(table).all(axis=0)]
    if table.shape[1] < 2:
        return {"wilcoxon_p": np.nan, "contents_better": np.nan}
    means = np.nanmean(table, axis=0)
    return {"wilcoxon_p": wilcoxon_p(means), "contents_better": float((means > 0).mean())}


def wilcoxon_p(means: np.ndarray) -> float:
    """The two-sided p value of Wilcoxon's signed rank test: exact up to 50 values that differ in size, none
    zero; else by the normal approximation, zeros left out."""
    sizes = np.abs(means)
    if not sizes.any():
        return 1.0
    plain = len(np.unique(sizes)) == len(sizes) <= 50 and sizes.all()
    return float(stats.wilcoxon(means, method="exact" if plain else "approx").pvalue)


def with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with Holm's p over all rows together, a verdict in words, and whether it matters."""
    tested = table["p_value"].notna().to_numpy()
    adjusted = np.full(len(table), np.nan)
    adjusted[tested] = holm(table.loc[tested, "p_value"])
    word = np.where(table["effect"] > 0, "better", "worse")
    word = np.where(adjusted <= 1 - LEVEL, word, "no difference shown")
    word = np.where(tested, word, "too few votes")
    matters = [_matters(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
    return table.assign(adjusted_p=adjusted, verdict=word, matters=matters)


def _matters(low: float, high: float) -> str:
    """Where the interval lies against the smallest effect of interest."""
    least = SMALLEST_EFFECTS["mos"]
    if not np.isfinite([low, high]).all():
        return "unclear"
    if low >= least or high <= -least:
        return "yes"
    return "no" if -least < low and high < least else "unclear"
