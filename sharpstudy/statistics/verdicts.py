"""Paired comparisons in words: better, worse, or no difference shown, with the interval that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sharpstudy.statistics.pairing import SMALLEST_EFFECTS, Clips, Direction, collect_units, direction_of
from sharpstudy.statistics.resampling import RESAMPLES, resample, resample_seeds

Word = Literal["better", "worse", "no difference shown"]
LEVEL = 0.95
PILOT_CLIPS, PILOT_PER_CATEGORY, PILOT_SEEDS = 100, 20, 3


@dataclass(frozen=True)
class Verdict:
    """The answer to one comparison. Differences are model minus baseline in the metric's unit, one per clip.

    low and high bound the mean difference at 95 %, for this comparison alone; adjusted_p is p_value after
    Holm within the family, and the word follows it. share_improved and worst_5 (the difference that the worst
    5 % of clips do not reach) are over clips. matters says where the interval lies against the smallest
    effect of interest. pilot: fewer than 100 clips, than 20 in a category, or than 3 seeds.
    """

    model: str
    baseline: str
    metric: str
    degradation: str | None
    word: Word
    difference: float
    low: float
    high: float
    frames: int
    clips: int
    seeds: int
    p_value: float
    adjusted_p: float
    share_improved: float
    worst_5: float
    matters: Literal["yes", "no", "unclear", "no threshold"]
    pilot: bool

    def __str__(self) -> str:
        return (
            f"{self.model} against {self.baseline}, {self.metric}: {self.word}, "
            f"{self.difference:+.3g} [{self.low:+.3g}, {self.high:+.3g}], {self.clips} clips"
            + (" (pilot)" if self.pilot else "")
        )


def compare(
    scores: pd.DataFrame,
    clips: Clips,
    model: str,
    baseline: str,
    metric: str,
    degradation: str | None = None,
    *,
    direction: Direction | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Verdict:
    """The verdict of one comparison that stands alone; `verdict_table` serves a family of them."""
    models, baselines = [model], [baseline]
    return compare_seeds(
        scores,
        clips,
        models,
        baselines,
        metric,
        degradation,
        direction=direction,
        seed=seed,
        resamples=resamples,
    )


def compare_seeds(
    scores: pd.DataFrame,
    clips: Clips,
    models: Sequence[str],
    baselines: Sequence[str],
    metric: str,
    degradation: str | None = None,
    *,
    direction: Direction | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Verdict:
    """The verdict over several training seeds, resampling seeds and clips.

    `models` names one model per seed; `baselines` one per seed in the same order, or a single one for all.
    """
    sign = 1 if direction_of(metric, direction) == "higher" else -1
    table, categories, frames = paired_differences(scores, clips, models, baselines, metric, degradation)
    if len(table) == 1:
        result = resample(table[0], categories, seed, resamples)
    else:
        result = resample_seeds(table, categories, seed, resamples)
    low, high = result.interval(LEVEL)
    p_value = result.p_value()
    gains = sign * table.mean(axis=0)
    return Verdict(
        model=", ".join(models),
        baseline=", ".join(dict.fromkeys(baselines)),
        metric=metric,
        degradation=degradation,
        word=_word(p_value, sign * result.mean),
        difference=result.mean,
        low=low,
        high=high,
        frames=frames,
        clips=len(categories),
        seeds=len(table),
        p_value=p_value,
        adjusted_p=p_value,
        share_improved=float((gains > 0).mean()),
        worst_5=float(sign * np.quantile(gains, 0.05)),
        matters=_matters(metric, low, high),
        pilot=is_pilot(categories) or 1 < len(table) < PILOT_SEEDS,
    )


def paired_differences(
    scores: pd.DataFrame,
    clips: Clips,
    models: Sequence[str],
    baselines: Sequence[str],
    metric: str,
    degradation: str | None,
) -> tuple[np.ndarray, tuple[str, ...], int]:
    """The differences (seed, clip), the clips' categories and the number of frames."""
    if not models or len(baselines) not in (1, len(models)) or len(set(models)) < len(models):
        raise ValueError(
            f"models: expected different names and one baseline for all or one each, got {list(models)} "
            f"against {list(baselines)}"
        )
    if set(models) & set(baselines):
        raise ValueError(f"baseline: expected another model than {sorted(set(models) & set(baselines))}")
    units = collect_units(scores, clips, [*models, *baselines], metric, degradation)
    firsts = units.values[list(models)].to_numpy().T
    seconds = units.values[list(baselines)].to_numpy().T
    return firsts - seconds, units.categories, units.frames


def _word(p_value: float, gain: float) -> Word:
    if p_value > 1 - LEVEL or gain == 0:
        return "no difference shown"
    return "better" if gain > 0 else "worse"


def _matters(metric: str, low: float, high: float) -> Literal["yes", "no", "unclear", "no threshold"]:
    effect = SMALLEST_EFFECTS.get(metric)
    if effect is None:
        return "no threshold"
    if low >= effect or high <= -effect:
        return "yes"
    return "no" if -effect < low and high < effect else "unclear"


def is_pilot(categories: Sequence[str]) -> bool:
    return len(categories) < PILOT_CLIPS or min(Counter(categories).values()) < PILOT_PER_CATEGORY
