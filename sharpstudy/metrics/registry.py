"""The closed list of metrics: what each is called, its unit, which way is better, and where it applies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sharpstudy.metrics.fidelity import mse, psnr, psnr_y, worsened
from sharpstudy.metrics.flicker import clip_flicker
from sharpstudy.metrics.inputs import Unavailable, check_pair
from sharpstudy.metrics.perceptual import dists, lpips
from sharpstudy.metrics.readability import cer
from sharpstudy.metrics.sharpness import detail, halo
from sharpstudy.metrics.structure import MS_SSIM_SIDE, gmsd, ms_ssim, ssim, ssim_y

Score = float | Unavailable
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Pair:
    """One restored frame and what its metrics may need; text is what the reference says, crop serves *_y."""

    reference: np.ndarray
    restored: np.ndarray
    degraded: np.ndarray | None = None
    text: str | None = None
    crop: int = 0


@dataclass(frozen=True)
class Metric:
    """One metric as tables name it; `score` is None for those of whole clips."""

    name: str
    label: str
    unit: str
    direction: Direction
    applies: Literal["frame", "text", "clip"]
    score: Callable[[Pair], Score] | None = None


def _ms_ssim(pair: Pair) -> Score:
    if min(pair.reference.shape[:2]) < MS_SSIM_SIDE:
        return Unavailable(f"five scales need {MS_SSIM_SIDE} pixels a side")
    return ms_ssim(pair.reference, pair.restored)


def _worsened(pair: Pair) -> Score:
    if pair.degraded is None:
        return Unavailable("needs the degraded frame")
    return worsened(pair.reference, pair.restored, pair.degraded)


def _cer(pair: Pair) -> Score:
    return (
        Unavailable("the frame's text is not known") if pair.text is None else cer(pair.restored, pair.text)
    )


def _of_two(function: Callable[[np.ndarray, np.ndarray], Score]) -> Callable[[Pair], Score]:
    return lambda pair: function(pair.reference, pair.restored)


def _of_luma(function: Callable[[np.ndarray, np.ndarray, int], float]) -> Callable[[Pair], Score]:
    return lambda pair: function(pair.reference, pair.restored, pair.crop)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", "dB", "higher", "frame", _of_two(psnr)),
        Metric("ssim", "SSIM", "", "higher", "frame", _of_two(ssim)),
        Metric("psnr_y", "PSNR on Y", "dB", "higher", "frame", _of_luma(psnr_y)),
        Metric("ssim_y", "SSIM on Y", "", "higher", "frame", _of_luma(ssim_y)),
        Metric("mse", "MSE", "levels²", "lower", "frame", _of_two(mse)),
        Metric("ms_ssim", "MS-SSIM", "", "higher", "frame", _ms_ssim),
        Metric("gmsd", "GMSD", "", "lower", "frame", _of_two(gmsd)),
        Metric("detail", "detail returned", "share", "higher", "frame", _of_two(detail)),
        Metric("halo", "overshoot at edges", "share", "lower", "frame", _of_two(halo)),
        Metric("worsened", "pixels made worse", "share", "lower", "frame", _worsened),
        Metric("lpips", "LPIPS (squeeze)", "", "lower", "frame", _of_two(lpips)),
        Metric("dists", "DISTS", "", "lower", "frame", _of_two(dists)),
        Metric("cer", "character error rate", "share", "lower", "text", _cer),
        Metric("flicker", "flicker", "levels", "lower", "clip"),
        Metric("still_noise", "noise of still places over the input's", "×", "lower", "clip"),
    )
}

PERCEPTUAL_METRICS = ("lpips", "dists")
TEXT_METRICS = ("cer",)
CLIP_METRICS = ("flicker", "still_noise")
FRAME_METRICS = tuple(
    name for name in METRICS if name not in PERCEPTUAL_METRICS + TEXT_METRICS + CLIP_METRICS
)
"""The metrics of one frame that need neither weights nor a system program."""


def score_frame(
    reference: np.ndarray,
    restored: np.ndarray,
    degraded: np.ndarray | None = None,
    names: Sequence[str] = FRAME_METRICS,
    *,
    text: str | None = None,
    crop: int = 0,
) -> dict[str, Score]:
    """The named scores of one restored uint8 frame, each a number or the reason why there is none.

    `degraded` serves `worsened`, `text` (what the reference says) serves `cer`, and `crop` takes that many
    border pixels from `psnr_y` and `ssim_y` alone.
    """
    check_pair(reference, restored)
    if degraded is not None:
        check_pair(reference, degraded, "degraded")
    pair = Pair(reference, restored, degraded, text, crop)
    return {name: _named(name, "frame").score(pair) for name in names}


def score_clip(
    references: Iterable[np.ndarray],
    restored: Iterable[np.ndarray],
    degraded: Iterable[np.ndarray] | None = None,
    names: Sequence[str] = CLIP_METRICS,
) -> dict[str, Score]:
    """The named scores of one restored clip; the clips are read once, in step."""
    for name in names:
        _named(name, "clip")
    result = clip_flicker(references, restored, degraded)
    scores: dict[str, Score] = {"flicker": result.error, "still_noise": result.still_noise}
    return {name: scores[name] for name in names}


def _named(name: str, kind: Literal["frame", "clip"]) -> Metric:
    """The metric of that name, which must score whole clips for kind `clip` and single frames otherwise."""
    known = [metric.name for metric in METRICS.values() if (metric.applies == "clip") == (kind == "clip")]
    if name not in known:
        raise ValueError(f"metric: expected one of {', '.join(known)} for a {kind}, got {name!r}")
    return METRICS[name]
