"""Do the metrics see what people see: MOS against PSNR, SSIM, LPIPS over the same stimuli."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import least_squares

LEAST_STIMULI = 20  # for the logistic, which has four parameters
RESAMPLES = 500  # each fits a logistic anew, loosely: it moves the intervals little
SAME_MODEL = {"input": "do nothing", "unsharp": "tuned unsharp"}
"""What the tables of scores call systems that a study of people calls otherwise."""


class Logistic(NamedTuple):
    """y = bottom + (top - bottom) / (1 + exp(-(x - middle) / width)), on x as it is measured."""

    top: float
    bottom: float
    middle: float
    width: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        turn = np.clip((x - self.middle) / self.width, -60, 60)
        return self.bottom + (self.top - self.bottom) / (1 + np.exp(-turn))


def fit_logistic(metric: np.ndarray, mos: np.ndarray, tolerance: float = 1e-8) -> Logistic | None:
    """The four-parameter logistic that predicts MOS from a metric; None below 20 stimuli or without spread.

    As ITU-T's validations use before PLCC (VQEG). Its width is negative where less of the metric is better.
    """
    metric, mos = np.asarray(metric, float), np.asarray(mos, float)
    if len(metric) < LEAST_STIMULI or np.ptp(metric) == 0 or np.ptp(mos) == 0:
        return None
    centre, scale = metric.mean(), metric.std()
    sign = 1.0 if stats.spearmanr(metric, mos).statistic >= 0 else -1.0
    start = np.array([mos.max(), mos.min(), 0.0, np.log(0.5)])
    measured = (sign * (metric - centre) / scale, mos)
    found = least_squares(_rest, start, _slope, args=measured, method="lm", ftol=tolerance, max_nfev=400)
    top, bottom, middle, log_width = found.x
    width = np.exp(np.clip(log_width, -30, 30))
    return Logistic(float(top), float(bottom), centre + sign * middle * scale, float(sign * width * scale))


def _rest(guess: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return guess[1] + (guess[0] - guess[1]) * _rise(guess, x) - y


def _rise(guess: np.ndarray, x: np.ndarray) -> np.ndarray:
    turn = (x - guess[2]) / np.exp(np.clip(guess[3], -30, 30))
    return 1 / (1 + np.exp(-np.clip(turn, -60, 60)))


def _slope(guess: np.ndarray, x: np.ndarray, _: np.ndarray) -> np.ndarray:
    rise, width = _rise(guess, x), np.exp(np.clip(guess[3], -30, 30))
    steep = (guess[0] - guess[1]) * rise * (1 - rise)
    return np.stack([rise, 1 - rise, -steep / width, -steep * (x - guess[2]) / width], axis=1)


def join_scores(
    stimuli: pd.DataFrame, scores: pd.DataFrame, names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Stimuli beside their scores, one row per stimulus and metric, with `value`.

    A stimulus' content is the scores' frame or its file's stem, its system their model, or what `names` (or
    SAME_MODEL) calls it there. Infinite values, as of the reference against itself, are left out. The scores
    of one degradation must be chosen.
    """
    needed = ("model", "frame", "metric", "value")
    absent = [name for name in needed if name not in scores]
    if absent:
        raise ValueError(f"scores: expected the columns {', '.join(needed)}; {', '.join(absent)} is missing")
    known = set(stimuli["content"])
    frames = scores["frame"].astype(str).map(lambda name: name if name in known else PurePath(name).stem)
    finite = scores.assign(frame=frames)[np.isfinite(scores["value"].astype(float))]
    twice = finite[finite.duplicated(["model", "frame", "metric"])]
    if len(twice):
        row = twice.iloc[0]
        raise ValueError(
            f"scores: {row['metric']} of {row['model']!r} on {row['frame']!r} comes more than once; "
            "keep one degradation and one origin"
        )
    there = set(finite["model"])
    called = {here: other for here, other in SAME_MODEL.items() if here not in there} | dict(names or {})
    models = stimuli["system"].map(lambda name: called.get(name, name))
    left = stimuli.assign(model=models, frame=stimuli["content"])
    return left.merge(finite[list(needed)], on=["model", "frame"]).drop(columns=["model", "frame"])


def against_metrics(joined: pd.DataFrame, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row per criterion and metric: SROCC, KROCC, PLCC raw and after the logistic, with intervals.

    Intervals are percentiles of a bootstrap over contents, whole; the logistic is fitted anew in each
    resample. `stimuli` counts what both people and the metric judged. Below three no figure is given.
    """
    rows = []
    for (criterion, metric), part in joined.groupby(["criterion", "metric"], sort=True, observed=True):
        part = part.sort_values(["content", "system"])
        x, y = part["value"].to_numpy(float), part["mos"].to_numpy(float)
        found = _coefficients(x, y)
        drawn = _resampled(x, y, part["content"].to_numpy(), seed, resamples)
        row = {"criterion": criterion, "metric": metric, "stimuli": len(part)}
        row["contents"] = part["content"].nunique()
        for name, value, many in zip(NAMES, found, drawn.T, strict=True):
            known = many[np.isfinite(many)]
            enough = np.isfinite(value) and len(known) > len(many) / 2
            low, high = np.quantile(known, [0.025, 0.975]) if enough else (np.nan, np.nan)
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = ["criterion", "metric", "stimuli", "contents"]
    columns += [f"{name}{end}" for name in NAMES for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=columns)


NAMES = ("srocc", "krocc", "plcc", "plcc_logistic")


def _coefficients(x: np.ndarray, y: np.ndarray, tolerance: float = 1e-8) -> np.ndarray:
    """SROCC, KROCC (tau-b), PLCC, PLCC after the logistic; NaN where there is no such figure."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.full(4, np.nan)
    curve = fit_logistic(x, y, tolerance)
    fitted = np.corrcoef(curve(x), y)[0, 1] if curve and np.ptp(curve(x)) > 1e-12 else np.nan
    rank = np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1]
    return np.array([rank, stats.kendalltau(x, y).statistic, np.corrcoef(x, y)[0, 1], fitted])


def _resampled(x: np.ndarray, y: np.ndarray, contents: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """The coefficients (resample, 4) when whole contents are drawn anew."""
    rng = np.random.default_rng(seed)
    codes = pd.factorize(contents, sort=True)[0]
    places = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    if len(places) < 3:
        return np.full((resamples, 4), np.nan)
    drawn = rng.integers(0, len(places), (resamples, len(places)))
    chosen = (np.concatenate([places[code] for code in codes_drawn]) for codes_drawn in drawn)
    return np.array([_coefficients(x[rows], y[rows], 1e-5) for rows in chosen])


def curve_table(joined: pd.DataFrame, points: int = 60) -> pd.DataFrame:
    """The fitted logistic of each criterion and metric as points (value, mos) over the metric's range."""
    parts = []
    for (criterion, metric), part in joined.groupby(["criterion", "metric"], sort=True, observed=True):
        x = part["value"].to_numpy(float)
        curve = fit_logistic(x, part["mos"].to_numpy(float))
        if curve:
            along = np.linspace(x.min(), x.max(), points)
            line = {"criterion": criterion, "metric": metric, "value": along, "mos": curve(along)}
            parts.append(pd.DataFrame(line))
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["criterion", "metric", "value", "mos"])
    )
