"""How much is evaluated, and with which metrics: one frozen setting for each budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sharpstudy.metrics import CLIP_METRICS, FRAME_METRICS, METRICS

OWN_METRICS = (*FRAME_METRICS, "lpips", "dists")
BRIEF_METRICS = ("psnr", "ssim", "gmsd")


def _check(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name}: expected a whole number from {low} to {high}, got {value!r}")


@dataclass(frozen=True)
class EvalSettings:
    """What is judged of each model.

    side: the busiest square of so many pixels is scored of each frame, cut after its degradation and after it
    was restored with what it depends on around it; 0 scores whole frames. context: of a model that reads the
    whole frame, so many pixels around the square stand in for the rest. own_frames, clean_frames and
    cross_frames: how many on the model's own degradation, undegraded, and on each of the others'; 0 takes
    all. text_pages of page_width x page_height are read by tesseract, and clip_seconds of each clip judged
    for flicker; 0 takes none. metrics are those on the own degradation, brief_metrics those on the others and
    on clean frames. clean_floor: a model that leaves clean frames below so many dB, errors pooled, is
    flagged; busy squares make that stricter. workers: frames at once, 0 for one a core.
    """

    side: int = 0
    context: int = 64
    own_frames: int = 0
    clean_frames: int = 0
    cross_frames: int = 0
    text_pages: int = 24
    page_width: int = 640
    page_height: int = 360
    clip_seconds: float = 4.0
    metrics: tuple[str, ...] = OWN_METRICS
    brief_metrics: tuple[str, ...] = OWN_METRICS
    clean_floor: float = 30.0
    workers: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        counts = ("own_frames", "clean_frames", "cross_frames", "text_pages")
        for name in (*counts, "context", "workers", "seed"):
            _check(name, getattr(self, name), 0, 10**9)
        if self.side:
            _check("side", self.side, 32, 10**5)
        _check("page_width", self.page_width, 176, 8192)
        _check("page_height", self.page_height, 120, 8192)
        for name, low, high in (("clip_seconds", 0, 600), ("clean_floor", 0, 100)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ValueError(f"{name}: expected a number from {low} to {high}, got {value!r}")
        known = [name for name in METRICS if name not in (*CLIP_METRICS, "cer")]
        for name in (*self.metrics, *self.brief_metrics):
            if name not in known:
                raise ValueError(f"metrics: expected some of {', '.join(known)}, got {name!r}")
        if not self.metrics or not self.brief_metrics:
            raise ValueError("metrics: expected at least one, got none")


EVAL_BUDGETS: Mapping[str, EvalSettings] = MappingProxyType(
    {
        "quick": EvalSettings(
            side=176,
            own_frames=20,
            clean_frames=6,
            cross_frames=3,
            text_pages=4,
            page_width=320,
            page_height=176,
            clip_seconds=1.0,
            metrics=(*FRAME_METRICS, "lpips"),
            brief_metrics=BRIEF_METRICS,
        ),
        "full": EvalSettings(),
    }
)
"""`quick` fits two cores and two minutes for the whole study; `full` takes whole frames and all of them."""
