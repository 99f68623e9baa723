"""Many comparisons at once: the declared family, Holm's adjustment, and the table of verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import NamedTuple

import pandas as pd

from sharpstudy.statistics.pairing import Clips
from sharpstudy.statistics.resampling import RESAMPLES, holm
from sharpstudy.statistics.verdicts import LEVEL, Verdict, compare


class Comparison(NamedTuple):
    """One question: is `model` better than `baseline` by this metric, under one degradation or (None) all."""

    model: str
    baseline: str
    metric: str
    degradation: str | None = None


def verdict_table(
    scores: pd.DataFrame,
    clips: Clips,
    family: Iterable[Comparison],
    *,
    primary: Comparison | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """One row per comparison with the fields of Verdict; words and adjusted_p are Holm's within the family.

    The one primary comparison, named before looking, is not adjusted. A metric whose every value is missing
    (its weights or program are absent) gives rows with the word `unavailable`, which do not count in the
    family.
    """
    family = list(dict.fromkeys(Comparison(*comparison) for comparison in family))
    if primary is not None and primary not in family:
        raise ValueError(f"primary: expected a comparison of the family, got {primary}")
    empty = set(scores["metric"]) - set(scores.loc[scores["value"].notna(), "metric"])
    verdicts = {
        asked: compare(scores, clips, *asked, seed=seed, resamples=resamples)
        for asked in family
        if asked.metric not in empty
    }
    secondary = [asked for asked in verdicts if asked != primary]
    for asked, adjusted in zip(secondary, holm([verdicts[each].p_value for each in secondary]), strict=True):
        verdicts[asked] = _adjusted(verdicts[asked], float(adjusted))
    rows = [asdict(verdicts[asked]) if asked in verdicts else _unavailable(asked) for asked in family]
    return pd.DataFrame(rows, columns=list(Verdict.__dataclass_fields__))


def comparisons(
    models: Iterable[str],
    baselines: Iterable[str],
    metrics: Iterable[str],
    degradations: Iterable[str | None] = (None,),
) -> list[Comparison]:
    """The family of every model against every other baseline, by every metric, under every degradation."""
    models, baselines, metrics = list(models), list(baselines), list(metrics)
    return [
        Comparison(model, baseline, metric, degradation)
        for degradation in degradations
        for metric in metrics
        for model in models
        for baseline in baselines
        if model != baseline
    ]


def _adjusted(verdict: Verdict, adjusted_p: float) -> Verdict:
    """The verdict with the family's p value; a difference that no longer stands loses its word."""
    word = verdict.word if adjusted_p <= 1 - LEVEL else "no difference shown"
    return replace(verdict, adjusted_p=adjusted_p, word=word)


def _unavailable(asked: Comparison) -> dict[str, object]:
    return {**asked._asdict(), "word": "unavailable"}
