"""Scores into verdicts: each model against what it has to beat, and a flag on every one that harms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sharpstudy.evaluate.conditions import degradation_name
from sharpstudy.evaluate.frames import CLEAN
from sharpstudy.evaluate.models import DO_NOTHING, UNSHARP, Control, model_name
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.evaluate.tables import clean_table, clips_of, same_frames
from sharpstudy.recipes import RECIPES, load_recipe

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.statistics import Comparison

FAMILIES = ("primary", "own", "cross")
PRIMARY = ("psnr", "ssim")
SECONDARY = ("psnr", "ssim", "lpips", "gmsd", "cer", "flicker")
WHO = ("model", "role", "recipe", "origin")
FACTS = (
    "word",
    "difference",
    "low",
    "high",
    "frames",
    "clips",
    "p_value",
    "adjusted_p",
    "share_improved",
    "worst_5",
    "matters",
    "pilot",
)
COLUMNS = (*WHO, "family", "against", "baseline", "metric", "degradation", *FACTS, "harmful", "reason")
WORSE, UNCLEAN = "worse than doing nothing", "harms clean frames"


@dataclass(frozen=True)
class Judged:
    """One model as scores know it, with the degradation that it was made for."""

    model: str
    role: str
    recipe: str
    origin: str
    own: str


def judge(
    scores: pd.DataFrame,
    own: Mapping[str, str] | None = None,
    settings: EvalSettings | None = None,
    roles: Sequence[str] = ("student", "control"),
) -> pd.DataFrame:
    """The verdicts of all models of these roles, one row a comparison, Holm's adjustment within each family.

    A model has three families. "primary", named before looking: PSNR and SSIM on RGB against doing nothing,
    on the degradation that its recipe undoes (`own` says which; of shipped recipes it is known). "own": every
    other metric and rival there. "cross": against doing nothing on the other degradations. harmful and reason
    stand on all rows of a model that is worse than doing nothing by a primary verdict, or that leaves clean
    frames below the settings' clean_floor.
    """
    import pandas as pd

    settings = settings or EvalSettings()
    places = own_degradations(scores) | dict(own or {})
    clean = clean_table(scores, settings)
    rows: list[dict[str, Any]] = []
    for one in _judged(scores, places, roles):
        shared = same_frames(scores, one.model)
        found = [row for family in FAMILIES for row in _family(shared, one, family, settings)]
        harmful, reason = _harm(found, clean[clean["model"] == one.model], settings)
        rows += [{**row, "harmful": harmful, "reason": reason} for row in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def flags(verdicts: pd.DataFrame) -> dict[str, str]:
    """Why each harmful model is harmful; a table or figure that shows one of these shows this too."""
    harmful = verdicts[verdicts["harmful"] != ""]
    return dict(zip(harmful["model"], harmful["harmful"] + ": " + harmful["reason"], strict=True))


def own_degradations(scores: pd.DataFrame) -> dict[str, str]:
    """The degradation that each shipped recipe in the scores undoes, by name."""
    return {name: degradation_name(load_recipe(name)) for name in RECIPES if (scores["recipe"] == name).any()}


def _judged(scores: pd.DataFrame, places: Mapping[str, str], roles: Sequence[str]) -> Iterator[Judged]:
    known = scores[list(WHO)].drop_duplicates()
    known = known[known["role"].isin(list(roles)) & (known["model"] != DO_NOTHING)]
    for who in known.itertuples(index=False):
        if who.recipe not in places:
            raise ValueError(
                f"own: expected the degradation that {who.model!r} undoes (recipe {who.recipe!r}), got none"
            )
        yield Judged(*who, places[who.recipe])


def _family(
    scores: pd.DataFrame, one: Judged, family: str, settings: EvalSettings
) -> Iterator[dict[str, Any]]:
    """The verdicts of one family, adjusted for their number; none where there are fewer than two clips."""
    from sharpstudy.statistics import Comparison, verdict_table

    asked = {
        Comparison(one.model, baseline, metric, degradation): against
        for against, baseline, metric, degradation in _questions(scores, one, family)
    }
    whole = {question: _complete(scores, question) for question in asked}
    answered = [question for question, complete in whole.items() if complete]
    table = verdict_table(scores, clips_of(scores), answered, seed=settings.seed)
    found = dict(zip(answered, table.to_dict("records"), strict=True))
    who = {name: getattr(one, name) for name in WHO}
    for question, against in asked.items():
        unavailable = {**question._asdict(), "word": "unavailable"}
        yield {**found.get(question, unavailable), **who, "family": family, "against": against}


def _questions(scores: pd.DataFrame, one: Judged, family: str) -> Iterator[tuple[str, str, str, str]]:
    """Against whom, the model that stands for it, by which metric, and under which degradation."""
    there = scores.loc[scores["model"] == one.model, "degradation"].unique()
    places = [name for name in there if name not in (one.own, CLEAN)] if family == "cross" else [one.own]
    for degradation in places:
        for against, baseline in _rivals(scores, one, degradation).items():
            for metric in SECONDARY if family == "own" else PRIMARY:
                first = baseline == DO_NOTHING and metric in PRIMARY
                wanted = not first if family == "own" else first
                if wanted and _comparable(scores, (one.model, baseline), metric, degradation):
                    yield against, baseline, metric, degradation


def _rivals(scores: pd.DataFrame, one: Judged, degradation: str) -> dict[str, str]:
    """What a model is compared with, in words, and the model that stands for it."""
    there = scores.loc[scores["degradation"] == degradation, list(WHO)].drop_duplicates()
    there = there[there["model"] != one.model]
    baselines = there.loc[there["role"] == "baseline", "model"].tolist()
    rivals = {"do nothing": DO_NOTHING, "tuned unsharp": UNSHARP}
    rivals = {word: name for word, name in rivals.items() if name in baselines}
    rivals |= {name: name for name in baselines if name not in rivals.values()}
    if one.recipe:
        own = there[there["recipe"] == one.recipe]
        teachers = own.loc[own["role"] == "teacher", "model"].tolist()
        rivals |= {"teacher" if len(teachers) == 1 else f"teacher {name}": name for name in teachers}
        if one.role == "student":
            names = {c: _control_of(one, c) for c in ("no-teacher", "random-teacher")}
            rivals |= {f"{c} control": name for c, name in names.items() if name in own["model"].tolist()}
    return rivals


def _control_of(one: Judged, control: Control) -> str:
    """The name of a student's control of the same training seed: only these two started and learned alike."""
    seed = one.model.removeprefix(model_name(one.recipe, one.origin)).strip()
    name = model_name(one.recipe, one.origin, control)
    return f"{name}-{seed}" if seed.isdecimal() else name


