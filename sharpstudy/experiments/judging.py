"""Scores of an experiment's students, and what is read off them: gains, and paired differences.

All intervals are the study's own: bootstrap over clips within categories, 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sharpstudy.evaluate import (
    CLEAN,
    DO_NOTHING,
    EvalSettings,
    FrameSet,
    clean_table,
    do_nothing,
    from_student,
    score_model,
)
from sharpstudy.evaluate.tables import clips_of
from sharpstudy.statistics import compare_seeds, holm
from sharpstudy.students import Student, count_parameters, macs_per_pixel

if TYPE_CHECKING:
    import pandas as pd

SIDE = 256  # of the busiest square of each frame, which is what is scored
COUNTED = 192  # pixels a side of the frame for which multiply-adds are counted: all students take it
METRICS = ("psnr", "ssim")
LEVEL = 0.95  # of the intervals, which the words follow


def eval_settings(side: int = SIDE) -> EvalSettings:
    """Squares of that side (0: whole frames), by PSNR and SSIM."""
    return EvalSettings(side=side, metrics=METRICS, brief_metrics=METRICS)


def score_student(
    student: Student,
    name: str,
    sets: Sequence[FrameSet],
    settings: EvalSettings,
    device: str = "cpu",
    recipe: str = "realtime",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """PSNR (dB) and SSIM of a student on every frame of the sets, as scores.csv has them."""
    model = from_student(student, recipe, "run", "student", name, device, context=settings.context)
    return score_model(model, sets, settings, progress)


def score_nothing(sets: Sequence[FrameSet], settings: EvalSettings) -> pd.DataFrame:
    """The scores of the degraded frames as they are."""
    return score_model(do_nothing(), sets, settings)


def size_of(student: Student) -> dict[str, float]:
    """Parameters and thousand multiply-adds per pixel of the form that ships."""
    counted = student.folded()
    kmac = macs_per_pixel(counted, COUNTED, COUNTED) / 1000
    return {"parameters": count_parameters(counted), "kmac_per_pixel": round(kmac, 4)}


def gain_facts(scores: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """A model's gains over doing nothing: over all conditions with intervals, and under each of them.

    `names` are its runs, one for each training seed. The mean over conditions is taken clip by clip, so that
    its interval is that of clips and seeds, not of conditions. Clean frames gain nothing; of them PSNR is
    given, mean (a frame left as it is counts as 100 dB) and worst.
    """
    clips = clips_of(scores)
    degraded = scores[scores["degradation"] != CLEAN]
    facts: dict[str, Any] = {"seeds": len(names)}
    for metric in METRICS:
        found = compare_seeds(degraded, clips, names, [DO_NOTHING], metric)
        facts |= {f"gain_{metric}": found.difference, f"gain_{metric}_low": found.low}
        facts |= {f"gain_{metric}_high": found.high}
    for condition in dict.fromkeys(degraded["degradation"]):
        for metric in METRICS:
            found = compare_seeds(degraded, clips, names, [DO_NOTHING], metric, condition)
            facts[f"{condition}_{metric}"] = found.difference
    return facts | clean_facts(scores, names)


def clean_facts(scores: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """What a model's runs leave of clean frames, in dB; nothing where they were not scored on any."""
    table = clean_table(scores[scores["model"].isin(list(names))], EvalSettings())
    if not len(table):
        return {}
    means = table[["psnr", "pooled"]].mean()
    return {"clean_psnr": means["psnr"], "clean_worst": table["worst"].min(), "clean_pooled": means["pooled"]}


def difference_table(scores: pd.DataFrame, runs: Mapping[str, Mapping[int, str]], base: str) -> pd.DataFrame:
    """Each model against the base over all degraded conditions: a row a model and metric, as verdicts.

    `runs` names the run of each model and training seed; seeds that both have are paired. The family that
    Holm adjusts is the models of one metric, since PSNR and SSIM are two views of one question.
    """
    import pandas as pd

    degraded, clips = scores[scores["degradation"] != CLEAN], clips_of(scores)
    own = runs.get(base, {})
    shared = {name: [seed for seed in seeds if seed in own] for name, seeds in runs.items() if name != base}
    rows: list[dict[str, Any]] = []
    for metric in METRICS:
        family = []
        for name, seeds in shared.items():
            if seeds:
                pairs = [runs[name][seed] for seed in seeds], [own[seed] for seed in seeds]
                family.append((name, compare_seeds(degraded, clips, *pairs, metric)))
        adjusted = holm([found.p_value for _, found in family])
        for (name, found), p_value in zip(family, adjusted, strict=True):
            word = found.word if p_value <= 1 - LEVEL else "no difference shown"
            rows.append(
                {**asdict(found), "model": name, "baseline": base, "word": word, "adjusted_p": p_value}
            )
    return pd.DataFrame(rows)
