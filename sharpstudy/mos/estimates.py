"""Means of votes with intervals that hold: t over raters for a stimulus, two-way for a system; and P.910's
model of raters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
ROUNDING = 1 / 12
"""The variance that answering in whole steps leaves; no rater is weighted as if more exact than that."""
TOLERANCE, MOST_STEPS = 1e-9, 2000


class Spread(NamedTuple):
    """Per stimulus: number of votes, their mean and standard deviation (n - 1), and the t interval."""

    n: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray


def by_stimulus(values: np.ndarray) -> Spread:
    """The mean of each column of votes (rater, stimulus) with its 95 % t interval over raters.

    The interval is of the raters asked and this one stimulus; NaN below two votes.
    """
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, values, 0).sum(axis=0) / n
        squares = (np.where(there, values - mean, 0) ** 2).sum(axis=0)
        deviation = np.sqrt(np.where(n > 1, squares / (n - 1), np.nan))
        reach = stats.t.ppf((1 + LEVEL) / 2, np.maximum(n - 1, 1)) * deviation / np.sqrt(n)
    return Spread(n, mean, deviation, mean - reach, mean + reach)


@dataclass(frozen=True)
class TwoWay:
    """A mean over raters and contents, both drawn from many, with its 95 % interval and two-sided p value."""

    mean: float
    error: float
    freedom: int
    low: float
    high: float
    p_value: float
    raters: int
    contents: int
    votes: int


def two_way(values: np.ndarray, null: float = 0.0) -> TwoWay:
    """The mean of votes (rater, content) with an interval for other raters and other contents.

    se^2 = var(rater means)/I + var(content means)/J - residual/(IJ), and t with min(I, J) - 1 degrees of
    freedom. Where votes are missing (NaN) the variance components come from Henderson's first method, which
    is the same where none is. The error is at least that of independent votes, since a variance below zero
    is chance. NaN for the interval below two raters or two contents.
    """
    values = values[:, ~np.isnan(values).all(axis=0)]
    values = values[~np.isnan(values).all(axis=1)]
    raters, contents = values.shape
    votes = int((~np.isnan(values)).sum())
    mean = float(np.nanmean(values)) if votes else np.nan
    freedom = min(raters, contents) - 1
    if freedom < 1:
        return TwoWay(mean, np.nan, freedom, np.nan, np.nan, np.nan, raters, contents, votes)
    error = _error(values - mean)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    if error > 0:
        p_value = float(2 * stats.t.sf(abs(mean - null) / error, freedom))
    else:
        p_value = np.nan if np.isnan(error) else float(mean == null)
    return TwoWay(mean, error, freedom, mean - reach, mean + reach, p_value, raters, contents, votes)


class Components(NamedTuple):
    """Variance between raters, between contents, and of what is left; `weights` are theirs in the mean."""

    rater: float
    content: float
    rest: float
    weights: tuple[float, float, float]


def components(values: np.ndarray) -> Components:
    """The variance components of votes (rater, content) without interaction; NaN where they have none.

    Henderson's method 1; with every vote there it is the two-way analysis of variance.
    """
    there = ~np.isnan(values)
    centred = np.where(there, values - np.nanmean(values), 0)
    by_rater, by_content = there.sum(axis=1), there.sum(axis=0)
    (raters, contents), votes = values.shape, int(there.sum())
    total = (centred**2).sum()
    between_raters = (centred.sum(axis=1) ** 2 / by_rater).sum()
    between_contents = (centred.sum(axis=0) ** 2 / by_content).sum()
    rater_load, content_load = (by_rater**2).sum() / votes, (by_content**2).sum() / votes
    table = [
        [votes - rater_load, raters - content_load, raters - 1],
        [contents - rater_load, votes - content_load, contents - 1],
        [rater_load - contents, content_load - raters, votes - raters - contents + 1],
    ]
    sums = [between_raters, between_contents, total - between_raters - between_contents]
    try:
        found = np.linalg.solve(np.array(table, float), sums)
    except np.linalg.LinAlgError:
        found = np.full(3, np.nan)
    weights = (rater_load / votes, content_load / votes, 1 / votes)
    return Components(*map(float, found), weights)


def _error(values: np.ndarray) -> float:
    """The standard error of the grand mean."""
    if np.nanmax(values) == np.nanmin(values):
        return 0.0
    found = components(values)
    squared = sum(part * weight for part, weight in zip(found[:3], found.weights, strict=True))
    return float(np.sqrt(max(squared, found.rest * found.weights[2], 0.0)))


@dataclass(frozen=True, eq=False)
class RaterModel:
    """P.910's model u = psi + b + v*eps, fitted: stimuli without raters' habits, and the habits.

    `bias` has mean zero where every picture stood alone; of comparisons it is the lean to the right side.
    """

    psi: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bias: np.ndarray
    inconsistency: np.ndarray


def fit_raters(values: np.ndarray, sides: np.ndarray | None = None) -> RaterModel:
    """Maximum likelihood of scores, raters' bias and inconsistency, from votes (rater, stimulus).

    ITU-T P.910 (2023) and Li, Bampis et al. 2020 (arXiv:2004.02067): stimuli are means weighted by 1/v^2 of
    votes less bias, in turn with bias and v from the residuals. The interval of psi is t over its votes and
    takes the raters' habits as known. With `sides` (+1 where the system stood right) votes are positive for
    the system, and the bias is towards the right.
    """
    there = ~np.isnan(values)
    sign = np.ones(values.shape) if sides is None else np.where(there, sides, 0)
    votes = np.where(there, values, 0)
    counts = np.maximum(there.sum(axis=1), 1)
    psi = votes.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    bias = (sign * (votes - psi) * there).sum(axis=1) / counts
    for _ in range(MOST_STEPS):
        rest = (votes - psi - sign * bias[:, None]) * there
        variance = np.maximum((rest**2).sum(axis=1) / counts, ROUNDING)
        weights = there / variance[:, None]
        before = psi
        psi = (weights * (votes - sign * bias[:, None])).sum(axis=0) / weights.sum(axis=0)
        bias = (sign * (votes - psi) * there).sum(axis=1) / counts
        if np.abs(psi - before).max() < TOLERANCE:
            break
    if sides is None:
        psi, bias = psi + bias.mean(), bias - bias.mean()
    rest = (votes - psi - sign * bias[:, None]) * there
    error = 1 / np.sqrt(weights.sum(axis=0))
    reach = stats.t.ppf((1 + LEVEL) / 2, np.maximum(there.sum(axis=0) - 1, 1)) * error
    inconsistency = np.sqrt((rest**2).sum(axis=1) / counts)
    return RaterModel(psi, error, psi - reach, psi + reach, bias, inconsistency)


def sos_a(mean: np.ndarray, deviation: np.ndarray) -> float:
    """Hossfeld's a of SOS^2 = a(-x^2 + 6x - 5), by least squares over stimuli on the scale from 1 to 5.

    About .1 to .2 in careful picture studies; 1 where raters use only the ends of the scale.
    """
    known = np.isfinite(mean) & np.isfinite(deviation)
    most = -(mean[known] ** 2) + 6 * mean[known] - 5
    return float((most * deviation[known] ** 2).sum() / (most**2).sum()) if (most > 0).any() else np.nan
