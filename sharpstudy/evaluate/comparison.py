"""Anybody's models on anybody's frames: checked first, then scored, then said in plain words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sharpstudy.data.frames import read_frame
from sharpstudy.data.references import Reference
from sharpstudy.evaluate.conditions import clean_set, degradation_name, degraded_set
from sharpstudy.evaluate.folders import Matched, match_folders
from sharpstudy.evaluate.frames import EvalFrame, FrameRow, FrameSet
from sharpstudy.evaluate.models import Model, cross_tuned, do_nothing, from_folder
from sharpstudy.evaluate.networks import from_student, read_weight_file, released_weights
from sharpstudy.evaluate.onnx_files import from_onnx
from sharpstudy.evaluate.scoring import combine, score_model
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.evaluate.tables import clean_table
from sharpstudy.evaluate.verdicts import judge
from sharpstudy.recipes import RECIPES, load_recipe

if TYPE_CHECKING:
    import pandas as pd

ALWAYS = ("do-nothing", "unsharp")  # in every comparison, asked for or not
ORDINARY = "call-300k"
OWN = "your degraded frames"  # what tables call frames that somebody else degraded


@dataclass(frozen=True)
class Wanted:
    """A model as it was asked for: its name in tables, what to load, and the recipe that made it."""

    name: str
    kind: str  # onnx, weights, folder
    path: Path
    recipe: str = ""
    role: str = "student"
    origin: str = "run"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The outcome: every score, the verdicts of all models but doing nothing, and their clean frames."""

    scores: pd.DataFrame
    verdicts: pd.DataFrame
    clean: pd.DataFrame
    degradation: str
    notes: tuple[str, ...] = ()


def find_model(text: str) -> Wanted | None:
    """What NAME=PATH, PATH or a word stands for; None for the baselines that are always there."""
    if text in ALWAYS:
        return None
    name, equals, rest = text.partition("=")
    named = bool(equals) and not Path(text).exists()
    given, path = (name, Path(rest)) if named else ("", Path(text))
    if not path.exists() and str(path) in RECIPES:
        weights = released_weights(str(path))
        if not weights.is_file():
            raise ValueError(f"{path}: no weights of this recipe's student ship with this version")
        return Wanted(given or f"{path} released", "weights", weights, str(path), origin="released")
    if path.is_dir():
        return Wanted(given or path.resolve().name, "folder", path)
    if path.suffix == ".onnx" and path.is_file():
        return Wanted(given or path.stem, "onnx", path)
    if path.suffix == ".safetensors" and path.is_file():
        said = read_weight_file(path)
        role = "student" if said.control == "none" else "control"
        return Wanted(given or path.stem, "weights", path, said.recipe, role)
    words = ", ".join((*ALWAYS, *RECIPES))
    raise ValueError(
        f"{text}: expected an .onnx or .safetensors file, a folder of restored pictures, or one of {words};"
        f" found {'another kind of file' if path.is_file() else 'nothing there'}"
    )


def check_names(wanted: Sequence[Wanted]) -> None:
    """Refuses two models of one name."""
    names = [one.name for one in wanted]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"models: {twice[0]!r} is there twice; NAME=PATH gives one another name")


def match_all(wanted: Sequence[Wanted], frames: Path, degraded: Path | None) -> Matched:
    """The references with everything that belongs to them; `problems` lists whatever does not fit."""
    return match_folders(frames, degraded, {one.name: one.path for one in wanted if one.kind == "folder"})


def load_models(wanted: Sequence[Wanted], matched: Matched, device: str = "cpu") -> list[Model]:
    """The models, each with its file read and tried; frames that one cannot take are refused here."""
    models = [_load(one, matched, device) for one in wanted]
    problems = [
        f"{model.name}: takes frames of {model.size[1]}x{model.size[0]} alone, {one.frame} has"
        f" {one.width}x{one.height}"
        for model in models
        for one in matched.references
        if model.size and model.size != (one.height, one.width)
    ]
    if problems:
        raise ValueError("\n".join(problems))
    return models


def given_pairs(matched: Matched, settings: EvalSettings) -> FrameSet:
    """The references with the degraded frames that somebody else made of them."""
    references = matched.references

    def load(index: int) -> EvalFrame:
        one = references[index]
        degraded = read_frame(matched.degraded[one.frame])
        return EvalFrame(one.frame, one.clip, one.category, OWN, one.load(), degraded)

    rows = tuple(_row(one) for one in references)
    return FrameSet(OWN, rows, load, metrics=settings.metrics)


def made_pairs(
    matched: Matched, degradation: str, folder: Path, settings: EvalSettings, progress: Callable | None = None
) -> FrameSet:
    """The references under a degradation of the study."""
    return degraded_set(list(matched.references), degradation, folder, settings, progress=progress)


def compare_models(
    models: Sequence[Model],
    pairs: FrameSet,
    references: Sequence[Reference],
    settings: EvalSettings,
    progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """All models, doing nothing and an unsharp mask on the pairs; those that can, on clean frames too.

    The mask is tuned across halves of the clips, since there is no validation part.
    """
    notes = [pairs.note] if pairs.note else []
    baselines = [do_nothing()]
    if len({row.clip for row in pairs.rows}) > 1:
        baselines.append(cross_tuned(pairs))
        notes.append(f"tuned unsharp: {baselines[-1].note}")
    else:
        notes.append("all frames are of one clip: there is nothing to tune a mask on, and no verdict")
    clean = clean_set(references, settings, settings.clean_frames)
    parts = []
    for model in (*baselines, *models):
        sets = [pairs, clean] if model.answers == "any" else [pairs]
        watch = _watch(model.name, progress)
        parts.append(score_model(model, sets, settings, watch))
    scores = combine(parts)
    own = dict.fromkeys(scores["recipe"].unique(), pairs.degradation)
    roles = ("student", "control", "baseline")
    verdicts = judge(scores, own, settings, roles)
    return Comparison(scores, verdicts, clean_table(scores, settings), pairs.degradation, tuple(notes))


def default_degradation(wanted: Sequence[Wanted]) -> str:
    """The degradation of the one shipped recipe that the models come from, else that of an ordinary call."""
    recipes = {one.recipe for one in wanted if one.recipe in RECIPES}
    names = {degradation_name(load_recipe(name)) for name in recipes}
    return names.pop() if len(names) == 1 else ORDINARY


def _load(one: Wanted, matched: Matched, device: str) -> Model:
    if one.kind == "folder":
        return from_folder(one.path, one.name, matched.keys)
    if one.kind == "onnx":
        return from_onnx(one.path, one.name)
    return from_student(one.path, one.recipe, one.origin, one.role, one.name, device)


def _row(one: Reference) -> FrameRow:
    return FrameRow(one.frame, one.clip, one.category, one.width, one.height)


def _watch(name: str, progress: Callable[[str, int, int], None] | None) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(name, done, total)
