"""From rows of scores.csv to one value per clip: paired, complete, and finite, or an error that names what is
not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

Direction = Literal["higher", "lower"]

DIRECTIONS: dict[str, Direction] = {
    **dict.fromkeys(("psnr", "ssim", "psnr_y", "ssim_y", "ms_ssim", "detail", "mos"), "higher"),
    **dict.fromkeys(
        ("mse", "gmsd", "halo", "worsened", "lpips", "dists", "cer", "flicker", "still_noise"), "lower"
    ),
}
"""Which way each metric is better."""

SMALLEST_EFFECTS = {"psnr": 0.1, "psnr_y": 0.1, "ssim": 0.003, "ssim_y": 0.003, "mos": 0.2, "cer": 0.02}
"""The least difference that matters to someone who looks; smaller ones may be real, and are of no
interest."""

PSNR_CAP = 100.0
"""dB that a frame counts for at most: frames restored exactly have an infinite PSNR, which no mean
survives."""

COLUMNS = ("model", "degradation", "frame", "category", "metric", "value")
Clips = Mapping[str, str] | pd.Series


class Units(NamedTuple):
    """One row per clip, sorted: each model's mean over the clip's frames, and the clip's category."""

    values: pd.DataFrame
    categories: tuple[str, ...]
    frames: int


def direction_of(metric: str, direction: Direction | None = None) -> Direction:
    """Which way the metric is better: as told, or as DIRECTIONS says."""
    if direction is None and metric not in DIRECTIONS:
        raise ValueError(
            f"metric: expected one of {', '.join(DIRECTIONS)} or a direction with it, got {metric!r}"
        )
    found = DIRECTIONS[metric] if direction is None else direction
    if found not in ("higher", "lower"):
        raise ValueError(f"direction: expected 'higher' or 'lower', got {found!r}")
    return found


def collect_units(
    scores: pd.DataFrame, clips: Clips, models: Iterable[str], metric: str, degradation: str | None = None
) -> Units:
    """The values of all the models at exactly the same frames, averaged over each clip.

    `clips` maps a frame to its clip; a clip's own name stands for itself, as metrics of whole clips need.
    Without a degradation a clip's mean runs over all degradations that the scores hold.
    """
    models = list(dict.fromkeys(models))
    rows = _chosen(scores, models, metric, degradation)
    table = rows.pivot(index=["degradation", "frame"], columns="model", values="value")
    _refuse_gaps(table.reindex(columns=models), metric)
    table = table[models].astype(float)
    if metric.startswith("psnr"):
        table = table.clip(upper=PSNR_CAP)
    if not np.isfinite(table.to_numpy()).all():
        raise ValueError(f"{metric}: expected finite values, got an infinite one")
    frames = table.index.get_level_values("frame")
    clip = _clip_names(frames, clips)
    by_clip = table.groupby(clip, sort=True).mean()
    return Units(by_clip, _clip_categories(rows, clip, frames, by_clip.index), len(set(frames)))


def _chosen(scores: pd.DataFrame, models: list[str], metric: str, degradation: str | None) -> pd.DataFrame:
    """The rows of these models, this metric and degradation, at most one per model and frame."""
    absent = [name for name in COLUMNS if name not in scores.columns]
    if absent:
        raise ValueError(f"scores: expected the columns {', '.join(COLUMNS)}; {', '.join(absent)} is missing")
    rows = scores[(scores["metric"] == metric) & scores["model"].isin(models)]
    if degradation is not None:
        rows = rows[rows["degradation"] == degradation]
    for model in models:
        if not (rows["model"] == model).any():
            known = ", ".join(sorted(map(str, scores["model"].unique())))
            where = f" under {degradation!r}" if degradation is not None else ""
            raise ValueError(
                f"scores: no {metric} of the model {model!r}{where}; models with scores: {known}"
            )
    twice = rows[rows.duplicated(["model", "degradation", "frame"])]
    if len(twice):
        first = f"{metric} of {twice.iloc[0]['model']!r} on {twice.iloc[0]['frame']!r}"
        raise ValueError(
            f"scores: {len(twice)} rows come twice, first {first}; keep one recipe and origin a model"
        )
    return rows


def _refuse_gaps(table: pd.DataFrame, metric: str) -> None:
    """ValueError naming the frames that lack a score of one of the models."""
    for model in table.columns:
        gaps = table.index[table[model].isna()]
        if len(gaps):
            named = ", ".join(" / ".join(map(str, gap)) for gap in gaps[:5]) + (
                ", ..." if len(gaps) > 5 else ""
            )
            raise ValueError(
                f"{metric}: {model!r} has no value on {len(gaps)} of {len(table)} frames to be paired: "
                f"{named}; a mean over the others would compare different frames"
            )


def _clip_names(frames: pd.Index, clips: Clips) -> np.ndarray:
    mapping = pd.Series(clips, dtype=object)
    if mapping.index.has_duplicates:
        twice = mapping.index[mapping.index.duplicated()][0]
        raise ValueError(f"clips: expected each frame once, got {twice!r} more than once")
    own = set(mapping)
    names = [mapping.get(frame, frame if frame in own else None) for frame in frames]
    lost = sorted({str(frame) for frame, name in zip(frames, names, strict=True) if name is None})
    if lost:
        raise ValueError(f"clips: {len(lost)} frames belong to no clip, first {', '.join(lost[:5])}")
    return np.array(names, dtype=object)


def _clip_categories(
    rows: pd.DataFrame, clip: np.ndarray, frames: pd.Index, order: pd.Index
) -> tuple[str, ...]:
    clip_of = dict(zip(frames, clip, strict=True))
    kinds = rows.groupby(rows["frame"].map(clip_of))["category"].agg(
        lambda values: sorted(set(map(str, values)))
    )
    mixed = kinds[kinds.map(len) > 1]
    if len(mixed):
        raise ValueError(
            f"category: clip {mixed.index[0]!r} is in more than one category: {', '.join(mixed.iloc[0])}"
        )
    return tuple(kinds.loc[name][0] for name in order)
