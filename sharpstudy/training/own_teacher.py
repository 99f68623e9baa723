"""A recipe's own teacher: trained or fine-tuned on the recipe's pairs before it may teach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from sharpstudy.data.frames import write_bytes
from sharpstudy.distill import TrainingResult, process_rank, train_teacher
from sharpstudy.recipes import BudgetName, Recipe, Term
from sharpstudy.teach import Task, TeachSettings, teach
from sharpstudy.teachers import TEACHERS, TeacherError, build_network, load_teacher
from sharpstudy.training.keys import teacher_key
from sharpstudy.training.settings import Line, TrainOptions, on_step_of

NOBODY_ASKED = (Term("l1_reference", 1.0),)


@dataclass(frozen=True, eq=False)
class OwnTeacher:
    """A teacher trained for a recipe: its weight file, and what they were before."""

    name: str
    path: Path
    start: str  # random, official or released
    result: TrainingResult


def train_own_teacher(
    recipe: Recipe,
    budget: BudgetName,
    teaching: TeachSettings,
    options: TrainOptions,
    progress: Task | None = None,
    line: Line | None = None,
) -> OwnTeacher | None:
    """The first of the recipe's teachers whose first weights are here, trained as the recipe says.

    None where the budget trains none, where no first weights are here, or where `teaching.weights` already
    has a file for one that would be trained.
    """
    spent = recipe.budget(budget)
    if not spent.teacher_epochs or not recipe.needs_teacher:
        return None
    for name in recipe.teachers(budget):
        if (
            name in teaching.weights or name not in TEACHERS
        ):  # the gate's part refuses a name that is not known
            return None
        if (found := _first_weights(recipe, name, teaching.seed)) is not None:
            return _train(recipe, budget, name, found, teaching, options, progress, line)
    return None


def _first_weights(recipe: Recipe, name: str, seed: int) -> tuple[nn.Module, str] | None:
    """The network that training starts from, and whose weights it has; None where there are none here.

    A recipe that trains its teacher starts from nothing; those who stand in start from their own weights.
    """
    if name == recipe.teacher.name and recipe.teacher.weights == "trained":
        return build_network(name, seed), "random"
    for weights in ("official", "released") if TEACHERS[name].assets else ("released",):
        try:
            return load_teacher(name, weights).network, weights
        except TeacherError:
            continue
    return None


def _train(
    recipe: Recipe,
    budget: BudgetName,
    name: str,
    found: tuple[nn.Module, str],
    teaching: TeachSettings,
    options: TrainOptions,
    progress: Task | None,
    line: Line | None,
) -> OwnTeacher:
    network, start = found
    plain = replace(teaching, control="none", shard=None)
    pairs = teach(replace(recipe, loss=NOBODY_ASKED), budget, plain, device=options.device, progress=progress)
    key = teacher_key(recipe, budget, network, teaching.seed, pairs.train, pairs.validation)
    folder = teaching.work / "teachers" / f"{name}-{budget}-{key}"
    word = "trained" if start == "random" else "fine-tuned"
    with on_step_of(line, f"{recipe.name}, teacher {name}") as on_step:
        result = train_teacher(
            recipe,
            budget,
            network,
            name,
            TEACHERS[name].scale,
            pairs_train=pairs.train,
            pairs_validation=pairs.validation,
            folder=folder,
            seed=teaching.seed,
            device=options.device,
            resume=options.resume,
            on_step=on_step,
        )
    path = folder / f"{name}-{word}.safetensors"
    if process_rank() == 0:
        write_bytes(path, result.weights.read_bytes())
    return OwnTeacher(name, path, start, result)
