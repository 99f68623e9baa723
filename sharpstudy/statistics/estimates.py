"""The mean of one model with its interval, and the equivalence of two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from sharpstudy.statistics.pairing import SMALLEST_EFFECTS, Clips, collect_units
from sharpstudy.statistics.resampling import RESAMPLES, equivalence_p, resample
from sharpstudy.statistics.verdicts import LEVEL, is_pilot, paired_differences


@dataclass(frozen=True)
class Estimate:
    """The mean of one model's scores over clips with its 95 % interval."""

    model: str
    metric: str
    degradation: str | None
    mean: float
    low: float
    high: float
    frames: int
    clips: int
    pilot: bool


@dataclass(frozen=True)
class Equivalence:
    """Whether two models are closer than the margin, by two one-sided tests at 5 %; low to high is 90 %."""

    model: str
    baseline: str
    metric: str
    margin: float
    word: Literal["equivalent", "equivalence not shown"]
    difference: float
    low: float
    high: float
    p_value: float
    clips: int
    pilot: bool


def estimate(
    scores: pd.DataFrame,
    clips: Clips,
    model: str,
    metric: str,
    degradation: str | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The mean of a model's clips with its interval, PSNR counted as at most 100 dB a frame."""
    units = collect_units(scores, clips, [model], metric, degradation)
    result = resample(units.values[model].to_numpy(), units.categories, seed, resamples)
    low, high = result.interval(LEVEL)
    pilot = is_pilot(units.categories)
    return Estimate(
        model, metric, degradation, result.mean, low, high, units.frames, len(units.values), pilot
    )


def equivalent(
    scores: pd.DataFrame,
    clips: Clips,
    model: str,
    baseline: str,
    metric: str,
    degradation: str | None = None,
    *,
    margin: float | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Equivalence:
    """Whether two models are as good as equal.

    "Close to the teacher" needs this: a difference that was not shown may only lack data. The margin is the
    metric's smallest effect of interest unless another is given.
    """
    if margin is None and metric not in SMALLEST_EFFECTS:
        raise ValueError(f"margin: expected one for {metric!r}, which has no smallest effect of interest")
    margin = SMALLEST_EFFECTS[metric] if margin is None else margin
    table, categories, _ = paired_differences(scores, clips, [model], [baseline], metric, degradation)
    result = resample(table[0], categories, seed, resamples)
    p_value = equivalence_p(result, margin)
    word = "equivalent" if p_value <= 1 - LEVEL else "equivalence not shown"
    low, high = result.interval(2 * LEVEL - 1)
    return Equivalence(
        model,
        baseline,
        metric,
        margin,
        word,
        result.mean,
        low,
        high,
        p_value,
        len(categories),
        is_pilot(categories),
    )
