"""The gate: a teacher is believed only when it beats doing nothing on the recipe's own validation pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sharpstudy.baselines import Unsharp, tune_unsharp
from sharpstudy.data.pairs import Pair, PairStore
from sharpstudy.teachers.loading import TeacherError
from sharpstudy.teachers.teacher import Teacher

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.statistics import Verdict

Role = Literal["teacher", "control"]
Pairs = PairStore | Sequence[Pair]
DO_NOTHING, UNSHARP, TEACHER = "do nothing", "tuned unsharp", "teacher"
METRICS = ("psnr", "ssim")


class TeacherRefused(TeacherError):  # noqa: N818 - it is an answer, not a mishap
    """A teacher that did not beat doing nothing; the text gives the figures, `result` holds them."""

    def __init__(self, result: GateResult) -> None:
        super().__init__(str(result))
        self.result = result


@dataclass(frozen=True, eq=False)
class GateResult:
    """How a teacher did against doing nothing and against the tuned unsharp mask, with paired intervals.

    `gains` holds the verdicts against doing nothing, `over_unsharp` those against the mask, `means` the mean
    score of each of the three, all by metric: RGB PSNR in dB and SSIM of 8-bit frames. Differences are
    resampled by clip.
    """

    teacher: str
    weights: str
    role: Role
    unsharp: Unsharp
    gains: dict[str, Verdict]
    over_unsharp: dict[str, Verdict]
    means: dict[str, dict[str, float]]
    scores: pd.DataFrame  # one row for each model, frame and metric, as in scores.csv

    @property
    def passed(self) -> bool:
        """Whether PSNR beats doing nothing beyond the interval, and SSIM is not shown to be worse."""
        return self.gains["psnr"].low > 0 and self.gains["ssim"].word != "worse"

    def __str__(self) -> str:
        psnr, ssim = self.gains["psnr"], self.gains["ssim"]
        db = self.means["psnr"]
        word = "passes" if self.passed else "is refused" if self.role == "teacher" else "does not pass"
        levels = ", ".join(f"{model} {db[model]:.2f} dB" for model in (DO_NOTHING, UNSHARP, TEACHER))
        return (
            f"{self.role} {self.teacher!r} ({self.weights}) {word}: gain over doing nothing"
            f" {psnr.difference:+.3f} dB [{psnr.low:+.3f}, {psnr.high:+.3f}],"
            f" SSIM {ssim.difference:+.4f} [{ssim.low:+.4f}, {ssim.high:+.4f}],"
            f" n = {psnr.frames} pairs of {psnr.clips} clips; {levels};"
            f" against the mask: {self.over_unsharp['psnr'].word}"
        )


def judge_teacher(
    restored: Iterable[np.ndarray],
    pairs: Pairs,
    unsharp: Unsharp,
    teacher: str = TEACHER,
    weights: str = "stored",
    role: Role = "teacher",
    seed: int = 0,
) -> GateResult:
    """What a teacher's restored frames are worth: uint8 HxWx3, one for each pair, in the pairs' order."""
    import pandas as pd

    from sharpstudy.statistics import compare

    pairs = _listed(pairs)
    clips = {pair.name: pair.clip for pair in pairs}
    count = len(set(clips.values()))
    if count < 2:
        raise ValueError(f"gate of {teacher!r}: expected pairs of at least 2 clips, got {count}")
    rows = [row for pair, frame in zip(pairs, restored, strict=True) for row in _rows(pair, frame, unsharp)]
    scores = pd.DataFrame(rows)
    values = scores.groupby(["metric", "model"])["value"].mean()
    means = {metric: values[metric].to_dict() for metric in METRICS}
    gains, over = (
        {metric: compare(scores, clips, TEACHER, baseline, metric, seed=seed) for metric in METRICS}
        for baseline in (DO_NOTHING, UNSHARP)
    )
    return GateResult(teacher, weights, role, unsharp, gains, over, means, scores)


def gate_teacher(teacher: Teacher, pairs: Pairs, unsharp: Unsharp | None = None, seed: int = 0) -> GateResult:
    """The result of a teacher that passes, or of a control whatever it does; TeacherRefused otherwise.

    `pairs` are the recipe's own validation pairs; the unsharp mask is tuned on them unless it is given.
    """
    pairs = _listed(pairs)
    mask = tuned_on(pairs) if unsharp is None else unsharp
    restored = (restore_pair(teacher, pair) for pair in pairs)
    result = judge_teacher(restored, pairs, mask, teacher.name, teacher.weights, teacher.role, seed)
    if not result.passed and result.role == "teacher":
        raise TeacherRefused(result)
    return result


def tuned_on(pairs: Pairs) -> Unsharp:
    """The unsharp mask that suits these pairs best."""
    return tune_unsharp([(pair.degraded, pair.reference) for pair in _listed(pairs)])


def restore_pair(teacher: Teacher, pair: Pair) -> np.ndarray:
    """The pair's degraded frame as the teacher restores it, from the stored small frame where that fits."""
    small = pair.small if pair.small is not None and teacher.reads(pair.small, pair.degraded) else None
    return teacher.restore(np.asarray(pair.degraded), small)


def _listed(pairs: Pairs) -> Sequence[Pair]:
    return [pairs.pair(index) for index in range(len(pairs))] if isinstance(pairs, PairStore) else pairs


def _rows(pair: Pair, restored: np.ndarray, unsharp: Unsharp) -> Iterator[dict[str, object]]:
    from sharpstudy.metrics import PSNR_CAP, psnr, ssim

    reference, degraded = np.asarray(pair.reference), np.asarray(pair.degraded)
    place = {"degradation": "validation", "frame": pair.name, "category": pair.category}
    frames = {DO_NOTHING: degraded, UNSHARP: unsharp.restore(degraded), TEACHER: restored}
    for model, frame in frames.items():
        for metric, score in (("psnr", psnr), ("ssim", ssim)):
            value = min(score(reference, frame), PSNR_CAP)
            yield {**place, "model": model, "metric": metric, "value": value}
