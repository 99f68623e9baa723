"""Students against doing nothing and against their controls, on squares of the validation frames.

The best weights were chosen on some of these squares, for students and controls alike: these verdicts say
what a teacher changed. How good a student is, is for frames that nothing was chosen on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch

from sharpstudy.distill import Squares, choose_device, choose_squares, scores_of, validate
from sharpstudy.students import build_student
from sharpstudy.training.settings import RecipeTraining

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.statistics import Verdict

SIDE = {"quick": 128, "full": 256}  # pixels of the square out of every validation frame
DO_NOTHING = "do nothing"
AGAINST = {
    DO_NOTHING: "doing nothing",
    "no-teacher": "the same student without a teacher",
    "random-teacher": "the same student taught by random weights",
}
METRICS = {"psnr": ("PSNR", "dB", 2), "ssim": ("SSIM", "", 4)}
FEWEST_CLIPS = 2
LEVEL = 0.95  # of the intervals, which the words follow


def squares_of(trained: RecipeTraining, most: int | None = None) -> Squares:
    """One square of every validation frame, or of at most so many, as the student reads them."""
    store = trained.report.validation
    reads = build_student(trained.recipe.student.name, **trained.recipe.student.arguments).reads
    return choose_squares(store, most or len(store), SIDE[trained.budget], reads)


def score_runs(trained: RecipeTraining, device: str = "auto") -> pd.DataFrame:
    """PSNR (dB, at most distill.CAP) and SSIM of every run and of doing nothing on each square.

    Columns as in scores.csv, and clip.
    """
    import pandas as pd

    squares, place = squares_of(trained), torch.device(choose_device(device))
    rows = list(_rows(trained, squares, DO_NOTHING, "baseline", squares.degraded))
    for run in trained.runs:
        network = run.result.network
        restored = validate(network.to(place), squares, place).restored
        network.to("cpu")
        rows += _rows(trained, squares, run.name, run.role, restored)
    return pd.DataFrame(rows)


def judge_runs(trained: RecipeTraining, scores: pd.DataFrame) -> list[Verdict]:
    """The student against doing nothing and each control, and controls against doing nothing.

    By PSNR and SSIM, over clips and, where there are several, seeds; nothing where there is but one clip.
    The primary question, named before looking, is PSNR against the student without a teacher, or against
    doing nothing where there is none; the words of all others are Holm's.
    """
    from sharpstudy.statistics import compare_seeds, holm

    clips = dict(zip(scores["frame"], scores["clip"], strict=True))
    if len(set(clips.values())) < FEWEST_CLIPS:
        return []
    names = {model: [run.name for run in runs] for model, runs in trained.models.items()}
    names[DO_NOTHING] = [DO_NOTHING]
    controls = [model for model in names if model not in ("student", DO_NOTHING)]
    asked = [("student", DO_NOTHING), *(("student", one) for one in controls)]
    asked += [(one, DO_NOTHING) for one in controls]
    primary = ("student", "no-teacher" if "no-teacher" in names else DO_NOTHING, "psnr")
    verdicts = {
        (model, baseline, metric): compare_seeds(scores, clips, names[model], names[baseline], metric)
        for model, baseline in asked
        for metric in METRICS
    }
    others = [question for question in verdicts if question != primary]
    values = holm([verdicts[question].p_value for question in others])
    for question, value in zip(others, values, strict=True):
        word = verdicts[question].word if value <= 1 - LEVEL else "no difference shown"
        verdicts[question] = replace(verdicts[question], word=word, adjusted_p=float(value))
    return list(verdicts.values())


def verdict_words(verdict: Verdict) -> str:
    """A verdict as a sentence for readers of the notebook."""
    name, unit, digits = METRICS[verdict.metric]
    model, baseline = (_model(words) for words in (verdict.model, verdict.baseline))
    figures = [f"{value:+.{digits}f}" for value in (verdict.difference, verdict.low, verdict.high)]
    seeds = f" and {verdict.seeds} seeds" if verdict.seeds > 1 else ", one seed"
    who = "the student" if model == "student" else AGAINST[model]
    return (
        f"{name} of {who} against {AGAINST[baseline]}: {verdict.word}, {figures[0]}{unit and ' ' + unit}"
        f" [{figures[1]}, {figures[2]}] over {verdict.clips} clips{seeds}"
        + (" (a pilot: too few for a firm word)" if verdict.pilot else "")
    )


def verdict_table(trained: RecipeTraining, verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row for each verdict; `against` is the model that the student or control is held against."""
    import pandas as pd

    from sharpstudy.statistics import Verdict

    start = {"recipe": trained.recipe.name, "budget": trained.budget}
    rows = [
        {**start, "of": _model(one.model), "against": _model(one.baseline), **asdict(one)} for one in verdicts
    ]
    facts = [
        name for name in Verdict.__dataclass_fields__ if name not in ("model", "baseline", "degradation")
    ]
    return pd.DataFrame(rows, columns=[*start, "of", "against", *facts])


def difference_table(trained: RecipeTraining, scores: pd.DataFrame) -> pd.DataFrame:
    """The student's PSNR above each rival's, a row for each clip: against, clip, category, value in dB.

    Means over the seeds and over the frames of a clip.
    """
    import pandas as pd

    wanted = scores[scores["metric"] == "psnr"]
    model = wanted["model"].map({run.name: run.model for run in trained.runs}).fillna(wanted["model"])
    means = wanted.groupby(["clip", "category", model])["value"].mean().unstack()
    parts = [
        (means["student"] - means[rival]).rename("value").reset_index().assign(against=rival)
        for rival in AGAINST
        if rival in means
    ]
    return pd.concat(parts, ignore_index=True)


def _rows(
    trained: RecipeTraining, squares: Squares, model: str, role: str, frames: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    entries = trained.report.validation.entries
    origin = "none" if role == "baseline" else "run"
    values = dict(zip(METRICS, scores_of(squares.references, frames), strict=True))
    for metric, scores in values.items():
        for entry, value in zip(entries, scores, strict=True):
            yield {
                "model": model,
                "role": role,
                "recipe": trained.recipe.name,
                "origin": origin,
                "degradation": "validation",
                "frame": entry.name,
                "clip": entry.clip,
                "category": entry.category,
                "metric": metric,
                "value": value,
            }


def _model(names: str) -> str:
    """The model of "student, student-1"."""
    first = names.split(", ")[0]
    return next((model for model in ("student", *AGAINST) if first == model), first)