def _comparable(scores: pd.DataFrame, models: tuple[str, str], metric: str, degradation: str) -> bool:
    """Whether both models have rows for it, on at least two clips, be there values in them or not."""
    rows = scores[(scores["metric"] == metric) & (scores["degradation"] == degradation)]
    return all(rows.loc[rows["model"] == model, "clip"].nunique() > 1 for model in models)


def _complete(scores: pd.DataFrame, question: Comparison) -> bool:
    """Whether every frame has a value: a mean over part of the frames would be another question."""
    rows = scores[(scores["metric"] == question.metric) & (scores["degradation"] == question.degradation)]
    rows = rows[rows["model"].isin([question.model, question.baseline])]
    return bool(rows["value"].notna().all())


def _harm(
    verdicts: Sequence[Mapping[str, Any]], clean: pd.DataFrame, settings: EvalSettings
) -> tuple[str, str]:
    """What a model does that nobody should ship, and the numbers that say so; empty where it does neither."""
    words, reasons = [], []
    for row in verdicts:
        if row["family"] == "primary" and row["word"] == "worse":
            words.append(WORSE)
            unit = " dB" if row["metric"] == "psnr" else ""
            span = f"[{row['low']:+.3g}, {row['high']:+.3g}]"
            reasons.append(
                f"{row['metric'].upper()} {row['difference']:+.3g}{unit} {span} against doing nothing on"
                f" {row['degradation']}"
            )
    for kept in clean.loc[clean["harmful"] == "yes", "pooled"]:
        words.append(UNCLEAN)
        reasons.append(f"{kept:.1f} dB left of clean frames, below the {settings.clean_floor:g} dB asked for")
    return "; ".join(dict.fromkeys(words)), "; ".join(reasons)
