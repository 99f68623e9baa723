"""How far raters agree: Krippendorff's alpha for ordered answers, and intraclass correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from sharpstudy.mos.estimates import components

LEVEL = 0.95
Scale = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True)
class Agreement:
    """Intraclass correlation for absolute agreement, of one rater and of the mean of all, with intervals.

    Intervals exist where every rater judged every stimulus; else NaN. `raters` is the mean number a stimulus.
    """

    single: float
    single_low: float
    single_high: float
    mean: float
    mean_low: float
    mean_high: float
    raters: float
    stimuli: int


def krippendorff_alpha(values: np.ndarray, scale: Scale = "ordinal") -> float:
    """Krippendorff's alpha of votes (rater, stimulus), NaN where missing.

    Krippendorff 2011, from coincidences of answers within stimuli; stimuli with one answer do not count. NaN
    where all answers are the same, which leaves nothing to agree on.
    """
    values = np.asarray(values, float)
    levels = np.unique(values[~np.isnan(values)])
    counts = (values[:, :, None] == levels).sum(axis=0).astype(float)
    counts = counts[counts.sum(axis=1) >= 2]
    weight = 1 / (counts.sum(axis=1) - 1)
    together = (counts * weight[:, None]).T @ counts - np.diag((counts * weight[:, None]).sum(axis=0))
    total = together.sum(axis=0)
    distance = _distances(levels, total, scale)
    expected = (np.outer(total, total) * distance).sum()
    if not expected:
        return np.nan
    return float(1 - (total.sum() - 1) * (together * distance).sum() / expected)


def _distances(levels: np.ndarray, total: np.ndarray, scale: Scale) -> np.ndarray:
    """The squared distance of each two answers."""
    if scale == "nominal":
        return (levels[:, None] != levels).astype(float)
    if scale == "interval":
        return (levels[:, None] - levels) ** 2
    if scale == "ordinal":
        middle = np.cumsum(total) - total / 2
        return (middle[:, None] - middle) ** 2
    raise ValueError(f"scale: expected nominal, ordinal or interval, got {scale!r}")


def intraclass(values: np.ndarray) -> Agreement:
    """ICC(A,1) and ICC(A,k) of votes (rater, stimulus): raters and stimuli random, absolute agreement.

    McGraw and Wong 1996; Shrout and Fleiss call them ICC(2,1) and ICC(2,k). From two-way variance components,
    so that votes may be missing.
    """
    values = values[~np.isnan(values).all(axis=1)]
    values = values[:, ~np.isnan(values).all(axis=0)]
    raters, stimuli = values.shape
    complete = not np.isnan(values).any()
    if raters < 2 or stimuli < 2 or np.nanmax(values) == np.nanmin(values):
        return Agreement(*[np.nan] * 6, float(raters), stimuli)
    found = components(values)
    each = stimuli / (1 / (~np.isnan(values)).sum(axis=0)).sum()
    noise = found.rater + found.rest
    single, mean = found.content / (found.content + noise), found.content / (found.content + noise / each)
    low, high = _interval(values, single) if complete else (np.nan, np.nan)
    grown = [each * part / (1 + (each - 1) * part) for part in (low, high)]
    return Agreement(single, low, high, mean, *grown, each, stimuli)


def _interval(values: np.ndarray, single: float) -> tuple[float, float]:
    """The interval of ICC(A,1) after McGraw and Wong, with Satterthwaite's degrees of freedom."""
    k, n = values.shape
    found = components(values)
    rest = found.rest
    by_stimulus, by_rater = rest + k * found.content, rest + n * found.rater
    a, b = k * single / (n * (1 - single)), 1 + k * single * (n - 1) / (n * (1 - single))
    pooled = (a * by_rater) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1))
    freedom = (a * by_rater + b * rest) ** 2 / pooled
    upper = stats.f.ppf((1 + LEVEL) / 2, n - 1, freedom)
    lower = stats.f.ppf((1 + LEVEL) / 2, freedom, n - 1)
    noise = k * by_rater + (k * n - k - n) * rest
    low = n * (by_stimulus - upper * rest) / (upper * noise + n * by_stimulus)
    high = n * (lower * by_stimulus - rest) / (noise + n * lower * by_stimulus)
    return float(low), float(high)
